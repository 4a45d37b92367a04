package constraints

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"paspo/lp"
	"paspo/lp/constraints/internal/expression"
)

var rowKeys = []string{"name", "expr", "coefficients", "abs", "terms", "min", "max", "equal"}

// constraints adds the list of constraints on entities with the bounds of d to its rows,
// those of which have names from elsewhere in the file, by line.
func (r *reader) constraints(n *yaml.Node, names *expression.Names, d *lp.Description, lines map[string]int) {
	if n.Kind != yaml.SequenceNode {
		r.fail(n, "constraints: a list is expected, not %s", kindOf(n))
	}
	checkSize := func(at *yaml.Node, what string, rows int) {
		if rows*len(names.Entities) > lp.MaxCells {
			r.fail(at, "constraints: %d%s of %d entities are too many (at most %d numbers)", rows, what, len(names.Entities), lp.MaxCells)
		}
	}
	checkSize(n, "", len(n.Content))
	parts := map[string]int{} // lines of constraints by the names of their rows
	for i, c := range n.Content {
		rows, name := r.constraint(i, c, names)
		named := name != ""
		if !named {
			name = rows[0].Name
		}
		for k := 2; !named && lines[name] != 0; k++ {
			base, _, _ := strings.Cut(name, " #")
			name = fmt.Sprintf("%s #%d", base, k)
		}
		if line := lines[name]; line != 0 {
			r.fail(c, "constraint %s: the one in line %d has the same name", name, line)
		}
		if line := parts[name]; line != 0 {
			r.fail(c, "constraint %s: a row of the one in line %d has the same name", name, line)
		}
		lines[name] = c.Line
		for k := range rows {
			if rows[k].Name = name; len(rows) > 1 {
				rows[k].Name = fmt.Sprintf("%s (%d)", name, k+1)
				if line := lines[rows[k].Name]; line != 0 {
					r.fail(c, "constraint %s has %d rows, called %[1]s (1), %[1]s (2), ..: the one in line %[3]d has the same name as one of them", name, len(rows), line)
				}
				parts[rows[k].Name] = c.Line
			}
			if err := lp.CheckRow(names.Entities, rows[k]); err != nil {
				r.fail(c, "%v", err)
			}
		}
		d.Rows = append(d.Rows, rows...)
		checkSize(c, " rows", len(d.Rows))
	}
}

// constraint reads constraint i and the name that the file gives it, which is empty where
// it gives none: the first row has the name that its expression or its place makes.
func (r *reader) constraint(i int, n *yaml.Node, names *expression.Names) (rows []lp.Row, name string) {
	place := fmt.Sprintf("constraint %d", i+1)
	if n.Kind == yaml.ScalarNode {
		return r.expr(n, place, names), ""
	}
	where := place
	for entry := range slices.Chunk(n.Content, 2) { // errors in it name it
		if entry[0].Value == "name" && lp.CheckName(entry[1].Value) == nil {
			where = "constraint " + entry[1].Value
		}
	}
	f := r.fields(n, where, rowKeys)
	if c := f["name"]; c != nil {
		name = r.name(c, place+", name")
	}
	// without refuses what cannot stand beside other fields.
	without := func(format string, keys ...string) {
		for _, k := range keys {
			if f[k] != nil {
				r.fail(f[k], format, where, k)
			}
		}
	}
	switch {
	case f["expr"] != nil:
		without("%s: expr and %s cannot stand together", "coefficients")
		without("%s: %s goes with coefficients; an expr states its own limit", "abs", "terms", "min", "max", "equal")
		return r.expr(f["expr"], where, names), name
	case f["abs"] != nil:
		if f["coefficients"] != nil {
			without("%s: coefficients and %s cannot stand together", "abs")
		}
		if f["max"] == nil || f["min"] != nil || f["equal"] != nil {
			r.fail(n, "%s: abs goes with max, and with neither min nor equal: the set of allocations would not be convex", where)
		}
		row := r.coefficients(f, f["abs"], where, names)
		for j, w := range row.Coef {
			if w < 0 {
				r.fail(f["abs"], "%s, abs: the weight of %s is %g: 0 or more is allowed", where, names.Entities[j], w)
			}
		}
		rows = expression.Magnitudes(row, names)
	case f["coefficients"] != nil:
		rows = []lp.Row{r.coefficients(f, f["coefficients"], where, names)}
	default:
		r.fail(n, "%s: it needs expr, coefficients with min, max or equal, or abs with max", where)
	}
	rows[0].Name = fmt.Sprintf("row %d", i+1)
	return rows, name
}

