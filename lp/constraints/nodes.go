package constraints

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"paspo/lp"
	"paspo/lp/constraints/internal/expression"
)

// kindOf says in words what a node is.
func kindOf(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	case yaml.AliasNode:
		return "an alias (*" + expression.Clip(n.Value) + "), which these files do not take"
	}
	if n.Tag == "!!null" {
		return "nothing"
	}
	return strconv.Quote(expression.Clip(n.Value))
}

type pair struct{ key, value *yaml.Node }

// pairs returns the entries of a mapping, whose keys are distinct scalars.
func (r *reader) pairs(n *yaml.Node, where string) (out []pair) {
	if n.Kind != yaml.MappingNode {
		r.fail(n, "%s: a mapping is expected, like {MSFT: ...}, not %s", where, kindOf(n))
	}
	lines := map[string]int{}
	for entry := range slices.Chunk(n.Content, 2) {
		k := entry[0]
		if k.Kind != yaml.ScalarNode {
			r.fail(k, "%s: a name is expected, not %s", where, kindOf(k))
		}
		// YAML takes {CASH:2} for a key without a value.
		if at := strings.LastIndexByte(k.Value, ':'); at > 0 && entry[1].Tag == "!!null" && entry[1].Value == "" {
			if _, err := strconv.ParseFloat(k.Value[at+1:], 64); err == nil {
				r.fail(k, "%s: %s needs a space after the colon: %s", where, expression.Clip(k.Value), expression.Clip(k.Value[:at]+": "+k.Value[at+1:]))
			}
		}
		if line := lines[k.Value]; line != 0 {
			r.fail(k, "%s: %s is given twice, first in line %d", where, expression.Clip(k.Value), line)
		}
		lines[k.Value] = k.Line
		out = append(out, pair{k, entry[1]})
	}
	return out
}

// fields returns the entries of a mapping whose keys are known.
func (r *reader) fields(n *yaml.Node, where string, known []string) map[string]*yaml.Node {
	if n.Kind != yaml.MappingNode {
		r.fail(n, "%s: a mapping is expected, with %s, not %s", where, expression.List(known), kindOf(n))
	}
	out := map[string]*yaml.Node{}
	for _, p := range r.pairs(n, where) {
		if !slices.Contains(known, p.key.Value) {
			r.fail(p.key, "%s: unknown key %q%s; known are %s", where, expression.Clip(p.key.Value), expression.Suggest(p.key.Value, known), expression.List(known))
		}
		out[p.key.Value] = p.value
	}
	return out
}

// items returns the elements of a list, one or more. The example shows what is expected.
func (r *reader) items(n *yaml.Node, where, example string) []*yaml.Node {
	if n.Kind != yaml.SequenceNode || len(n.Content) == 0 {
		r.fail(n, "%s: a list %s", where, example)
	}
	return n.Content
}

// name returns a name as it is written: TRUE, 7203 and 1e3 are names too.
func (r *reader) name(n *yaml.Node, where string) string {
	if n.Kind != yaml.ScalarNode {
		r.fail(n, "%s: a name is expected, not %s", where, kindOf(n))
	}
	if n.Tag == "!!null" {
		r.fail(n, "%s: a name is expected, not nothing; put it in quotes if it is %q", where, n.Value)
	}
	if err := lp.CheckName(n.Value); err != nil {
		r.fail(n, "%s: %w", where, err)
	}
	return n.Value
}

// number returns a finite number of a size of at most most.
func (r *reader) number(n *yaml.Node, where string, most float64) float64 {
	v, wrong := numberOf(n, most)
	if wrong != "" {
		r.fail(n, "%s: %s", where, wrong)
	}
	return v
}

// numberOf is number that returns what is wrong with the node.
func numberOf(n *yaml.Node, most float64) (v float64, wrong string) {
	const quoted = yaml.SingleQuotedStyle | yaml.DoubleQuotedStyle | yaml.LiteralStyle | yaml.FoldedStyle
	v, err := strconv.ParseFloat(n.Value, 64)
	if n.Kind != yaml.ScalarNode || n.Style&quoted != 0 || expression.NumberLength(strings.TrimLeft(n.Value, "+-")) == 0 ||
		err != nil && !math.IsInf(v, 0) || strings.ContainsAny(n.Value, "xX_pP") {
		wrong = "a number is expected, not " + kindOf(n)
		if percent, ok := strings.CutSuffix(n.Value, "%"); ok {
			if share := expression.Share(strings.TrimSpace(percent)); share != "" {
				wrong += fmt.Sprintf(": write %s for %s", share, expression.Clip(n.Value))
			}
		}
		return 0, wrong
	}
	if math.Abs(v) > most {
		return 0, fmt.Sprintf("%s is too large (at most %g)", expression.Clip(n.Value), most)
	}
	return v, ""
}

// limit returns a number, or none where there is no node, it is null, or it is infinite on
// the side where that means no limit.
func (r *reader) limit(n *yaml.Node, where string, none, most float64) float64 {
	if n == nil {
		return none
	}
	if n.Kind == yaml.ScalarNode {
		inf := math.NaN()
		switch strings.ToLower(n.Value) {
		case ".inf", "+.inf", "inf", "+inf":
			inf = math.Inf(1)
		case "-.inf", "-inf":
			inf = math.Inf(-1)
		}
		if n.Tag == "!!null" || inf == none {
			return none
		}
	}
	return r.number(n, where, most)
}

// integer returns a number from least to most.
func (r *reader) integer(n *yaml.Node, where string, least, most uint64) uint64 {
	v, err := strconv.ParseUint(n.Value, 10, 64)
	if n.Kind != yaml.ScalarNode || err != nil || v < least || v > most {
		r.fail(n, "%s: an integer from %d to %d is expected, not %s", where, least, most, kindOf(n))
	}
	return v
}
