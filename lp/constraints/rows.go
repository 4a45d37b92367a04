package constraints

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"paspo/lp"
)

var rowKeys = []string{"name", "expr", "coefficients", "abs", "terms", "min", "max", "equal"}

// constraints adds the list of constraints on entities with the bounds of d to its rows,
// those of which have names from elsewhere in the file, by line.
func (r *reader) constraints(n *yaml.Node, names *symbols, d *lp.Description, lines map[string]int) error {
	if n.Kind != yaml.SequenceNode {
		return r.errorf(n, "constraints: a list is expected, not %s", kindOf(n))
	}
	if len(n.Content)*len(names.entities) > lp.MaxCells {
		return r.errorf(n, "constraints: %d of %d entities are too many (at most %d numbers)", len(n.Content), len(names.entities), lp.MaxCells)
	}
	for i, c := range n.Content {
		rows, named, err := r.constraint(i, c, names)
		if err != nil {
			return err
		}
		name := rows[0].Name
		for k := 2; !named && lines[name] != 0; k++ {
			base, _, _ := strings.Cut(name, " #")
			name = fmt.Sprintf("%s #%d", base, k)
		}
		if line := lines[name]; line != 0 {
			return r.errorf(c, "constraint %s: the one in line %d has the same name", name, line)
		}
		lines[name] = c.Line
		for k := range rows {
			if rows[k].Name = name; len(rows) > 1 {
				rows[k].Name = fmt.Sprintf("%s (%d)", name, k+1)
			}
			if err := lp.CheckRow(names.entities, rows[k]); err != nil {
				return r.errorf(c, "%v", err)
			}
		}
		if weights := field(c, "abs"); weights != nil {
			if rows, err = r.withSigns(weights, rows[0], names, d); err != nil {
				return err
			}
		}
		if d.Rows = append(d.Rows, rows...); len(d.Rows)*len(names.entities) > lp.MaxCells {
			return r.errorf(c, "constraints: %d rows of %d entities are too many (at most %d numbers)", len(d.Rows), len(names.entities), lp.MaxCells)
		}
	}
	return nil
}

// field returns the value of a mapping's key, nil where there is none.
func field(n *yaml.Node, key string) *yaml.Node {
	for i := 0; n.Kind == yaml.MappingNode && i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1]
		}
	}
	return nil
}

// maxSigns is the number of entities of either sign that a sum of magnitudes may have: it
// is as many rows as there are choices of their signs.
const maxSigns = 8

// withSigns returns the rows of sum_j w_j |a_j| <= c, given the one that has w for its
// coefficients: sum_j s_j w_j a_j <= c for all signs s_j. An entity whose bounds allow one
// sign has that.
func (r *reader) withSigns(n *yaml.Node, row lp.Row, names *symbols, d *lp.Description) ([]lp.Row, error) {
	var free []int
	for j, w := range row.Coef {
		below, above := 0., math.Inf(1)
		if d.Lower != nil {
			below, above = d.Lower[j], d.Upper[j]
		}
		switch {
		case w < 0:
			return nil, r.errorf(n, "constraint %s, abs: the weight of %s is %g: 0 or more is allowed", row.Name, names.entities[j], w)
		case w == 0 || below >= 0:
		case above <= 0:
			row.Coef[j] = -w
		default:
			free = append(free, j)
		}
	}
	if len(free) > maxSigns {
		return nil, r.errorf(n, "constraint %s, abs: %d entities can be of either sign: at most %d are allowed, as the limit is one row for every choice of signs",
			row.Name, len(free), maxSigns)
	}
	if len(free) == 0 {
		return []lp.Row{row}, nil
	}
	var rows []lp.Row
	for signs := range 1 << len(free) {
		one := lp.Row{Name: row.Name + " ", Coef: slices.Clone(row.Coef), Min: row.Min, Max: row.Max}
		for k, j := range free {
			if signs>>k&1 == 1 {
				one.Coef[j] = -one.Coef[j]
				one.Name += "-"
			} else {
				one.Name += "+"
			}
		}
		rows = append(rows, one)
	}
	return rows, nil
}

// constraint reads constraint i and says whether the file names it. One that it
// does not is named by its expression, or by its place.
func (r *reader) constraint(i int, n *yaml.Node, names *symbols) (rows []lp.Row, named bool, err error) {
	place := fmt.Sprintf("constraint %d", i+1)
	if n.Kind == yaml.ScalarNode {
		rows, err = r.expr(n, place, names)
		return rows, false, err
	}
	where := place
	for i := 0; i+1 < len(n.Content); i += 2 { // errors in it name it
		if k, v := n.Content[i], n.Content[i+1]; k.Value == "name" && lp.CheckName(v.Value) == nil {
			where = "constraint " + v.Value
		}
	}
	f, err := r.fields(n, where, rowKeys)
	if err != nil {
		return nil, false, err
	}
	name := ""
	var row lp.Row
	if c := f["name"]; c != nil {
		if name, err = r.name(c, place+", name"); err != nil {
			return nil, false, err
		}
	}
	switch {
	case f["expr"] != nil && f["coefficients"] != nil:
		return nil, false, r.errorf(f["coefficients"], "%s: expr and coefficients cannot stand together", where)
	case f["expr"] != nil:
		for _, k := range [...]string{"abs", "terms", "min", "max", "equal"} {
			if f[k] != nil {
				return nil, false, r.errorf(f[k], "%s: %s goes with coefficients; an expr states its own limit", where, k)
			}
		}
		rows, err = r.expr(f["expr"], where, names)
	case f["coefficients"] != nil && f["abs"] != nil:
		return nil, false, r.errorf(f["abs"], "%s: coefficients and abs cannot stand together", where)
	case f["abs"] != nil:
		if f["max"] == nil || f["min"] != nil || f["equal"] != nil {
			return nil, false, r.errorf(n, "%s: abs goes with max, and with neither min nor equal: what is left would not be convex", where)
		}
		row, err = r.coefficients(f, f["abs"], where, names)
		row.Name = fmt.Sprintf("row %d", i+1)
	case f["coefficients"] != nil:
		row, err = r.coefficients(f, f["coefficients"], where, names)
		row.Name = fmt.Sprintf("row %d", i+1)
	default:
		return nil, false, r.errorf(n, "%s: it needs expr, coefficients with min, max or equal, or abs with max", where)
	}
	if err != nil {
		return nil, false, err
	}
	if rows == nil {
		rows = []lp.Row{row}
	}
	if name != "" {
		rows[0].Name = name
	}
	return rows, name != "", nil
}

