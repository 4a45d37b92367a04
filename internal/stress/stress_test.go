package stress

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"paspo/internal/long"
	"paspo/internal/rng"
	"paspo/lp"
	"paspo/lp/constraints"
)

func TestScaled(t *testing.T) {
	for _, caps := range []bool{false, true} {
		p, err := Scaled(20, 7, caps, 3)
		if err != nil {
			t.Fatal(err)
		}
		if _, b, _ := p.Inequalities(); p.Dim() != 20 || len(b) != 7 {
			t.Errorf("%d entities, %d rows", p.Dim(), len(b))
		}
		if _, upper := p.Bounds(); caps && upper[0] > 1 {
			t.Errorf("no cap: %v", upper[0])
		}
		again, err := Scaled(20, 7, caps, 3)
		if err != nil || again.Hash() != p.Hash() {
			t.Errorf("the same seed gives another polytope, error %v", err)
		}
	}
}

// On the simplex the marginals of uniform points are Beta(1, n-1), with caps all
// points keep all limits.
func TestPoints(t *testing.T) {
	const n, count = 6, 4000
	simplex, err := constraints.Unconstrained(n)
	if err != nil {
		t.Fatal(err)
	}
	points, err := Points(simplex, count, rand.New(rng.New(1, "points")))
	if err != nil {
		t.Fatal(err)
	}
	for j := range n {
		x := make([]float64, count)
		for i := range x {
			x[i] = points[i*n+j]
		}
		slices.Sort(x)
		d := 0.
		for i, v := range x {
			d = max(d, math.Abs(1-math.Pow(1-v, n-1)-float64(i)/count))
		}
		if d > 0.05 { // successive points are correlated
			t.Errorf("entity %d: KS distance %.3f", j, d)
		}
	}
	capped, err := Scaled(30, 8, true, 2)
	if err != nil {
		t.Fatal(err)
	}
	if points, err = Points(capped, 200, rand.New(rng.New(2, "points"))); err != nil {
		t.Fatal(err)
	}
	for i := range 200 {
		if r := capped.Residual(points[i*30:(i+1)*30], nil); !(r <= 1e-9) {
			t.Fatalf("point %d has a residual of %g", i, r)
		}
	}
}

// What all methods answer on some polytopes of every family is right.
func TestFamilies(t *testing.T) {
	methods := []string{"explicit", "lazy", "auto"}
	for k := range Families {
		f := &Families[k]
		all := NewResult(methods)
		for i := range 3 {
			all.Add(Try(f, i, methods, 8, rng.New(1, "families", f.Name)))
		}
		for _, w := range all.Failures {
			t.Error(w)
		}
		for m, c := range all.Methods {
			if c.Answers < 20 && m == "auto" || c.Wrong > 0 {
				t.Errorf("%s, %s: %+v", f.Name, m, *c)
			}
		}
	}
}

// Polytopes that the comparison of methods once answered wrongly, by the names of the random streams
// that draw them.
func TestKeptPolytopes(t *testing.T) {
	for _, c := range []struct {
		family string
		number int
		seed   uint64
	}{
		{"all at once", 6, 1}, // nearly empty: entities of sizes 5e-18 to 2e-3, which rounding of the data changes
		{"degenerate", 0, 7},  // an entity that can only be 0, where a proof in floating point gives 5e-32
	} {
		f := &Families[slices.IndexFunc(Families, func(f Family) bool { return f.Name == c.family })]
		r := Try(f, c.number, []string{"lazy", "auto"}, 10, rng.New(c.seed, "experiments", "differential", c.family))
		if r.Queries == 0 {
			t.Errorf("%s %d: nothing was asked", c.family, c.number)
		}
		for _, w := range r.Failures {
			t.Errorf("%s %d: %v", c.family, c.number, w)
		}
	}
}

