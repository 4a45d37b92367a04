package constraints

import (
	"math"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"paspo/lp"
)

// kindOf says in words what a node is.
func kindOf(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	case yaml.AliasNode:
		return "an alias (*" + clip(n.Value) + "), which these files do not take"
	}
	if n.Tag == "!!null" {
		return "nothing"
	}
	return strconv.Quote(clip(n.Value))
}

type pair struct{ key, value *yaml.Node }

// pairs returns the entries of a mapping, whose keys are distinct scalars.
func (r *reader) pairs(n *yaml.Node, where string) ([]pair, error) {
	if n.Kind != yaml.MappingNode {
		return nil, r.errorf(n, "%s: a mapping is expected, like {MSFT: ...}, not %s", where, kindOf(n))
	}
	var out []pair
	lines := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k := n.Content[i]
		if k.Kind != yaml.ScalarNode {
			return nil, r.errorf(k, "%s: a name is expected, not %s", where, kindOf(k))
		}
		if line := lines[k.Value]; line != 0 {
			return nil, r.errorf(k, "%s: %s is given twice, first in line %d", where, clip(k.Value), line)
		}
		lines[k.Value] = k.Line
		out = append(out, pair{k, n.Content[i+1]})
	}
	return out, nil
}

// fields returns the entries of a mapping whose keys are known.
func (r *reader) fields(n *yaml.Node, where string, known []string) (map[string]*yaml.Node, error) {
	if n.Kind != yaml.MappingNode {
		return nil, r.errorf(n, "%s: a mapping is expected, with %s, not %s", where, list(known), kindOf(n))
	}
	pairs, err := r.pairs(n, where)
	if err != nil {
		return nil, err
	}
	out := make(map[string]*yaml.Node, len(pairs))
	for _, p := range pairs {
		ok := false
		for _, k := range known {
			ok = ok || k == p.key.Value
		}
		if !ok {
			return nil, r.errorf(p.key, "%s: unknown key %q%s; known are %s", where, clip(p.key.Value), suggest(p.key.Value, known), list(known))
		}
		out[p.key.Value] = p.value
	}
	return out, nil
}

// name returns a name as it is written: TRUE, 7203 and 1e3 are names too.
func (r *reader) name(n *yaml.Node, where string) (string, error) {
	if n.Kind != yaml.ScalarNode {
		return "", r.errorf(n, "%s: a name is expected, not %s", where, kindOf(n))
	}
	if n.Tag == "!!null" {
		return "", r.errorf(n, "%s: a name is expected, not nothing; put it in quotes if it is %q", where, n.Value)
	}
	if err := lp.CheckName(n.Value); err != nil {
		return "", r.errorf(n, "%s: %w", where, err)
	}
	return n.Value, nil
}

// amount returns a number of an amount's size.
func (r *reader) amount(n *yaml.Node, where string) (float64, error) {
	return r.number(n, where, lp.MaxMagnitude)
}

// number returns a finite number of a size of at most most.
func (r *reader) number(n *yaml.Node, where string, most float64) (float64, error) {
	quoted := n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) != 0
	if n.Kind != yaml.ScalarNode || quoted || numberLength(strings.TrimLeft(n.Value, "+-")) == 0 {
		return 0, r.errorf(n, "%s: a number is expected, not %s", where, kindOf(n))
	}
	v, err := strconv.ParseFloat(n.Value, 64)
	if err != nil && !math.IsInf(v, 0) || strings.ContainsAny(n.Value, "xX_pP") {
		return 0, r.errorf(n, "%s: a number is expected, not %s", where, kindOf(n))
	}
	if math.Abs(v) > most {
		return 0, r.errorf(n, "%s: %s is too large (at most %g)", where, clip(n.Value), most)
	}
	return v, nil
}

// limit returns a number, or none where the node is null or infinite on the side
// where that means no limit.
func (r *reader) limit(n *yaml.Node, where string, none, most float64) (float64, error) {
	if n.Kind == yaml.ScalarNode {
		inf := math.NaN()
		switch strings.ToLower(n.Value) {
		case ".inf", "+.inf", "inf", "+inf":
			inf = math.Inf(1)
		case "-.inf", "-inf":
			inf = math.Inf(-1)
		}
		if n.Tag == "!!null" || inf == none {
			return none, nil
		}
	}
	return r.number(n, where, most)
}

// integer returns a number from min to max.
func (r *reader) integer(n *yaml.Node, where string, least, most uint64) (uint64, error) {
	v, err := uint64(0), error(nil)
	if n.Kind == yaml.ScalarNode {
		v, err = strconv.ParseUint(n.Value, 10, 64)
	}
	if n.Kind != yaml.ScalarNode || err != nil || v < least || v > most {
		return 0, r.errorf(n, "%s: an integer from %d to %d is expected, not %s", where, least, most, kindOf(n))
	}
	return v, nil
}