// expr reads an expression and names the first of its rows by it.
func (r *reader) expr(n *yaml.Node, where string, names *expression.Names) []lp.Row {
	if n.Kind != yaml.ScalarNode || n.Tag == "!!null" {
		r.fail(n, "%s, expr: text is expected, like \"TECH + 2*CASH <= 0.4\", not %s", where, kindOf(n))
	}
	rows, err := expression.Parse(n.Value, names)
	if err != nil {
		r.fail(n, "%s, expr: %w", where, err)
	}
	row := &rows[0]
	row.Name = strings.Join(strings.Fields(n.Value), " ")
	if lp.CheckName(row.Name) != nil {
		row.Name = strings.ToUpper(where[:1]) + where[1:]
	}
	return rows
}

// sum reads coefficients of entities and groups.
func (r *reader) sum(n *yaml.Node, where, key string, names *expression.Names) []float64 {
	coef := map[int]float64{}
	for _, c := range r.pairs(n, where+", "+key) {
		name := r.name(c.key, where+", "+key+": name")
		k, ok := names.Index(name)
		if !ok {
			r.fail(c.key, "%s, %s: %s", where, key, names.Unknown(name, name))
		}
		coef[k] = r.number(c.value, where+", coefficient of "+name, lp.MaxRow)
	}
	return names.Expand(coef)
}

// coefficients reads a row whose coefficients are in a node.
func (r *reader) coefficients(f map[string]*yaml.Node, n *yaml.Node, where string, names *expression.Names) (row lp.Row) {
	row.Coef = r.sum(n, where, "coefficients", names)
	if n := f["equal"]; n != nil {
		if f["terms"] != nil {
			r.fail(n, "%s: equal cannot stand with terms: the set of allocations would not be convex", where)
		}
		if f["min"] != nil || f["max"] != nil {
			r.fail(n, "%s: equal cannot stand with min or max", where)
		}
		row.Max = r.number(n, where+", equal", lp.MaxRow)
		row.Min = row.Max
		return row
	}
	row.Min = r.limit(f["min"], where+", min", math.Inf(-1), lp.MaxRow)
	row.Max = r.limit(f["max"], where+", max", math.Inf(1), lp.MaxRow)
	if n := f["terms"]; n != nil {
		if f["max"] == nil || f["min"] != nil {
			r.fail(n, "%s: terms go with max, and with neither min nor equal: the set of allocations would not be convex", where)
		}
		row.Terms = r.terms(n, where+", terms", names)
	}
	return row
}

var termKeys = []string{"entity", "sum", "above", "below", "from", "holding"}

// terms reads convex terms of a row: above max(0, a - from) + below max(0, from - a) of an
// entity or of a sum of entities. Where holding is true, each state sets its own from.
func (r *reader) terms(n *yaml.Node, where string, names *expression.Names) (out []lp.Term) {
	like := fmt.Sprintf("is expected, like [{entity: %s, above: 1, below: 1, from: 0.1}], not %s", names.Entities[0], kindOf(n))
	for i, c := range r.items(n, where, like) {
		at := fmt.Sprintf("%s, term %d", where, i+1)
		f := r.fields(c, at, termKeys)
		if (f["entity"] == nil) == (f["sum"] == nil) {
			r.fail(c, "%s: it needs an entity, or a sum with coefficients of entities", at)
		}
		if f["sum"] != nil && f["holding"] != nil && f["holding"].Value == "true" {
			r.fail(f["holding"], "%s: a sum counts from a number, not from what is held", at)
		}
		number := func(key string, least, most float64) float64 {
			v := f[key]
			if v == nil {
				return 0
			}
			x := r.number(v, at+", "+key, most)
			if x < least {
				r.fail(v, "%s, %s: %g is below 0: the set of allocations would not be convex", at, key, x)
			}
			return x
		}
		t := lp.Term{
			Above: number("above", 0, lp.MaxRow),
			Below: number("below", 0, lp.MaxRow),
			From:  number("from", -lp.MaxMagnitude, lp.MaxMagnitude),
		}
		if v := f["entity"]; v != nil {
			t.Entity = r.entity(v, at, r.name(v, at+", entity"), names)
		} else {
			t.Sum = r.sum(f["sum"], at, "sum", names)
		}
		if v := f["holding"]; v != nil {
			if v.Value != "true" && v.Value != "false" {
				r.fail(v, "%s, holding: true or false is expected, not %s", at, expression.Clip(v.Value))
			}
			t.Holding = v.Value == "true"
		}
		out = append(out, t)
	}
	return out
}
