package setting

import (
	"errors"
	"strings"

	"go.yaml.in/yaml/v3"
)

// ErrFlow says that a node is neither text nor a mapping.
var ErrFlow = errors.New("neither text nor a mapping")

// Flow returns what a setting is written as that takes a mapping as well as text: the text,
// or the mapping on one line and without comments. Another node is ErrFlow.
func Flow(n *yaml.Node) (string, error) {
	switch n.Kind {
	case yaml.ScalarNode:
		return n.Value, nil
	case yaml.MappingNode:
	default:
		return "", ErrFlow
	}
	flow := yaml.Node{Kind: yaml.MappingNode, Style: yaml.FlowStyle}
	for _, x := range n.Content {
		flow.Content = append(flow.Content, &yaml.Node{Kind: x.Kind, Tag: x.Tag, Value: x.Value})
	}
	b, err := yaml.Marshal(&flow)
	return strings.TrimSpace(string(b)), err
}
