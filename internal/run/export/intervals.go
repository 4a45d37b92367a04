package export

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"paspo/envs"
	"paspo/internal/count"
	"paspo/internal/onnx"
	"paspo/lp"
	"paspo/lp/constraints"
	"paspo/lp/interval"
	"paspo/lp/interval/closedform"
)

// form is the closed form of a graph. Where rows have convex terms it is that of the lifted
// polytope, whose first entities are those of the policy.
type form struct {
	*closedform.Tables
	endpoints []closedform.EndpointTable // All, or Needed where no limit follows the state
	p         *lp.Polytope               // without terms
}

// beyond bounds limits, as a multiple of the size of what they limit: a larger limit is replaced by
// this bound.
const beyond = 1 << 40

// newForm returns the closed form where the limits in follow follow the state. An error says why
// there is none.
func newForm(s lp.Solver, c interval.Config, follow map[string]bool, finite func(j int) bool) (*form, error) {
	p := s.Polytope()
	if p.HullOnly() {
		return nil, errors.New("the constraints are the hull of points whose facets are too many to find: without them a graph cannot tell the residual of an action")
	}
	if follow["lower"] || follow["upper"] {
		// The closed form has bounds where the polytope has them: add bounds for all entities.
		q, err := bounded(p, finite)
		if err != nil {
			return nil, err
		}
		c.Method = "explicit"
		if s, err = interval.New(withoutTerms(q), c); err != nil {
			return nil, fmt.Errorf("there is no closed form for bounds that follow the state%w", withTermRows(p, err))
		}
		defer s.Close()
	} else if p.HasTerms() {
		// A run solves polytopes with terms by other methods, which are faster there.
		c.Method = "explicit"
		var err error
		if s, err = interval.New(withoutTerms(p), c); err != nil {
			return nil, fmt.Errorf("there is no closed form%w", withTermRows(p, err))
		}
		defer s.Close()
	}
	tabled, ok := s.(closedform.Tabled)
	if !ok {
		// Compiling the closed form gives the error that says why there is none.
		c.Method = "explicit"
		explicit, err := interval.New(p, c)
		if err == nil {
			explicit.Close()
			err = fmt.Errorf("lp.method of the run is %s", s.Method())
		}
		return nil, fmt.Errorf("intervals have no closed form: %w", err)
	}
	t := tabled.Tables()
	switch {
	case t.IllConditioned:
		return nil, errors.New("some endpoints of the closed form are ill-conditioned, so that rounding shows: linear programs answer for them")
	case len(names(follow)) > 0 && !t.AnyLimits:
		with := ""
		if rows := termRows(p); rows != "" {
			with = " with the convex terms of " + rows
		}
		return nil, fmt.Errorf("limits follow the state (%s), and the closed form%s holds for the polytope's own limits alone", strings.Join(names(follow), ", "), with)
	}
	f := &form{t, t.Needed, s.Polytope()}
	if len(names(follow)) > 0 {
		f.endpoints = t.All
	}
	return f, nil
}

// Obstacle returns why a policy under constraints cannot be exported, nil where it can: with the default
// settings of intervals, and no limit that follows the state but holdings. Where rows that bounds imply
// are in the way, it says so.
func Obstacle(ctx context.Context, p *lp.Polytope) error {
	err := obstacle(ctx, p)
	if err == nil || ctx.Err() != nil {
		return err
	}
	d, left := constraints.WithoutImplied(p)
	if len(left) == 0 {
		return err
	}
	if q, e := lp.New(d); e == nil && obstacle(ctx, q) == nil {
		return fmt.Errorf("%w; without %s, which limit nothing beside the bounds, it is possible (bounds of a group take null for none, as in [null, 0.4])", err, strings.Join(left, ", "))
	}
	return err
}

func obstacle(ctx context.Context, p *lp.Polytope) error {
	c := interval.DefaultConfig()
	c.Workers = 1
	s, err := interval.NewContext(ctx, p, c)
	if err != nil {
		return err
	}
	defer s.Close()
	_, err = newForm(s, c, map[string]bool{envs.LimitHoldings: p.HasHoldings()}, func(int) bool { return false })
	return err
}