// expr reads an expression and names the first of its rows by it.
func (r *reader) expr(n *yaml.Node, where string, names *symbols) ([]lp.Row, error) {
	if n.Kind != yaml.ScalarNode || n.Tag == "!!null" {
		return nil, r.errorf(n, "%s, expr: text is expected, like \"TECH + 2*CASH <= 0.4\", not %s", where, kindOf(n))
	}
	rows, err := parseExpr(n.Value, names)
	if err != nil {
		return nil, r.errorf(n, "%s, expr: %w", where, err)
	}
	row := &rows[0]
	row.Name = strings.Join(strings.Fields(n.Value), " ")
	if lp.CheckName(row.Name) != nil {
		row.Name = strings.ToUpper(where[:1]) + where[1:]
	}
	return rows, nil
}

// coefficients reads a row whose coefficients are in a node.
func (r *reader) coefficients(f map[string]*yaml.Node, n *yaml.Node, where string, names *symbols) (row lp.Row, err error) {
	pairs, err := r.pairs(n, where+", coefficients")
	if err != nil {
		return row, err
	}
	coef := map[int]float64{}
	for _, c := range pairs {
		name, err := r.name(c.key, where+", coefficients: name")
		if err != nil {
			return row, err
		}
		k, ok := names.index[name]
		if !ok {
			return row, r.errorf(c.key, "%s, coefficients: %s", where, names.unknown(name, name))
		}
		if coef[k], err = r.number(c.value, where+", coefficient of "+name, lp.MaxRow); err != nil {
			return row, err
		}
	}
	row = lp.Row{Coef: names.expand(coef), Min: math.Inf(-1), Max: math.Inf(1)}
	if n := f["equal"]; n != nil {
		if f["terms"] != nil {
			return row, r.errorf(n, "%s: equal cannot stand with terms: what is left would not be convex", where)
		}
		if f["min"] != nil || f["max"] != nil {
			return row, r.errorf(n, "%s: equal cannot stand with min or max", where)
		}
		row.Max, err = r.number(n, where+", equal", lp.MaxRow)
		row.Min = row.Max
		return row, err
	}
	if n := f["min"]; n != nil {
		if row.Min, err = r.limit(n, where+", min", math.Inf(-1), lp.MaxRow); err != nil {
			return row, err
		}
	}
	if n := f["max"]; n != nil {
		if row.Max, err = r.limit(n, where+", max", math.Inf(1), lp.MaxRow); err != nil {
			return row, err
		}
	}
	if n := f["terms"]; n != nil {
		if f["max"] == nil || f["min"] != nil {
			return row, r.errorf(n, "%s: terms go with max, and with neither min nor equal: what is left would not be convex", where)
		}
		row.Terms, err = r.terms(n, where+", terms", names)
		return row, err
	}
	return row, err
}

var termKeys = []string{"entity", "above", "below", "from", "holding"}

// terms reads convex terms of a row: above max(0, a - from) + below max(0, from - a) of an
// entity, and where holding is true a state moves from.
func (r *reader) terms(n *yaml.Node, where string, names *symbols) (out []lp.Term, err error) {
	if n.Kind != yaml.SequenceNode || len(n.Content) == 0 {
		return nil, r.errorf(n, "%s: a list is expected, like [{entity: %s, above: 1, below: 1, from: 0.1}], not %s", where, names.entities[0], kindOf(n))
	}
	for i, c := range n.Content {
		at := fmt.Sprintf("%s, term %d", where, i+1)
		f, err := r.fields(c, at, termKeys)
		if err != nil {
			return nil, err
		}
		var t lp.Term
		if f["entity"] == nil {
			return nil, r.errorf(c, "%s: it needs an entity", at)
		}
		name, err := r.name(f["entity"], at+", entity")
		if err != nil {
			return nil, err
		}
		if t.Entity, err = r.entity(f["entity"], at, name, names); err != nil {
			return nil, err
		}
		for _, x := range [...]struct {
			key  string
			to   *float64
			most float64
		}{{"above", &t.Above, lp.MaxRow}, {"below", &t.Below, lp.MaxRow}, {"from", &t.From, lp.MaxMagnitude}} {
			v := f[x.key]
			if v == nil {
				continue
			}
			if *x.to, err = r.number(v, at+", "+x.key, x.most); err != nil {
				return nil, err
			}
			if x.key != "from" && *x.to < 0 {
				return nil, r.errorf(v, "%s, %s: %g is below 0: what is left would not be convex", at, x.key, *x.to)
			}
		}
		if v := f["holding"]; v != nil {
			if v.Value != "true" && v.Value != "false" {
				return nil, r.errorf(v, "%s, holding: true or false is expected, not %s", at, clip(v.Value))
			}
			t.Holding = v.Value == "true"
		}
		out = append(out, t)
	}
	return out, nil
}
