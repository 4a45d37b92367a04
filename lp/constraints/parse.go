package constraints

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"paspo/lp"
	"paspo/lp/constraints/internal/expression"
	"paspo/lp/constraints/internal/refuse"
	"paspo/lp/internal/vec"
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
// stand where the set of allocations stays convex, max and abs on the smaller side. They make a row
// for every choice of their arguments, at most 256, those left out that bounds imply. Where
// there are more choices, each function that chooses between two sums, as abs(A - B) and
// max(A, B) do, becomes a term.
//
// Terms of an entity or, summed, of all entities of a group, or of ALL, make no row of their
// own (see lp.Term). An entity or a group that is called ALL itself stands in backticks here.
// They stand where max and abs do:
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
// and a term of several entities has {sum: {MSFT: 1, AAPL: -1}, ..} in the place of entity.
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
	defer refuse.Caught(&err)
	if len(data) > maxFile {
		refuse.With("%s: the file is larger than %d MB", r.file, maxFile>>20)
	}
	root, err := r.document(data)
	if err != nil {
		return nil, err
	}
	d := r.description(root)
	d.Rows = r.withBase(d.Rows)
	if r.unheld {
		err = countFromEqual(&d)
	}
	if err == nil {
		p, err = lp.New(d)
	}
	if err != nil {
		var empty *lp.EmptyError
		if errors.As(err, &empty) {
			empty.Name = "" // the file has one
			if empty.Conflict, empty.Description = inShares(stated(empty.Conflict, &d), &d), &d; r.unheld {
				base := d.WithoutHoldings() // what they count from is not known
				empty.Description = &base
			}
		}
		return nil, fmt.Errorf("%s: %w", r.file, err)
	}
	return p, nil
}

// inShares says of lower bounds above a total of 1 that amounts are shares of it.
func inShares(conflict []string, d *lp.Description) []string {
	for i, text := range conflict {
		for j, e := range d.Entities {
			if x := d.Lower[j]; d.Total == 1 && x > 1 && strings.HasPrefix(text, e+" >= ") {
				conflict[i] += fmt.Sprintf(" (of a total of 1: %g%% is %g)", x, digits(x/100))
			}
		}
	}
	return conflict
}

// stated is Stated of the rows of a description.
func stated(conflict []string, d *lp.Description) []string {
	names := make([]string, len(d.Rows))
	for k, r := range d.Rows {
		names[k] = r.Name
	}
	return explained(conflict, names, func(name string) []string {
		k := slices.Index(names, name)
		if k < 0 {
			return nil
		}
		if _, part := Part(names, k); !part && relation.MatchString(name) {
			return nil
		}
		r := d.Rows[k]
		r.Coef, r.Min, r.Max = shown(r.Coef), digits(r.Min), digits(r.Max)
		if len(r.Terms) > 0 {
			return []string{expression.LeftSide(r.Coef, r.Terms, d.Entities) + " <= " + vec.Text(r.Max)}
		}
		expr, ok := expression.Row(d.Entities, r)
		if !ok {
			return nil
		}
		return []string{expr}
	}, func(string) string { return "" })
}

// reader reads the nodes of a constraints file.
type reader struct {
	file string
	box  *lp.Description // that the polytope lies in, nil for none

	base []lp.Row // that those of the file come beside, nil for none

	// See ReadFileHeld.
	held   []string // entities where the file lists none, nil where it has to
	unheld bool     // the file lists no holdings
}

// withBase puts rows after those of the base. A name that one of these has gets a number.
func (r *reader) withBase(rows []lp.Row) []lp.Row {
	all := slices.Clone(r.base)
	for _, row := range rows {
		name := row.Name
		for k := 2; slices.ContainsFunc(all, func(b lp.Row) bool { return b.Name == row.Name }); k++ {
			row.Name = fmt.Sprintf("%s #%d", name, k)
		}
		all = append(all, row)
	}
	return all
}

// countFromEqual has terms count from an allocation: of those that satisfy the rows without
// holdings, the closest to equal shares of the total.
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

