package setting

import (
	"errors"
	"testing"

	"go.yaml.in/yaml/v3"
)

func TestFlow(t *testing.T) {
	for text, want := range map[string]string{
		"uniform":                     "uniform",
		"0.001":                       "0.001",
		"{A: 0.3, B: 0.7}":            "{A: 0.3, B: 0.7}",
		"# amounts\nA: 0.3 # A\nB: 1": "{A: 0.3, B: 1}",
	} {
		var n yaml.Node
		if err := yaml.Unmarshal([]byte(text), &n); err != nil {
			t.Fatal(err)
		}
		if got, err := Flow(n.Content[0]); err != nil || got != want {
			t.Errorf("%q is %q, %v, want %q", text, got, err, want)
		}
	}
	if _, err := Flow(&yaml.Node{Kind: yaml.SequenceNode}); !errors.Is(err, ErrFlow) {
		t.Errorf("a list is %v", err)
	}
}
