package constraints

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"paspo/lp"
)

// Parse reads a constraints file, YAML of this form, where everything but the
// entities may be left out:
//
//	name: my fund
//	entities: [CASH, MSFT, AMZN, Fund 1]
//	total: 1                       # the sum of all entities; none: no budget
//	bounds: {MSFT: [0, 0.3], CASH: [0.05, .inf]}      # [0, .inf] where not given
//	groups: {TECH: [MSFT, AMZN]}   # sums of entities, for constraints and bounds
//	constraints:
//	  - {name: tech, expr: "TECH + 2*CASH <= 0.4"}    # see below
//	  - "0.1 <= TECH <= 0.4"                          # without a name
//	  - {name: r2, coefficients: {MSFT: 2, AMZN: 0.5}, min: 0.1, max: 0.5}
//	  - {name: r3, coefficients: {CASH: 1, MSFT: -2}, equal: 0}
//	  - {name: power, abs: {MSFT: 1, AMZN: 2}, max: 0.5}    # |MSFT| + 2 |AMZN|
//	  - "max(MSFT, AMZN) - min(CASH, TECH) <= 0.2"
//	  - "abs(MSFT - AMZN) <= 0.1"
//	  - turnover(TECH) <= 0.2      # see below
//	holdings: {CASH: 0.6, MSFT: 0.4}    # what turnover counts from; 0 where not given
//
// The total may lie between limits, {min: 0.5, max: 1} or one of them. Bounds called
// default are those of all entities that have none of their own, and bounds of a group
// those of its sum.
//
// An expression is linear in entities and groups, with + - * / and parentheses,
// on both sides of <=, >= or =. A name that holds spaces or operators, or starts
// with a digit, stands in backticks there. max(..), min(..) and abs(..) of expressions
// stand where what they leave is convex, max and abs on the smaller side. They make a row
// for every choice of their arguments, at most 256, those left out that bounds imply. Sums
// of abs(..) of single entities may have more choices: they become terms.
//
// Terms of an entity or, summed, of all entities of a group, or of ALL, make no row of their
// own (see lp.Term). They stand where max and abs do:
//
//	leverage(X)    |a|             long(X)    max(0, a)        short(X)  max(0, -a)
//	turnover(X)    |a - holding|   bought(X)  max(0, a - h)    sold(X)   max(0, h - a)
//
// turnover is two-way: what is bought and what is sold both count, and one-way it is
// turnover(X)/2. Holdings of a state take the place of the file's, see lp.Limits. Written
// out, a row with terms is
//
//	{name: r4, coefficients: {CASH: 1}, max: 0.3, terms: [{entity: MSFT, above: 1, below: 2, from: 0.1, holding: false}]}
//
// Instead of bounds, groups and constraints a file may give the points whose
// convex hull the polytope is, one number an entity:
//
//	points: [[0.2, 0.8], [0.6, 0.4]]
//
// or a generator, whose entities get names where none are listed:
//
//	generate: {method: rejection_sampling, entities: 9, rows: 5, seed: 1}
//	generate: {method: points, entities: 7, points: 30, seed: 1}
//	generate: {method: portfolio, rows: 5, seed: 2}
//	generate: {method: unconstrained, entities: 5}
//
// The facets of a hull are looked for with a limited effort, in millions of steps. One
// that has more is taken as it is, without facets:
//
//	facet_effort: 1000
//
// Errors name the file (name), the line, the constraint and what is wrong in it.
func Parse(name string, data []byte) (p *lp.Polytope, err error) {
	return parse(data, &reader{file: name})
}