// fail refuses the file for what a node holds.
func (r *reader) fail(n *yaml.Node, format string, args ...any) {
	refuse.With("%s:%d: %w", r.file, n.Line, fmt.Errorf(format, args...))
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
	err = decoder.Decode(&doc)
	if errors.Is(err, io.EOF) || err == nil && len(doc.Content) == 0 {
		return nil, fmt.Errorf("%s: the file is empty", r.file)
	}
	if err == nil {
		if err = decoder.Decode(&more); err == nil {
			return nil, fmt.Errorf("%s:%d: a second document begins; a file holds one", r.file, more.Line)
		}
	}
	if !errors.Is(err, io.EOF) {
		return nil, r.yamlError(err, data)
	}
	return doc.Content[0], nil
}

// noSpace matches a colon of a mapping that YAML takes for a part of the key.
var noSpace = regexp.MustCompile(`\w:[\[{]`)

// yamlError says in one line what the library says, and what helps with the mistakes
// that its words do not explain.
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
	if strings.Contains(msg, "expected ',' or '}'") && noSpace.Match(data) {
		msg += "; a colon needs a space after it"
	}
	return fmt.Errorf("%s: not valid YAML: %s", at, strings.ReplaceAll(msg, "\n", " "))
}

var fileKeys = []string{"name", "entities", "total", "bounds", "groups", "constraints", "points", "generate", "facet_effort", "holdings"}

// description reads the whole file.
func (r *reader) description(root *yaml.Node) (d lp.Description) {
	top := r.fields(root, "the file", fileKeys)
	d.Name = baseName(r.file)
	if n := top["name"]; n != nil {
		d.Name = r.name(n, "name")
	}
	for _, kind := range [...]string{"points", "generate"} {
		if top[kind] == nil {
			continue
		}
		if r.box != nil {
			r.fail(top[kind], "%s describe a polytope of their own; bounds, groups and constraints are allowed in a box", kind)
		}
		for _, other := range [...]string{"bounds", "groups", "constraints", "holdings", "generate"} {
			if n := top[other]; n != nil && other != kind {
				r.fail(n, "%s and %s cannot stand together", kind, other)
			}
		}
	}
	if n := top["facet_effort"]; n != nil {
		if top["points"] == nil && top["generate"] == nil {
			r.fail(n, "facet_effort is for the hull of points, and there are none")
		}
		d.FacetEffort = int(r.integer(n, "facet_effort", 1, lp.MaxFacetEffort))
	}
	if n := top["entities"]; n != nil {
		d.Entities = r.entities(n)
	}
	switch {
	case top["generate"] != nil:
		if n := top["total"]; n != nil {
			r.fail(n, "generate and total cannot stand together: the total is 1")
		}
		return r.generate(top["generate"], d)
	case top["points"] != nil:
		return r.points(top["points"], top["total"], d)
	}
	r.rows(root, top, &d)
	return d
}

// rows reads a file whose polytope is one of bounds and rows.
func (r *reader) rows(root *yaml.Node, top map[string]*yaml.Node, d *lp.Description) {
	switch {
	case r.box != nil && d.Entities == nil:
		d.Entities = r.box.Entities
	case r.held != nil && d.Entities == nil:
		d.Entities = r.held
		d.Lower, d.Upper = make([]float64, len(r.held)), slices.Repeat([]float64{1}, len(r.held))
	case r.box != nil && len(d.Entities) != len(r.box.Entities):
		r.fail(top["entities"], "entities: %d are listed, the box has %d", len(d.Entities), len(r.box.Entities))
	case d.Entities == nil:
		r.fail(root, "%w: list them like entities: [CASH, MSFT]", ErrNoEntities)
	}
	n := len(d.Entities)
	d.Total = r.total(top["total"])
	if r.box != nil {
		d.Lower, d.Upper = slices.Clone(r.box.Lower), slices.Clone(r.box.Upper)
		if top["total"] == nil {
			d.Total = r.box.Total
		}
	}
	if d.Lower == nil {
		d.Lower, d.Upper = make([]float64, n), slices.Repeat([]float64{math.Inf(1)}, n)
	}
	names := expression.NewNames(d.Entities)
	lines := map[string]int{} // of rows, by name
	if total := top["total"]; total != nil && total.Kind == yaml.MappingNode {
		row := r.totalRow(total, n)
		d.Rows, lines[row.Name] = append(d.Rows, row), total.Line
	}
	if groups := top["groups"]; groups != nil {
		r.groups(groups, names)
	}
	if bounds := top["bounds"]; bounds != nil {
		r.bounds(bounds, names, d, lines)
	}
	names.Lower, names.Upper = d.Lower, d.Upper
	if holdings := top["holdings"]; holdings != nil {
		names.Holdings = make([]float64, n) // 0 of what is not listed
		for _, h := range r.pairs(holdings, "holdings") {
			name := r.name(h.key, "holdings: name of an entity")
			names.Holdings[r.entity(h.key, "holdings", name, names)] = r.number(h.value, "holdings of "+name, lp.MaxMagnitude)
		}
	} else if r.held != nil {
		r.unheld, names.Holdings = true, make([]float64, n)
	}
	if constraints := top["constraints"]; constraints != nil {
		r.constraints(constraints, names, d, lines)
	}
}