func TestJudge(t *testing.T) {
	d := lp.Description{Entities: []string{"A", "B", "C"}, Total: 1}
	for _, c := range []struct {
		prefix []float64
		lo, hi float64
		want   Verdict
	}{
		{nil, 0, 1, Right},
		{nil, 0, 1 + 1e-8, Wrong},
		{nil, 1e-8, 1, Wrong},
		{nil, 0, 0.9, Wrong},
		{[]float64{0.25}, 0, 0.75, Right},
		{[]float64{0.25}, 0, 0.75 - 1e-12, Right},
		{[]float64{0.25}, -1e-8, 0.75, Wrong},
		{[]float64{1 + 1e-12}, 0, 0, Void}, // on relaxed limits
		{[]float64{1 + 1e-4}, 0, 0, Wrong},
		{nil, 1, 0, Wrong},
	} {
		for _, by := range []float64{1, 1e-9, 1e9} {
			e := d
			e.Total *= by
			prefix := slices.Clone(c.prefix)
			for j := range prefix {
				prefix[j] *= by
			}
			if got, _, why := NewTruth(e).Judge(prefix, nil, c.lo*by, c.hi*by); got != c.want {
				t.Errorf("[%v, %v] after %v, times %v: %v, want %v (%s)", c.lo, c.hi, c.prefix, by, got, c.want, why)
			}
		}
	}
	// The two rows are nearly parallel and imply A >= 0.5. Moving a row moves that bound by 1e8 times as
	// much.
	ill := lp.Description{Entities: []string{"A", "B"}, Total: math.NaN(), Rows: []lp.Row{
		{Name: "one", Coef: []float64{1, 1}, Min: math.Inf(-1), Max: 1},
		{Name: "two", Coef: []float64{1 + 1e-8, 1}, Min: 1 + 0.5e-8, Max: math.Inf(1)},
	}}
	for _, c := range []struct {
		lo, hi float64
		want   Verdict
	}{{0.5, 1, Ill}, {0.5 + 1e-6, 1, Ill}, {0.6, 1, Wrong}, {0.5, 0.9, Wrong}} {
		if got, _, why := NewTruth(ill).Judge(nil, nil, c.lo, c.hi); got != c.want {
			t.Errorf("[%v, %v]: %v, want %v (%s)", c.lo, c.hi, got, c.want, why)
		}
	}
}

// Refutes finds wrong verdicts of lp.New, and sets of constraints that it calls a conflict and that are
// none.
func TestRefutes(t *testing.T) {
	whole := lp.Description{Entities: []string{"A", "B"}, Total: 1, Rows: []lp.Row{
		{Name: "B >= 2", Coef: []float64{0, 1}, Min: 2, Max: math.Inf(1)},
		{Name: "A <= 1", Coef: []float64{1, 0}, Min: math.Inf(-1), Max: 1},
	}}
	some := whole
	some.Rows = whole.Rows[1:]
	open := some
	open.Total = math.NaN()
	for _, c := range []struct {
		d     lp.Description
		err   error
		wrong bool
	}{
		{whole, &lp.EmptyError{Conflict: []string{"total = 1", "B >= 2", "A >= 0"}}, false},
		{whole, &lp.EmptyError{Conflict: []string{"B >= 2", "A >= 0"}}, true},
		{whole, &lp.EmptyError{Conflict: []string{"total = 1", "B >= 2", "A >= 0", "A <= 1"}}, true},
		{whole, nil, true},
		{some, nil, false},
		{some, &lp.EmptyError{Conflict: []string{"total = 1"}}, true},
		{some, &lp.UnboundedError{}, true},
		{open, &lp.UnboundedError{}, false},
		{open, nil, true},
	} {
		if got := NewTruth(c.d).Refutes(c.err); (got != "") != c.wrong {
			t.Errorf("%v: %q", c.err, got)
		}
	}
}

// Polytopes that some method once answered wrongly: rows that exclude one another by less
// than CLP's tolerance, endpoints that were off by little of the total but by much of a
// smaller entity, hulls so narrow that the rounding of their facets shows, points that coincide,
// and hulls that are flat to some digits.
func TestOnceWrong(t *testing.T) {
	long.Test(t)
	for _, c := range []struct {
		family    string
		seed      uint64
		polytopes []int
	}{
		{"parallel", 1, []int{118}},
		{"thin", 1, []int{73, 109, 164, 173, 206, 336}},
		{"hulls", 1, []int{288, 301, 325, 457, 481, 507, 570}},
		{"hulls", 2, []int{1386, 1862, 1991, 3142}},
	} {
		k := slices.IndexFunc(Families, func(f Family) bool { return f.Name == c.family })
		stream := rng.New(c.seed, "experiments", "differential", c.family)
		for _, number := range c.polytopes {
			r := Try(&Families[k], number, []string{"clp", "explicit", "lazy", "auto"}, 40, stream)
			for _, f := range r.Failures {
				t.Errorf("%v", f)
				break
			}
		}
	}
}