func parse(data []byte, r *reader) (p *lp.Polytope, err error) {
	name := r.file
	if len(data) > maxFile {
		return nil, fmt.Errorf("%s: the file is larger than %d MB", name, maxFile>>20)
	}
	root, err := r.document(data)
	if err != nil {
		return nil, err
	}
	d, err := r.description(root)
	if err != nil {
		return nil, err
	}
	if r.unheld {
		err = countFromEqual(&d)
	}
	if err == nil {
		p, err = lp.New(d)
	}
	if err != nil {
		var empty *lp.EmptyError
		if errors.As(err, &empty) {
			empty.Conflict = stated(empty.Conflict, &d)
		}
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return p, nil
}

// stated adds to the names of rows what they say, where a name is not that already.
func stated(conflict []string, d *lp.Description) []string {
	const longest = 200
	out := slices.Clone(conflict)
	for i, name := range out {
		k := slices.IndexFunc(d.Rows, func(r lp.Row) bool { return r.Name == name })
		if k < 0 || len(d.Rows[k].Terms) > 0 || strings.ContainsAny(name, "<=>≤≥") {
			continue
		}
		if expr, ok := rowExpr(d.Entities, d.Rows[k]); ok && len(expr) <= longest {
			if strings.HasPrefix(expr, " ") {
				expr = "0" + expr // of no entity
			}
			out[i] = name + ": " + expr
		}
	}
	return out
}

// reader reads the nodes of a constraints file.
type reader struct {
	file string
	box  *lp.Description // that the polytope lies in, nil for none

	// See ReadFileHeld.
	held   []string // entities where the file lists none, nil where it has to
	unheld bool     // the file lists no holdings
}

// countFromEqual has terms count from the allocation closest to equal shares of the total that
// rows without holdings leave.
func countFromEqual(d *lp.Description) error {
	base, err := lp.New(d.WithoutHoldings())
	if err != nil {
		return err
	}
	from := make([]float64, base.Dim())
	if !math.IsNaN(d.Total) {
		for j := range from {
			from[j] = d.Total / float64(len(from))
		}
	}
	if from, err = lp.Project(base, from); err != nil {
		return err
	}
	for k := range d.Rows {
		for i := range d.Rows[k].Terms {
			if t := &d.Rows[k].Terms[i]; t.Holding {
				t.From = from[t.Entity]
			}
		}
	}
	return nil
}

func (r *reader) errorf(n *yaml.Node, format string, args ...any) error {
	return fmt.Errorf("%s:%d: %w", r.file, n.Line, fmt.Errorf(format, args...))
}

// document returns the root of the only document in data.
func (r *reader) document(data []byte) (root *yaml.Node, err error) {
	// A library that reads what anybody wrote must not end the program.
	defer func() {
		if e := recover(); e != nil {
			root, err = nil, fmt.Errorf("%s: not valid YAML (%v)", r.file, e)
		}
	}()
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	var doc, more yaml.Node
	switch err := decoder.Decode(&doc); {
	case errors.Is(err, io.EOF) || err == nil && len(doc.Content) == 0:
		return nil, fmt.Errorf("%s: the file is empty", r.file)
	case err != nil:
		return nil, r.yamlError(err, data)
	}
	if err := decoder.Decode(&more); err == nil {
		return nil, r.errorf(&more, "a second document begins; a file holds one")
	} else if !errors.Is(err, io.EOF) {
		return nil, r.yamlError(err, data)
	}
	return doc.Content[0], nil
}

// yamlError says in one line what the library says, and what helps with the two
// mistakes that its words do not explain.
func (r *reader) yamlError(err error, data []byte) error {
	msg := strings.TrimPrefix(err.Error(), "yaml: ")
	at := r.file
	var line int
	if n, _ := fmt.Sscanf(msg, "line %d:", &line); n == 1 {
		at = fmt.Sprintf("%s:%d", r.file, line)
		_, msg, _ = strings.Cut(msg, ": ")
	}
	if strings.Contains(msg, "cannot start any token") {
		hint := "; put the text in quotes"
		if lines := bytes.Split(data, []byte("\n")); 0 < line && line <= len(lines) && bytes.HasPrefix(bytes.TrimLeft(lines[line-1], " "), []byte("\t")) {
			hint = "; indent with spaces, not tabs"
		}
		msg += hint
	}
	return fmt.Errorf("%s: not valid YAML: %s", at, strings.ReplaceAll(msg, "\n", " "))
}

var fileKeys = []string{"name", "entities", "total", "bounds", "groups", "constraints", "points", "generate", "facet_effort", "holdings"}

// description reads the whole file.
func (r *reader) description(root *yaml.Node) (d lp.Description, err error) {
	top, err := r.fields(root, "the file", fileKeys)
	if err != nil {
		return d, err
	}
	d.Name = baseName(r.file)
	if n := top["name"]; n != nil {
		if d.Name, err = r.name(n, "name"); err != nil {
			return d, err
		}
	}
	for _, kind := range [...]string{"points", "generate"} {
		if top[kind] == nil {
			continue
		}
		if r.box != nil {
			return d, r.errorf(top[kind], "%s describe a polytope of their own; bounds, groups and constraints are allowed in a box", kind)
		}
		for _, other := range [...]string{"bounds", "groups", "constraints", "holdings", "generate"} {
			if n := top[other]; n != nil && other != kind {
				return d, r.errorf(n, "%s and %s cannot stand together", kind, other)
			}
		}
	}
	if n := top["facet_effort"]; n != nil {
		if top["points"] == nil && top["generate"] == nil {
			return d, r.errorf(n, "facet_effort is for the hull of points, and there are none")
		}
		v, err := r.integer(n, "facet_effort", 1, lp.MaxFacetEffort)
		if err != nil {
			return d, err
		}
		d.FacetEffort = int(v)
	}
	if n := top["entities"]; n != nil {
		if d.Entities, err = r.entities(n); err != nil {
			return d, err
		}
	}
	switch {
	case top["generate"] != nil:
		if n := top["total"]; n != nil {
			return d, r.errorf(n, "generate and total cannot stand together: the total is 1")
		}
		return r.generate(top["generate"], d)
	case top["points"] != nil:
		return r.points(top["points"], top["total"], d)
	case r.box != nil && d.Entities == nil:
		d.Entities = r.box.Entities
	case r.held != nil && d.Entities == nil:
		d.Entities = r.held
		d.Lower, d.Upper = make([]float64, len(r.held)), slices.Repeat([]float64{1}, len(r.held))
	case r.box != nil && len(d.Entities) != len(r.box.Entities):
		return d, r.errorf(top["entities"], "entities: %d are listed, the box has %d", len(d.Entities), len(r.box.Entities))
	case d.Entities == nil:
		return d, r.errorf(root, "entities are missing: list them like entities: [CASH, MSFT]")
	}
	if d.Total, err = r.total(top["total"]); err != nil {
		return d, err
	}
	if r.box != nil {
		d.Lower, d.Upper = slices.Clone(r.box.Lower), slices.Clone(r.box.Upper)
		if top["total"] == nil {
			d.Total = r.box.Total
		}
	}
	names := newSymbols(d.Entities)
	lines := map[string]int{} // of rows, by name
	if n := top["total"]; n != nil && n.Kind == yaml.MappingNode {
		row, err := r.totalRow(n, len(d.Entities))
		if err != nil {
			return d, err
		}
		d.Rows, lines[row.Name] = append(d.Rows, row), n.Line
	}
	if n := top["groups"]; n != nil {
		if err := r.groups(n, names); err != nil {
			return d, err
		}
	}
	if n := top["bounds"]; n != nil {
		if err := r.bounds(n, names, &d, lines); err != nil {
			return d, err
		}
	}
	if n := top["holdings"]; n != nil {
		if names.holdings, err = r.holdings(n, names); err != nil {
			return d, err
		}
	}
	if r.held != nil && names.holdings == nil {
		r.unheld, names.holdings = true, make([]float64, len(d.Entities))
	}
	if n := top["constraints"]; n != nil {
		names.lower, names.upper = d.Lower, d.Upper
		if names.lower == nil {
			names.lower, names.upper = unbounded(len(d.Entities))
		}
		if err := r.constraints(n, names, &d, lines); err != nil {
			return d, err
		}
	}
	return d, nil
}

// holdings reads what is held of every entity: 0 of what is not listed.
func (r *reader) holdings(n *yaml.Node, names *symbols) ([]float64, error) {
	pairs, err := r.pairs(n, "holdings")
	if err != nil {
		return nil, err
	}
	out := make([]float64, len(names.entities))
	for _, h := range pairs {
		name, err := r.name(h.key, "holdings: name of an entity")
		if err != nil {
			return nil, err
		}
		j, err := r.entity(h.key, "holdings", name, names)
		if err != nil {
			return nil, err
		}
		if out[j], err = r.number(h.value, "holdings of "+name, lp.MaxMagnitude); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (r *reader) entities(n *yaml.Node) ([]string, error) {
	if n.Kind != yaml.SequenceNode {
		return nil, r.errorf(n, "entities: a list is expected, like [CASH, MSFT], not %s", kindOf(n))
	}
	if len(n.Content) == 0 || len(n.Content) > lp.MaxEntities {
		return nil, r.errorf(n, "entities: %d are listed; 1 to %d are allowed", len(n.Content), lp.MaxEntities)
	}
	var out []string
	seen := map[string]bool{}
	for i, c := range n.Content {
		e, err := r.name(c, fmt.Sprintf("entity %d", i+1))
		if err != nil {
			return nil, err
		}
		if seen[e] {
			return nil, r.errorf(c, "entity %d: %s is listed twice", i+1, e)
		}
		seen[e] = true
		out = append(out, e)
	}
	return out, nil
}

// total reads the budget: 1 where there is none in the file, NaN where there is
// to be none.
func (r *reader) total(n *yaml.Node) (float64, error) {
	if n == nil {
		return 1, nil
	}
	if n.Kind == yaml.ScalarNode && (n.Value == "none" || n.Tag == "!!null") || n.Kind == yaml.MappingNode {
		return math.NaN(), nil
	}
	v, err := r.amount(n, "total")
	if err != nil {
		return 0, fmt.Errorf("%w; none means no budget", err)
	}
	return v, nil
}

// totalRow reads a total that lies between limits: {min: 0.5, max: 1}, or one of them.
func (r *reader) totalRow(n *yaml.Node, entities int) (lp.Row, error) {
	f, err := r.fields(n, "total", []string{"min", "max"})
	if err != nil {
		return lp.Row{}, err
	}
	row := lp.Row{Name: "total", Min: math.Inf(-1), Max: math.Inf(1), Coef: make([]float64, entities)}
	for j := range row.Coef {
		row.Coef[j] = 1
	}
	if f["min"] == nil && f["max"] == nil {
		return row, r.errorf(n, "total: it needs min or max, like {max: 1}")
	}
	if c := f["min"]; c != nil {
		if row.Min, err = r.amount(c, "total, min"); err != nil {
			return row, err
		}
	}
	if c := f["max"]; c != nil {
		if row.Max, err = r.amount(c, "total, max"); err != nil {
			return row, err
		}
	}
	if row.Min > row.Max {
		return row, r.errorf(n, "total: the min, %g, is above the max, %g", row.Min, row.Max)
	}
	return row, nil
}

// unbounded returns the bounds of entities that have none of their own.
func unbounded(n int) (lower, upper []float64) {
	lower, upper = make([]float64, n), make([]float64, n)
	for j := range upper {
		upper[j] = math.Inf(1)
	}
	return lower, upper
}

func (r *reader) groups(n *yaml.Node, names *symbols) error {
	pairs, err := r.pairs(n, "groups")
	if err != nil {
		return err
	}
	for _, g := range pairs {
		name, err := r.name(g.key, "groups: name of a group")
		if err != nil {
			return err
		}
		if _, ok := names.index[name]; ok {
			return r.errorf(g.key, "group %s: an entity has this name", name)
		}
		if g.value.Kind != yaml.SequenceNode || len(g.value.Content) == 0 {
			return r.errorf(g.value, "group %s: a list of entities is expected, like [CASH, MSFT]", name)
		}
		var members []int
		seen := map[int]bool{}
		for _, c := range g.value.Content {
			e, err := r.name(c, "group "+name)
			if err != nil {
				return err
			}
			j, err := r.entity(c, "group "+name, e, names)
			if err != nil {
				return err
			}
			if seen[j] {
				return r.errorf(c, "group %s: %s is listed twice", name, e)
			}
			seen[j] = true
			members = append(members, j)
		}
		names.addGroup(name, members)
	}
	return nil
}

// entity returns the index of an entity, which a group is not.
func (r *reader) entity(n *yaml.Node, where, name string, names *symbols) (int, error) {
	j, ok := names.index[name]
	switch {
	case !ok:
		return 0, r.errorf(n, "%s: unknown entity %q%s; known are %s", where, clip(name), suggest(name, names.entities), list(names.entities))
	case j >= len(names.entities):
		return 0, r.errorf(n, "%s: %s is a group where an entity is expected", where, name)
	}
	return j, nil
}

// everyOther is what bounds of all entities that have none of their own stand under.
const everyOther = "default"

func (r *reader) bounds(n *yaml.Node, names *symbols, d *lp.Description, lines map[string]int) error {
	pairs, err := r.pairs(n, "bounds")
	if err != nil {
		return err
	}
	if d.Lower == nil {
		d.Lower, d.Upper = unbounded(len(d.Entities))
	}
	own := make([]bool, len(d.Entities))
	var rest *yaml.Node
	for _, b := range pairs {
		name, err := r.name(b.key, "bounds: name of an entity")
		if err != nil {
			return err
		}
		k, ok := names.index[name]
		switch {
		case !ok && name == everyOther:
			rest = b.value
			continue
		case ok && k >= len(names.entities):
			if err := r.groupBounds(b.value, name, names, d, lines); err != nil {
				return err
			}
			continue
		}
		if !ok { // groups and the word for all others stand here too
			known := slices.Concat(names.entities, names.groups)
			return r.errorf(b.key, "bounds: unknown name %q%s; known are %s, and %s for all others", clip(name), suggest(name, append(known, everyOther)), list(known), everyOther)
		}
		j := k
		own[j] = true
		if err := r.bound(b.value, j, d); err != nil {
			return err
		}
	}
	for j := range own {
		if rest != nil && !own[j] {
			if err := r.bound(rest, j, d); err != nil {
				return err
			}
		}
	}
	return nil
}

// pair reads two bounds.
func (r *reader) pair(n *yaml.Node, name string) (lower, upper float64, err error) {
	if n.Kind != yaml.SequenceNode || len(n.Content) != 2 {
		return 0, 0, r.errorf(n, "bounds of %s: two numbers are expected, like [0, 0.3]; .inf means no bound", name)
	}
	if lower, err = r.limit(n.Content[0], "lower bound of "+name, math.Inf(-1), lp.MaxMagnitude); err != nil {
		return 0, 0, err
	}
	upper, err = r.limit(n.Content[1], "upper bound of "+name, math.Inf(1), lp.MaxMagnitude)
	return lower, upper, err
}

func (r *reader) ordered(n *yaml.Node, name string, lower, upper float64) error {
	if lower > upper {
		return r.errorf(n, "bounds of %s: the lower, %g, is above the upper, %g", name, lower, upper)
	}
	return nil
}

// bound reads the bounds of entity j.
func (r *reader) bound(n *yaml.Node, j int, d *lp.Description) error {
	name := d.Entities[j]
	lower, upper, err := r.pair(n, name)
	if err != nil {
		return err
	}
	if r.box != nil { // no bound leaves that of the box
		if math.IsInf(lower, -1) {
			lower = r.box.Lower[j]
		}
		if math.IsInf(upper, 1) {
			upper = r.box.Upper[j]
		}
		if lower < r.box.Lower[j] || upper > r.box.Upper[j] {
			return r.errorf(n, "bounds of %s: [%g, %g] reaches beyond [%g, %g], which it can be", name, lower, upper, r.box.Lower[j], r.box.Upper[j])
		}
	}
	d.Lower[j], d.Upper[j] = lower, upper
	return r.ordered(n, name, lower, upper)
}

// groupBounds reads the bounds of a group, a row of its name.
func (r *reader) groupBounds(n *yaml.Node, name string, names *symbols, d *lp.Description, lines map[string]int) error {
	row := lp.Row{Name: name, Coef: names.expand(map[int]float64{names.index[name]: 1})}
	var err error
	if row.Min, row.Max, err = r.pair(n, name); err != nil {
		return err
	}
	if err := r.ordered(n, name, row.Min, row.Max); err != nil {
		return err
	}
	if math.IsInf(row.Min, -1) && math.IsInf(row.Max, 1) {
		return nil
	}
	if line := lines[name]; line != 0 {
		return r.errorf(n, "bounds of %s: the limit in line %d has the same name", name, line)
	}
	d.Rows, lines[name] = append(d.Rows, row), n.Line
	return nil
}