func (r *reader) entities(n *yaml.Node) (out []string) {
	if n.Kind != yaml.SequenceNode {
		r.fail(n, "entities: a list is expected, like [CASH, MSFT], not %s", kindOf(n))
	}
	if len(n.Content) == 0 || len(n.Content) > lp.MaxEntities {
		r.fail(n, "entities: %d are listed; 1 to %d are allowed", len(n.Content), lp.MaxEntities)
	}
	seen := map[string]bool{}
	for i, c := range n.Content {
		e := r.name(c, fmt.Sprintf("entity %d", i+1))
		if seen[e] {
			r.fail(c, "entity %d: %s is listed twice", i+1, e)
		}
		seen[e] = true
		out = append(out, e)
	}
	return out
}

// total reads the budget: 1 where there is none in the file, NaN where there is
// to be none.
func (r *reader) total(n *yaml.Node) float64 {
	if n == nil {
		return 1
	}
	if n.Kind == yaml.ScalarNode && (n.Value == "none" || n.Tag == "!!null") || n.Kind == yaml.MappingNode {
		return math.NaN()
	}
	v, wrong := numberOf(n, lp.MaxMagnitude)
	if wrong != "" {
		r.fail(n, "total: %s; none means no budget", wrong)
	}
	return v
}

// totalRow reads a total that lies between limits: {min: 0.5, max: 1}, or one of them.
func (r *reader) totalRow(n *yaml.Node, entities int) lp.Row {
	f := r.fields(n, "total", []string{"min", "max"})
	if f["min"] == nil && f["max"] == nil {
		r.fail(n, "total: it needs min or max, like {max: 1}")
	}
	row := lp.Row{Name: "total", Min: math.Inf(-1), Max: math.Inf(1), Coef: slices.Repeat([]float64{1}, entities)}
	if c := f["min"]; c != nil {
		row.Min = r.number(c, "total, min", lp.MaxMagnitude)
	}
	if c := f["max"]; c != nil {
		row.Max = r.number(c, "total, max", lp.MaxMagnitude)
	}
	if row.Min > row.Max {
		r.fail(n, "total: the min, %g, is above the max, %g", row.Min, row.Max)
	}
	return row
}

func (r *reader) groups(n *yaml.Node, names *expression.Names) {
	for _, g := range r.pairs(n, "groups") {
		name := r.name(g.key, "groups: name of a group")
		if _, ok := names.Index(name); ok {
			r.fail(g.key, "group %s: an entity has this name", name)
		}
		var members []int
		for _, c := range r.items(g.value, "group "+name, "of entities is expected, like [CASH, MSFT]") {
			e := r.name(c, "group "+name)
			j := r.entity(c, "group "+name, e, names)
			if slices.Contains(members, j) {
				r.fail(c, "group %s: %s is listed twice", name, e)
			}
			members = append(members, j)
		}
		names.AddGroup(name, members)
	}
}

