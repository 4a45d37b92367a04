package lp_test

import (
	"errors"
	"flag"
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"

	"paspo/internal/exact"
	"paspo/internal/long"
	"paspo/lp"
	"paspo/lp/constraints"
	"paspo/lp/internal/lptest"
	"paspo/lp/internal/vec"
	"paspo/lp/interval"
)

var conflictDraws = flag.Int("conflicts", 300, "random polytopes whose conflicts are checked in rational arithmetic")

// condition is a constraint of a description, both sides of it where there are two.
type condition struct {
	name     string
	coef     []float64
	min, max float64
	terms    []lp.Term
}

// signed calls f with the coefficients and the limit of its upper side for all signs of the terms.
func (c *condition) signed(f func(coef []*big.Rat, limit *big.Rat)) {
	for signs := range 1 << len(c.terms) {
		var coef []*big.Rat
		for _, v := range c.coef {
			coef = append(coef, vec.Rational(v))
		}
		limit := vec.Rational(c.max)
		for i, t := range c.terms {
			w := vec.Rational(t.Above)
			if signs>>i&1 == 1 {
				w = vec.Rational(-t.Below)
			}
			sum := t.Sum
			if sum == nil {
				sum = make([]float64, len(coef))
				sum[t.Entity] = 1
			}
			for j, v := range sum {
				coef[j].Add(coef[j], new(big.Rat).Mul(w, vec.Rational(v)))
			}
			limit.Add(limit, new(big.Rat).Mul(w, vec.Rational(t.From)))
		}
		f(coef, limit)
	}
}

// membersOf lists the constraints of a description as New names them.
func membersOf(d *lp.Description) []condition {
	n := len(d.Entities)
	var all []condition
	if !math.IsNaN(d.Total) {
		all = append(all, condition{"total = " + vec.Text(d.Total), slices.Repeat([]float64{1}, n), d.Total, d.Total, nil})
	}
	for _, r := range d.Rows {
		all = append(all, condition{r.Name, r.Coef, r.Min, r.Max, r.Terms})
	}
	inf := math.Inf(1)
	for j, e := range d.Entities {
		unit := make([]float64, n)
		unit[j] = 1
		lower, upper := 0., inf
		if d.Lower != nil {
			lower = d.Lower[j]
		}
		if d.Upper != nil {
			upper = d.Upper[j]
		}
		lower, upper = max(lower, -lp.MaxMagnitude), min(upper, lp.MaxMagnitude)
		if !math.IsInf(lower, 0) {
			all = append(all, condition{e + " >= " + vec.Text(lower), unit, lower, inf, nil})
		}
		if !math.IsInf(upper, 0) {
			all = append(all, condition{e + " <= " + vec.Text(upper), unit, -inf, upper, nil})
		}
	}
	return all
}

// exactlyEmpty decides in rational arithmetic whether nothing satisfies members,
// by another program than the one that finds conflicts: over the entities.
func exactlyEmpty(members []condition) bool {
	if len(members) == 0 {
		return false
	}
	n := len(members[0].coef)
	q := &exact.Problem{Lower: make([]*big.Rat, n), Upper: make([]*big.Rat, n)}
	for range n {
		q.C = append(q.C, new(big.Rat))
	}
	add := func(coef []float64, sign, limit float64, eq bool) {
		var row []*big.Rat
		for _, c := range coef {
			row = append(row, vec.Rational(sign*c))
		}
		q.A, q.B, q.Eq = append(q.A, row), append(q.B, vec.Rational(sign*limit)), append(q.Eq, eq)
	}
	for _, m := range members {
		if m.min == m.max && m.terms == nil {
			add(m.coef, 1, m.max, true)
			continue
		}
		if !math.IsInf(m.max, 0) {
			m.signed(func(coef []*big.Rat, limit *big.Rat) {
				q.A, q.B, q.Eq = append(q.A, coef), append(q.B, limit), append(q.Eq, false)
			})
		}
		if !math.IsInf(m.min, 0) {
			add(m.coef, -1, m.min, false)
		}
	}
	_, status := exact.Minimize(q)
	return status == exact.Infeasible
}

// loosened returns constraints that are looser by an amount.
func loosened(members []condition, by float64) []condition {
	out := slices.Clone(members)
	for i := range out {
		out[i].min -= by
		out[i].max += by
	}
	return out
}

// conflictFault says what is wrong with a conflict of a description. It returns "" where nothing
// satisfies the constraints of the conflict and something satisfies them without any one, when
// the others are looser by an amount.
func conflictFault(d *lp.Description, conflict []string, by float64) string {
	var core []condition
	for _, m := range membersOf(d) {
		if slices.Contains(conflict, m.name) {
			core = append(core, m)
		}
	}
	if len(core) != len(conflict) {
		return "unknown names"
	}
	if !exactlyEmpty(core) {
		return "it is none"
	}
	for i := range core {
		if exactlyEmpty(loosened(slices.Concat(core[:i], core[i+1:]), by)) {
			return "it is one without " + core[i].name
		}
	}
	return ""
}

