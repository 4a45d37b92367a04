package constraints

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"regexp"
	"strings"

	"paspo/lp"
	"paspo/lp/constraints/internal/expression"
	"paspo/lp/internal/vec"
)

// Write writes the polytope as a constraints file to edit. Parse reads it back to the
// same polytope: the hash is equal.
//
// A polytope that was described by points is written as points, so its rows are
// computed anew when the file is read: they describe the same set, but are not
// the rows that were given beside the points.
func Write(w io.Writer, p *lp.Polytope) error {
	d := p.Description()
	out := bufio.NewWriter(w)
	if d.Name != "" {
		fmt.Fprintf(out, "name: %s\n", yamlName(d.Name))
	}
	fmt.Fprint(out, "\n# An allocation gives every entity a number, in this order.\nentities: [")
	writeWrapped(out, d.Entities)
	fmt.Fprint(out, "]\n")
	total := "none"
	if !math.IsNaN(d.Total) {
		total = vec.Text(d.Total)
	}
	if d.Points != nil {
		fmt.Fprintf(out, "\n# The sum of all entities, or none.\ntotal: %s\n\n# Their convex hull is the polytope.\npoints:\n", total)
		for _, v := range d.Points {
			numbers := make([]string, len(v))
			for j, x := range v {
				numbers[j] = vec.Text(x)
			}
			fmt.Fprintf(out, "  - [%s]\n", strings.Join(numbers, ", "))
		}
		if d.FacetEffort > 0 {
			fmt.Fprintf(out, "\n# Millions of steps to look for its facets.\nfacet_effort: %d\n", d.FacetEffort)
		}
		return out.Flush()
	}
	fmt.Fprintf(out, "\n# The sum of all entities; none: no budget.\ntotal: %s\n", total)
	writeBounds(out, &d)
	if len(d.Rows) == 0 {
		fmt.Fprint(out, "\n# For example: {name: pair, expr: \"A + B <= 0.4\"}\nconstraints: []\n")
		return out.Flush()
	}
	fmt.Fprint(out, "\n# Each is an expr with <=, >= or =, or coefficients with min, max or equal.\nconstraints:\n")
	for _, r := range d.Rows {
		writeRow(out, d.Entities, r)
	}
	return out.Flush()
}

func writeBounds(out *bufio.Writer, d *lp.Description) {
	fmt.Fprint(out, "\n# The least and the largest share of an entity; [0, .inf] where it is not listed.\n")
	any := false
	for j, e := range d.Entities {
		if d.Lower[j] == 0 && math.IsInf(d.Upper[j], 1) {
			continue
		}
		if !any {
			fmt.Fprint(out, "bounds:\n")
			any = true
		}
		if e == everyOther {
			e = quotedOther
		}
		fmt.Fprintf(out, "  %s: [%s, %s]\n", yamlName(e), yamlFloat(d.Lower[j]), yamlFloat(d.Upper[j]))
	}
	if !any {
		fmt.Fprint(out, "bounds: {}\n")
	}
}

func writeRow(out *bufio.Writer, entities []string, r lp.Row) {
	const longest = 100
	if expr, ok := expression.Row(entities, r); ok && len(expr) <= longest && len(r.Terms) == 0 {
		fmt.Fprintf(out, "  - name: %s\n    expr: %s\n", yamlName(r.Name), yamlQuote(expr))
		return
	}
	fmt.Fprintf(out, "  - name: %s\n", yamlName(r.Name))
	if r.Min == r.Max {
		fmt.Fprintf(out, "    equal: %s\n", vec.Text(r.Max))
	} else {
		if !math.IsInf(r.Min, -1) {
			fmt.Fprintf(out, "    min: %s\n", vec.Text(r.Min))
		}
		if !math.IsInf(r.Max, 1) {
			fmt.Fprintf(out, "    max: %s\n", vec.Text(r.Max))
		}
	}
	for i, t := range r.Terms {
		if i == 0 {
			fmt.Fprint(out, "    terms:\n")
		}
		what := "entity: " + yamlName(entities[t.Entity])
		if t.Sum != nil {
			var of []string
			for j, c := range t.Sum {
				if c != 0 {
					of = append(of, yamlName(entities[j])+": "+vec.Text(c))
				}
			}
			what = "sum: {" + strings.Join(of, ", ") + "}"
		}
		fmt.Fprintf(out, "      - {%s, above: %s, below: %s, from: %s, holding: %t}\n", what, vec.Text(t.Above), vec.Text(t.Below), vec.Text(t.From), t.Holding)
	}
	if vec.MaxAbs(r.Coef) == 0 {
		fmt.Fprint(out, "    coefficients: {}\n")
		return
	}
	fmt.Fprint(out, "    coefficients:\n")
	for j, c := range r.Coef {
		if c != 0 {
			fmt.Fprintf(out, "      %s: %s\n", yamlName(entities[j]), vec.Text(c))
		}
	}
}

// writeWrapped writes a flow sequence of names in lines of bearable length.
func writeWrapped(out *bufio.Writer, names []string) {
	const longest = 100
	column := len("entities: [")
	for i, e := range names {
		e = yamlName(e)
		switch {
		case i == 0:
			column += len(e)
		case column+len(e)+2 > longest:
			fmt.Fprint(out, ",\n  ")
			column = len(e) + 2
		default:
			fmt.Fprint(out, ", ")
			column += len(e) + 2
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
	return vec.Text(v)
}