// entity returns the index of an entity, which a group is not.
func (r *reader) entity(n *yaml.Node, where, name string, names *expression.Names) int {
	j, ok := names.Index(name)
	switch {
	case !ok:
		r.fail(n, "%s: unknown entity %q%s; known are %s", where, expression.Clip(name), expression.Suggest(name, names.Entities), expression.List(names.Entities))
	case j >= len(names.Entities):
		r.fail(n, "%s: %s is a group where an entity is expected", where, name)
	}
	return j
}

// everyOther is what bounds of all entities that have none of their own stand under. Where an entity
// or a group has that name too, it is refused: bounds of all others would else become those of a
// single name, which stands in backticks.
const (
	everyOther  = "default"
	quotedOther = "`" + everyOther + "`"
)

func (r *reader) bounds(n *yaml.Node, names *expression.Names, d *lp.Description, lines map[string]int) {
	own := make([]bool, len(d.Entities))
	var rest *yaml.Node
	for _, b := range r.pairs(n, "bounds") {
		name := r.name(b.key, "bounds: name of an entity")
		k, ok := names.Index(name)
		if !ok && name == quotedOther {
			k, ok = names.Index(everyOther)
		}
		switch {
		case ok && name == everyOther:
			r.fail(b.key, "bounds: %s stands for all others here, but an entity or a group has that name too: rename it (in prices, its column), or write \"%s\" with the backticks for it alone", everyOther, quotedOther)
		case name == everyOther:
			rest = b.value
		case ok && k >= len(names.Entities):
			r.groupBounds(b.value, k, names, d, lines)
		case !ok: // groups and the word for all others stand here too
			known := names.All()
			r.fail(b.key, "bounds: unknown name %q%s; known are %s, and %s for all others", expression.Clip(name), expression.Suggest(name, append(known, everyOther)), expression.List(known), everyOther)
		default:
			own[k] = true
			r.bound(b.value, k, d)
		}
	}
	for j := range own {
		if rest != nil && !own[j] {
			r.bound(rest, j, d)
		}
	}
}

// pair reads two bounds.
func (r *reader) pair(n *yaml.Node, name string) (lower, upper float64) {
	if n.Kind != yaml.SequenceNode || len(n.Content) != 2 {
		r.fail(n, "bounds of %s: two numbers are expected, like [0, 0.3]; .inf means no bound", name)
	}
	lower = r.limit(n.Content[0], "lower bound of "+name, math.Inf(-1), lp.MaxMagnitude)
	upper = r.limit(n.Content[1], "upper bound of "+name, math.Inf(1), lp.MaxMagnitude)
	if lower > upper {
		r.fail(n, "bounds of %s: the lower, %g, is above the upper, %g", name, lower, upper)
	}
	return lower, upper
}

// bound reads the bounds of entity j.
func (r *reader) bound(n *yaml.Node, j int, d *lp.Description) {
	lower, upper := r.pair(n, d.Entities[j])
	if r.box != nil { // no bound leaves that of the box
		least, most := r.box.Lower[j], r.box.Upper[j]
		if math.IsInf(lower, -1) {
			lower = least
		}
		if math.IsInf(upper, 1) {
			upper = most
		}
		if lower < least || upper > most || lower > upper {
			r.fail(n, "bounds of %s: [%g, %g] reaches beyond [%g, %g], which it can be", d.Entities[j], lower, upper, least, most)
		}
	}
	d.Lower[j], d.Upper[j] = lower, upper
}

// groupBounds reads the bounds of group k, a row of its name.
func (r *reader) groupBounds(n *yaml.Node, k int, names *expression.Names, d *lp.Description, lines map[string]int) {
	name := names.All()[k]
	row := lp.Row{Name: name, Coef: names.Expand(map[int]float64{k: 1})}
	row.Min, row.Max = r.pair(n, name)
	if math.IsInf(row.Min, -1) && math.IsInf(row.Max, 1) {
		return
	}
	if line := lines[name]; line != 0 {
		r.fail(n, "bounds of %s: the limit in line %d has the same name", name, line)
	}
	d.Rows, lines[name] = append(d.Rows, row), n.Line
}