// drawMaybeEmpty draws polytopes of many kinds, most of them empty.
func drawMaybeEmpty(r *rand.Rand) lp.Description {
	pick := func(v ...float64) float64 { return v[r.IntN(len(v))] }
	n := 2 + r.IntN(6)
	d := lp.Description{Entities: lptest.Names(n), Total: math.NaN()}
	unit := 1.
	if r.IntN(3) == 0 {
		unit = math.Pow(10, float64(r.IntN(13)-6))
	}
	x := make([]float64, n)
	total := 0.
	for j := range x {
		x[j] = unit * pick(0, 0.1, 0.25, 1, r.Float64())
		total += x[j]
	}
	if r.IntN(4) > 0 {
		d.Total = total
	}
	if r.IntN(3) > 0 || math.IsNaN(d.Total) {
		d.Lower, d.Upper = make([]float64, n), make([]float64, n)
		for j := range x {
			d.Lower[j] = pick(0, x[j], x[j]-unit)
			d.Upper[j] = pick(x[j], x[j]+unit*r.Float64(), math.Inf(1))
		}
	}
	wide := r.IntN(3) == 0
	row := func() lp.Row {
		row := lp.Row{Coef: make([]float64, n), Min: math.Inf(-1), Max: math.Inf(1)}
		for vec.MaxAbs(row.Coef) == 0 {
			for j := range row.Coef {
				row.Coef[j] = pick(0, 0, 1, -1, math.Round(200*r.Float64()-100)/100, r.NormFloat64())
				if wide {
					row.Coef[j] *= math.Pow(10, float64(r.IntN(9)-4))
				}
			}
		}
		return row
	}
	gap := func() float64 {
		if r.IntN(3) == 0 {
			return math.Pow(10, -6-6*r.Float64())
		}
		return pick(0, 0.01, 0.3, 2)
	}
	for range r.IntN(5) {
		q := row()
		at := vec.Dot(q.Coef, x)
		size := max(math.Abs(at), unit*vec.MaxAbs(q.Coef))
		at += size * pick(0, 0, -0.2, 0.2, -1)
		switch r.IntN(4) {
		case 0:
			q.Max = at
		case 1:
			q.Min = at
		case 2:
			q.Min, q.Max = at-size*r.Float64(), at
		default:
			q.Min, q.Max = at, at
		}
		d.Rows = append(d.Rows, q)
		if r.IntN(3) == 0 { // a row against it
			o := lp.Row{Coef: negated(q.Coef), Min: math.Inf(-1), Max: -at - gap()*size}
			factor := pick(1, 1, 3, 1e3, 1e-3, 1./3)
			for j := range o.Coef {
				o.Coef[j] *= factor
			}
			o.Max *= factor
			d.Rows = append(d.Rows, o)
		}
	}
	for i := range d.Rows {
		d.Rows[i].Name = "r" + vec.Text(float64(i))
	}
	return d
}

// Nothing satisfies the constraints of a conflict, and something does without any one of them. Every
// refusal names a conflict.
func TestConflictsAreProven(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 11))
	found, barely, accepted, unbounded := 0, 0, 0, 0
	for i := range *conflictDraws {
		d := drawMaybeEmpty(r)
		_, err := lp.New(d)
		var empty *lp.EmptyError
		var open *lp.UnboundedError
		switch {
		case err == nil:
			accepted++
			continue
		case errors.As(err, &open):
			unbounded++
			continue
		case !errors.As(err, &empty):
			t.Errorf("draw %d: %v (exactly empty: %v)\n%+v", i, err, exactlyEmpty(membersOf(&d)), d)
			continue
		}
		found++
		if empty.Amount < 1e-6 {
			barely++
		}
		if fault := conflictFault(&d, empty.Conflict, 0); fault != "" {
			t.Errorf("draw %d: %q: %s\n%+v", i, empty.Conflict, fault, d)
		}
	}
	t.Logf("%d conflicts (%d of less than 1e-6), %d non-empty, %d unbounded", found, barely, accepted, unbounded)
	if found < *conflictDraws/3 {
		t.Errorf("only %d of %d draws were empty", found, *conflictDraws)
	}
}

