package lp

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"regexp"
	"strings"
)

// WriteYAML writes the polytope as a constraints file to edit. Parse reads it
// back to the same polytope: the hash is equal.
//
// A polytope that was described by points is written as points, so its rows are
// computed anew when the file is read: they describe the same set, but are not
// the rows that were given beside the points.
func (p *Polytope) WriteYAML(w io.Writer) error {
	out := bufio.NewWriter(w)
	if p.name != "" {
		fmt.Fprintf(out, "name: %s\n", yamlName(p.name))
	}
	fmt.Fprint(out, "\n# An allocation gives every entity a number, in this order.\nentities: [")
	writeWrapped(out, p.entities)
	fmt.Fprint(out, "]\n")
	total := "none"
	if p.budget {
		total = formatFloat(p.f[0])
	}
	if p.points != nil {
		fmt.Fprintf(out, "\n# The sum of all entities, or none.\ntotal: %s\n\n# Their convex hull is the polytope.\npoints:\n", total)
		for _, v := range p.points {
			fmt.Fprint(out, "  - [")
			for j, x := range v {
				if j > 0 {
					fmt.Fprint(out, ", ")
				}
				fmt.Fprint(out, formatFloat(x))
			}
			fmt.Fprint(out, "]\n")
		}
		if p.facetEffort > 0 {
			fmt.Fprintf(out, "\n# Millions of steps to look for its facets.\nfacet_effort: %d\n", p.facetEffort)
		}
		return out.Flush()
	}
	fmt.Fprintf(out, "\n# The sum of all entities; none: no budget.\ntotal: %s\n", total)
	p.writeBounds(out)
	if len(p.rows) == 0 {
		fmt.Fprint(out, "\n# For example: {name: pair, expr: \"A + B <= 0.4\"}\nconstraints: []\n")
		return out.Flush()
	}
	fmt.Fprint(out, "\n# Each is an expr with <=, >= or =, or coefficients with min, max or equal.\nconstraints:\n")
	for _, r := range p.rows {
		p.writeRow(out, r)
	}
	return out.Flush()
}

func (p *Polytope) writeBounds(out *bufio.Writer) {
	fmt.Fprint(out, "\n# The least and the largest share of an entity; [0, .inf] where it is not listed.\n")
	any := false
	for j, e := range p.entities {
		if p.l[j] == 0 && math.IsInf(p.u[j], 1) {
			continue
		}
		if !any {
			fmt.Fprint(out, "bounds:\n")
			any = true
		}
		fmt.Fprintf(out, "  %s: [%s, %s]\n", yamlName(e), yamlFloat(p.l[j]), yamlFloat(p.u[j]))
	}
	if !any {
		fmt.Fprint(out, "bounds: {}\n")
	}
}

func (p *Polytope) writeRow(out *bufio.Writer, r Row) {
	const longest = 100
	if expr, ok := p.expr(r); ok && len(expr) <= longest {
		fmt.Fprintf(out, "  - name: %s\n    expr: %s\n", yamlName(r.Name), yamlQuote(expr))
		return
	}
	fmt.Fprintf(out, "  - name: %s\n", yamlName(r.Name))
	switch {
	case r.Min == r.Max:
		fmt.Fprintf(out, "    equal: %s\n", formatFloat(r.Max))
	case math.IsInf(r.Min, -1):
		fmt.Fprintf(out, "    max: %s\n", formatFloat(r.Max))
	case math.IsInf(r.Max, 1):
		fmt.Fprintf(out, "    min: %s\n", formatFloat(r.Min))
	default:
		fmt.Fprintf(out, "    min: %s\n    max: %s\n", formatFloat(r.Min), formatFloat(r.Max))
	}
	fmt.Fprint(out, "    coefficients:\n")
	for j, c := range r.Coef {
		if c != 0 {
			fmt.Fprintf(out, "      %s: %s\n", yamlName(p.entities[j]), formatFloat(c))
		}
	}
}

// expr returns a row as an expression that parses to the same numbers, and false
// where a name cannot be quoted.
func (p *Polytope) expr(r Row) (string, bool) {
	var s strings.Builder
	for j, c := range r.Coef {
		if c == 0 {
			continue
		}
		switch {
		case s.Len() == 0 && c < 0:
			s.WriteString("-")
		case s.Len() > 0 && c < 0:
			s.WriteString(" - ")
		case s.Len() > 0:
			s.WriteString(" + ")
		}
		name, ok := quoteName(p.entities[j])
		if !ok {
			return "", false
		}
		if c = math.Abs(c); c != 1 {
			s.WriteString(formatFloat(c) + "*")
		}
		s.WriteString(name)
	}
	switch {
	case r.Min == r.Max:
		return s.String() + " = " + formatFloat(r.Max), true
	case math.IsInf(r.Min, -1):
		return s.String() + " <= " + formatFloat(r.Max), true
	case math.IsInf(r.Max, 1):
		return s.String() + " >= " + formatFloat(r.Min), true
	}
	return formatFloat(r.Min) + " <= " + s.String() + " <= " + formatFloat(r.Max), true
}

// writeWrapped writes a flow sequence of names in lines of bearable length.
func writeWrapped(out *bufio.Writer, names []string) {
	const longest = 100
	column := len("entities: [")
	for i, e := range names {
		e = yamlName(e)
		if i > 0 {
			fmt.Fprint(out, ",")
			if column += len(e) + 2; column > longest {
				fmt.Fprint(out, "\n  ")
				column = len(e) + 2
			} else {
				fmt.Fprint(out, " ")
			}
		} else {
			column += len(e)
		}
		fmt.Fprint(out, e)
	}
}

// yamlPlain matches names that need no quotes in any version of YAML, but for
// the words of yamlWord.
var (
	yamlPlain = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.]*( [A-Za-z0-9_.]+)*$`)
	yamlWord  = regexp.MustCompile(`(?i)^(y|n|yes|no|on|off|true|false|null|none|nan|inf)$`)
)

func yamlName(s string) string {
	if yamlPlain.MatchString(s) && !yamlWord.MatchString(s) {
		return s
	}
	return yamlQuote(s)
}

// yamlQuote returns a double-quoted scalar. Names hold printing characters only.
func yamlQuote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

func yamlFloat(v float64) string {
	switch {
	case math.IsInf(v, 1):
		return ".inf"
	case math.IsInf(v, -1):
		return "-.inf"
	}
	return formatFloat(v)
}
