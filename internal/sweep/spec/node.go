package spec

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// parser reads the nodes of a sweep file: its methods check a value and say of a wrong one
// where it stands and what is allowed.
type parser struct {
	name   string
	copied bool // the base is a copy
}

// errorf makes an error at the line of a node.
func (p *parser) errorf(n *yaml.Node, format string, args ...any) error {
	return fmt.Errorf("%s:%d: %s", p.name, n.Line, fmt.Sprintf(format, args...))
}

// wrong says what is allowed in the place of a value.
func (p *parser) wrong(n *yaml.Node, key, allowed string) error {
	return p.errorf(n, "%s is %s: %s is allowed", key, show(n), allowed)
}

// show is a value as an error quotes it.
func show(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		if len(n.Content) == 0 {
			return "an empty list"
		}
		return "a list"
	}
	if n.Value == "" {
		return "empty"
	}
	const most = 60
	if len(n.Value) > most {
		return strconv.Quote(strings.ToValidUTF8(n.Value[:most], "") + "...")
	}
	return strconv.Quote(n.Value)
}

// examples are of the parts of a file that are mappings.
var examples = map[string]string{
	"objective": "{statistic: median}",
	"search":    "{method: grid}",
	"prune":     "{method: asha, min_steps: 20_000}",
	"report":    "{settings: 3, seeds: 101..105}",
}

// mapping calls the function of every key that a mapping has.
func (p *parser) mapping(n *yaml.Node, key string, of map[string]func(*yaml.Node) error) error {
	if n.Kind != yaml.MappingNode {
		allowed := "a mapping"
		if e := examples[key]; e != "" {
			allowed += " such as " + e
		}
		return p.wrong(n, key, allowed)
	}
	prefix := ""
	if key != "the document" {
		prefix = key + "."
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		name, value := n.Content[i], n.Content[i+1]
		f := of[name.Value]
		if f == nil {
			var names []string
			for k := range of {
				names = append(names, k)
			}
			slices.Sort(names)
			return p.errorf(name, "unknown key %s%s: one of %s is allowed", prefix, name.Value, strings.Join(names, ", "))
		}
		if seen[name.Value] {
			return p.errorf(name, "%s%s is set twice", prefix, name.Value)
		}
		seen[name.Value] = true
		if err := f(value); err != nil {
			return err
		}
	}
	return nil
}

// aliases refuses aliases but in the settings of the base, which are read as a configuration file.
func (p *parser) aliases(n *yaml.Node, key string) error {
	switch {
	case n.Kind == yaml.AliasNode:
		return p.errorf(n, "%s is the alias *%s: its value itself is allowed, and aliases in base alone", key, n.Value)
	case key == "base":
		return nil
	}
	for i, c := range n.Content {
		at := key
		if n.Kind == yaml.MappingNode && i%2 == 1 {
			at = strings.TrimPrefix(key+"."+n.Content[i-1].Value, ".")
		}
		if err := p.aliases(c, at); err != nil {
			return err
		}
	}
	return nil
}

// choice reads one of some words.
func (p *parser) choice(key string, to *string, allowed ...string) func(*yaml.Node) error {
	return func(n *yaml.Node) error {
		if n.Kind != yaml.ScalarNode || !slices.Contains(allowed, n.Value) {
			return p.wrong(n, key, "one of "+strings.Join(allowed, ", "))
		}
		*to = n.Value
		return nil
	}
}

// number is the finite number of a scalar that is not quoted.
func number(n *yaml.Node) (float64, bool) {
	if n.Kind != yaml.ScalarNode || n.Tag == "!!str" && n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) != 0 {
		return 0, false
	}
	x, err := strconv.ParseFloat(strings.ReplaceAll(n.Value, "_", ""), 64)
	return x, err == nil && x-x == 0
}

// integer reads an integer within bounds.
func (p *parser) integer(key string, to *int, least, most int) func(*yaml.Node) error {
	return func(n *yaml.Node) error {
		x, ok := number(n)
		if !ok || x != float64(int(x)) || int(x) < least || int(x) > most {
			return p.wrong(n, key, fmt.Sprintf("an integer from %d to %d", least, most))
		}
		*to = int(x)
		return nil
	}
}