// An upper bound takes part in a conflict where there is no lower one.
func TestConflictWithoutLowerBounds(t *testing.T) {
	inf := math.Inf(1)
	p, err := lp.New(lp.Description{
		Entities: []string{"A", "B"}, Total: 1,
		Lower: []float64{-inf, -inf}, Upper: []float64{1, 1},
	})
	if err != nil {
		t.Fatal(err)
	}
	got := p.FindConflict(&lp.Limits{Upper: []float64{0.25, 0.5}})
	if want := []string{"total = 1", "A <= 0.25", "B <= 0.5"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// Nothing that has the prefix satisfies the constraints of its conflict, and something does without
// any one of them. A row with two sides may be in it for one of them.
func TestConflictsOfPrefixesAreProven(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 5))
	found, none := 0, 0
	for i := range *conflictDraws {
		d := drawMaybeEmpty(r)
		if i%2 == 1 {
			d, _ = drawWithTerms(r)
		}
		p, err := lp.New(d)
		if err != nil {
			continue
		}
		s, err := interval.New(p, interval.Config{Method: "clp", Workers: 1})
		if err != nil {
			t.Fatal(err)
		}
		chain := s.Chain(1)
		chain.Begin(1, nil)
		lo, hi := []float64{0}, []float64{0}
		var prefix []condition
		for j := range p.Dim() {
			err := chain.Next(lo, hi)
			var infeasible *lp.InfeasibleError
			if errors.As(err, &infeasible) {
				var core []condition
				twoSided := false
				for _, c := range membersOf(&d) {
					if slices.Contains(infeasible.Conflict, c.name) {
						core = append(core, c)
						twoSided = twoSided || c.min != c.max && !math.IsInf(c.min, 0) && !math.IsInf(c.max, 0)
					}
				}
				if len(core) == 0 {
					none++ // an entity of the prefix is out of its own bounds
					break
				}
				found++
				if !exactlyEmpty(slices.Concat(core, prefix)) {
					t.Errorf("draw %d, entity %d: %q is none with prefix %v\n%+v", i, j, infeasible.Conflict, prefix, d)
				}
				for k := range core {
					if rest := slices.Concat(core[:k], core[k+1:], prefix); !twoSided && exactlyEmpty(rest) {
						t.Errorf("draw %d, entity %d: %q is one without %s\n%+v", i, j, infeasible.Conflict, core[k].name, d)
					}
				}
				break
			}
			if err != nil {
				t.Logf("draw %d: %v", i, err)
				break
			}
			a := lo[0] + (hi[0]-lo[0])*(0.5+r.NormFloat64())
			unit := make([]float64, p.Dim())
			unit[j] = 1
			prefix = append(prefix, condition{"", unit, a, a, nil})
			chain.Fix([]float64{a})
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	t.Logf("%d conflicts, %d prefixes without", found, none)
	if found == 0 {
		t.Error("no prefix was infeasible")
	}
}

// Without a bound that a state takes away, many rows may be in conflict, and finding out which
// takes no more than a reasonable time. The limits are refused with the same proof.
func TestConflictWithoutABound(t *testing.T) {
	long.Test(t)
	p, err := constraints.Preset("synthetic", 0)
	if err != nil {
		t.Fatal(err)
	}
	n := p.Dim()
	for _, c := range []struct {
		method string
		j      int
	}{{"clp", 0}, {"lazy", 2}} {
		method, j := c.method, c.j
		l, u := p.Bounds()
		lim := &lp.Limits{Lower: slices.Clone(l), Upper: u}
		lim.Lower[j] = math.Inf(-1)
		s, err := interval.New(p, interval.Config{Method: method, Workers: 1})
		if err != nil {
			t.Fatal(err)
		}
		chain := s.Chain(1)
		chain.Begin(1, []lp.Limits{*lim})
		lo, hi := []float64{0}, []float64{0}
		if err := chain.Next(lo, hi); err != nil {
			t.Fatal(err)
		}
		chain.Fix([]float64{0.01})
		var infeasible *lp.InfeasibleError
		if err := chain.Next(lo, hi); !errors.As(err, &infeasible) {
			t.Fatalf("%s without a lower bound of entity %d: %v to %v, error %v", method, j, lo, hi, err)
		}
		unit := make([]float64, n)
		unit[0] = 1
		core := []condition{{coef: unit, min: 0.01, max: 0.01}, {name: "total", coef: slices.Repeat([]float64{1}, n), min: 1, max: 1}}
		_, _, rowNames := p.Inequalities()
		for k, name := range rowNames {
			if slices.Contains(infeasible.Conflict, name) {
				core = append(core, condition{name, p.Form().A[k*n : (k+1)*n], math.Inf(-1), p.Form().B[k], nil})
			}
		}
		if len(core) < 3 || !exactlyEmpty(core) {
			t.Errorf("%s without a lower bound of entity %d: %q is no conflict", method, j, infeasible.Conflict)
		}
		s.Close()
	}
}