// withoutTerms returns the lifted polytope where p has convex terms, and else p.
func withoutTerms(p *lp.Polytope) *lp.Polytope {
	if q := p.Lifted(); q != nil {
		return q
	}
	return p
}

// withTermRows adds the names of the rows of p that have convex terms to an error of its closed
// form.
func withTermRows(p *lp.Polytope, err error) error {
	rows := termRows(p)
	if rows == "" {
		return fmt.Errorf(": %w", err)
	}
	reason := err.Error()
	if budget, ok := errors.AsType[*lp.BudgetError](err); ok {
		reason = budget.Reason // the full text may name an interval of a lifted entity, which users do not know
	}
	return fmt.Errorf(" with the convex terms of %s, of which each can double the pieces: %s", rows, reason)
}

// termRows names the rows of p that have convex terms, and counts these.
func termRows(p *lp.Polytope) string {
	var rows []string
	_, _, all := p.Inequalities()
	for k, name := range all {
		if t := p.Terms(k); len(t) > 0 {
			rows = append(rows, fmt.Sprintf("%s (%s)", name, count.Of(len(t), "term")))
		}
	}
	return strings.Join(rows, ", ")
}

func names(follow map[string]bool) []string {
	var out []string
	for _, name := range limitNames {
		if follow[name] {
			out = append(out, name)
		}
	}
	return out
}

// bounded returns p with bounds wherever a state may set some. They are so wide that they exclude no
// allocation of p.
func bounded(p *lp.Polytope, finite func(j int) bool) (*lp.Polytope, error) {
	d := p.Description()
	if d.Points != nil {
		return nil, errors.New("bounds follow the state, and the constraints are a hull of points: the closed form holds for the polytope's own limits alone")
	}
	least, most, err := lp.BoundingBox(p)
	if err != nil {
		return nil, err
	}
	d.Lower, d.Upper = slices.Clone(d.Lower), slices.Clone(d.Upper)
	for j, s := range p.Sizes() {
		if math.IsInf(d.Lower[j], -1) && finite(j) {
			d.Lower[j] = least[j] - s
		}
		if math.IsInf(d.Upper[j], 1) || d.Upper[j] == d.Lower[j] {
			d.Upper[j] = most[j] + s
		}
	}
	q, err := lp.New(d)
	if err != nil {
		return nil, err
	}
	a, _, _ := p.Inequalities()
	if b, _, _ := q.Inequalities(); !slices.Equal(a, b) {
		return nil, errors.New("bounds follow the state, and with bounds of all entities the rows of the constraints are others")
	}
	return q, nil
}

// readLimits adds the limits that follow the state as inputs. The closed form replaces an infinite
// limit by a large one.
func (g *graph) readLimits() {
	p, l := g.p, &g.limits
	_, b, rows := p.Inequalities()
	_, f, equalities := p.Equalities()
	lower, upper := p.Bounds()
	sizes, _ := p.RowSizes()
	for _, v := range []struct {
		name string
		to   *string
		own  []float64
		most []float64
		doc  string
	}{
		{envs.LimitB, &l.b, b, times(beyond, sizes), "right-hand sides of the inequalities " + strings.Join(rows, ", ")},
		{envs.LimitTotal, &l.total, f, nil, "right-hand sides of the equalities " + strings.Join(equalities, ", ")},
		{envs.LimitLower, &l.lower, lower, nil, "least amounts"},
		{envs.LimitUpper, &l.upper, upper, times(beyond, p.Sizes()), "largest amounts"},
		{envs.LimitHoldings, &l.holdings, make([]float64, g.n), nil, "holdings, which terms count from"},
	} {
		if l.follow[v.name] {
			*v.to = g.Input(v.name, onnx.Float64, len(v.own), v.doc)
			g.refuse(g.op("IsNaN", v.name))
			if v.most != nil {
				*v.to = g.op("Min", v.name, g.row(v.most))
			}
			continue
		}
		own := slices.Clone(v.own)
		for i := range v.most {
			own[i] = min(own[i], v.most[i])
		}
		*v.to = g.row(own)
	}
	if l.follow[envs.LimitHoldings] {
		g.refuseNotFinite(l.holdings)
	}
}

// liftedLimits returns the right-hand sides of the inequalities of the lifted polytope, and whether
// they follow the state. They depend on those of p and on the points h that terms count from, which
// holdings move.
func (g *graph) liftedLimits() (b string, follows bool) {
	p, l := g.p, &g.limits
	if p.Lifted() == nil {
		return l.b, l.follow[envs.LimitB]
	}
	if !l.follow[envs.LimitB] && !l.follow[envs.LimitHoldings] {
		_, own, _ := g.form.p.Inequalities()
		return g.row(own), false
	}
	_, rows, _ := p.Inequalities()
	lift := func(b, holdings []float64) []float64 {
		var lim lp.TermLimits
		return slices.Clone(lim.Lift(p, &lp.Limits{B: b, Holdings: holdings}).B)
	}
	from := lift(make([]float64, len(rows)), nil)
	if b = l.b; !l.follow[envs.LimitB] {
		b = g.rows(b, len(rows))
	}
	if more := len(from) - len(rows); more > 0 {
		b = g.concat(b, g.rows(g.row(make([]float64, more)), more))
	}
	if !l.follow[envs.LimitHoldings] {
		return g.op("Add", b, g.row(from)), true
	}
	held := make([]float64, g.n)
	from = lift(make([]float64, len(rows)), held)
	var moves []float64 // of the right-hand sides, per unit of each entity's holdings
	for j := range held {
		held[j] = 1
		for k, v := range lift(make([]float64, len(rows)), held) {
			moves = append(moves, v-from[k])
		}
		held[j] = 0
	}
	moved := g.op("MatMul", l.holdings, g.Doubles(moves, g.n, len(from)))
	return g.op("Add", b, g.op("Add", moved, g.row(from))), true
}

func times(c float64, v []float64) []float64 {
	out := make([]float64, len(v))
	for i, x := range v {
		out[i] = c * x
	}
	return out
}

// endpoints computes intervals entity by entity. Amounts are counted from a base, as in
// closedform.Tables.
type endpoints struct {
	g    *graph
	i    int      // the present entity
	base []string // of every entity, "" for 0

	rho  string   // limits less the prefix, where the pieces are those of the dual
	past []string // the amounts so far, where the pieces are facets
}

func (g *graph) newEndpoints() *endpoints {
	e := &endpoints{g: g, base: make([]string, g.n)}
	t := g.form
	if t.Facets {
		return e
	}
	if len(g.limits.follow) == 0 {
		for i, x := range t.Floor[:g.n] {
			if x != 0 && !t.Free[i] {
				e.base[i] = g.row([]float64{x})
			}
		}
		e.rho = g.rows(g.row(t.Begin), t.Size)
		return e
	}

	// rho of the empty prefix: the limits less their matrix times the base.
	var base string
	fixed := make([]float64, g.n) // the base where it does not follow the state
	if g.limits.follow["lower"] {
		finite := make([]bool, g.n)
		for i, free := range t.Free[:g.n] {
			finite[i] = !free
		}
		bounded := g.op("Not", g.op("IsInf", g.limits.lower))
		g.refuse(g.op("Xor", bounded, g.Bools(finite, 1, g.n)))
		base = g.op("Where", g.Bools(finite, 1, g.n), g.limits.lower, g.scalar(0))
		parts := g.split(base, slices.Repeat([]int{1}, g.n)...)
		for i := range e.base {
			if finite[i] {
				e.base[i] = parts[i]
			}
		}
	} else {
		for i, x := range t.Floor[:g.n] {
			if !t.Free[i] && x != 0 {
				fixed[i], e.base[i] = x, g.row([]float64{x})
			}
		}
	}
	// above returns limits less their matrix times the base.
	above := func(limit string, follows bool, matrix []float64) string {
		k := len(matrix) / g.n
		switch {
		case base != "":
			return g.op("Sub", limit, g.op("MatMul", base, g.Doubles(transposed(matrix, g.n), g.n, k)))
		case !follows:
			limit = g.rows(limit, k)
		}
		shift := make([]float64, k)
		for r := range shift {
			for j, x := range fixed {
				shift[r] += matrix[r*g.n+j] * x
			}
		}
		return g.op("Sub", limit, g.row(shift))
	}
	var parts []string
	a, b, _ := g.form.p.Inequalities()
	cols := g.form.p.Dim() // parts of terms, which come last, are counted from 0
	if len(t.LimitRows) > 0 {
		var m []float64
		for _, k := range t.LimitRows {
			m = append(m, a[k*cols:k*cols+g.n]...)
		}
		limits, follow := g.liftedLimits()
		parts = append(parts, above(g.pick(limits, t.LimitRows, len(b)), follow, m))
	}
	if len(t.Caps) > 0 {
		m := make([]float64, len(t.Caps)*g.n)
		for x, j := range t.Caps {
			m[x*g.n+j] = 1
		}
		parts = append(parts, above(g.pick(g.limits.upper, t.Caps, g.n), g.limits.follow["upper"], m))
	}
	if m, f, _ := g.p.Equalities(); len(f) > 0 {
		parts = append(parts, above(g.limits.total, g.limits.follow["total"], m))
	}
	e.rho = g.concat(parts...)
	g.refuseNotFinite(e.rho)
	return e
}

// pick returns the given columns of x, which has n columns.
func (g *graph) pick(x string, columns []int, n int) string {
	at := make([]int64, len(columns))
	all := len(columns) == n
	for i, c := range columns {
		at[i] = int64(c)
		all = all && i == c
	}
	if all {
		return x
	}
	return g.Op("Gather", onnx.Int("axis", 1), x, g.Ints(at...))
}

// next returns both endpoints of the interval of the next entity, counted from its base.
func (e *endpoints) next() (lo, hi string) {
	table := &e.g.form.endpoints[e.i]
	lower := table.Lower
	if table.Floor {
		lower = slices.Concat(lower, make([]float64, table.Stride))
	}
	return e.endpoint("ReduceMax", lower, table.Stride), e.endpoint("ReduceMin", table.Upper, table.Stride)
}

func (e *endpoints) endpoint(reduce string, pieces []float64, stride int) string {
	g := e.g
	count := len(pieces) / stride
	var v string
	if g.form.Facets {
		// rho is 1 and the amounts so far.
		var constant, m []float64
		for p := range count {
			constant, m = append(constant, pieces[p*stride]), append(m, pieces[p*stride+1:(p+1)*stride]...)
		}
		if e.i == 0 {
			v = g.rows(g.row(constant), count)
		} else {
			v = g.Op("Gemm", nil, g.concat(e.past...), g.Doubles(transposed(m, e.i), e.i, count), g.row(constant))
		}
	} else {
		w := make([]float64, 0, count*g.form.Size)
		for p := range count {
			w = append(w, pieces[p*stride:(p+1)*stride]...)
			w = append(w, make([]float64, g.form.Size-stride)...)
		}
		v = g.op("MatMul", e.rho, g.Doubles(transposed(w, g.form.Size), g.form.Size, count))
	}
	if count > 1 {
		v = g.reduce(reduce, v)
	}
	return v
}

// fix sets the entity to z, counted from its base, and returns its amount.
func (e *endpoints) fix(z string) string {
	g, i := e.g, e.i
	a := e.stated(z)
	e.i++
	if g.form.Facets {
		e.past = append(e.past, a)
	} else if e.i < g.n {
		size := g.form.Size
		e.rho = g.op("Sub", e.rho, g.op("Mul", z, g.row(g.form.Cols[i*size:(i+1)*size])))
	}
	return a
}

// stated returns the amount of z, which is counted from the base of the present entity.
func (e *endpoints) stated(z string) string {
	i := min(e.i, e.g.n-1)
	if e.base[i] == "" {
		return z
	}
	return e.g.op("Add", z, e.base[i])
}
