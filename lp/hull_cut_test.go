package lp_test

import (
	"errors"
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"paspo/internal/exact"
	"paspo/internal/long"
	"paspo/internal/rng"
	"paspo/lp"
	"paspo/lp/internal/hulltest"
	"paspo/lp/internal/lptest"
	"paspo/lp/internal/vec"
	"paspo/lp/interval"
)

// stateBounds draws bounds around a point of the hull, for the hull with facets and the one without.
// Of the latter some bounds may be nil.
func stateBounds(p *lp.Polytope, r *rand.Rand) lp.Limits {
	x := hulltest.Mixture(p.Points(), r)
	l, u := slices.Clone(p.Form().L), slices.Clone(p.Form().U)
	for j := range x {
		x[j] = min(max(x[j], l[j]), u[j])
		wide := r.Float64() * (p.Form().U[j] - p.Form().L[j])
		if r.IntN(3) > 0 {
			l[j] = max(l[j], x[j]-wide*r.Float64())
		}
		if r.IntN(3) > 0 {
			u[j] = min(u[j], x[j]+wide*r.Float64())
		}
	}
	return lp.Limits{Lower: l, Upper: u}
}

// Bounds of a state cut a hull without facets as they cut its rows.
func TestHullStateLimits(t *testing.T) {
	long.Test(t)
	rapid.Check(t, func(rt *rapid.T) {
		r := rand.New(rng.New(rapid.Uint64().Draw(rt, "seed"), "limits"))
		points, kind := hulltest.Points(r)
		bare, rows := lptest.BothForms(t, points, math.NaN())
		if !bare.HullOnly() {
			return
		}
		limits := []lp.Limits{stateBounds(bare, r), {}, stateBounds(bare, r)}
		other, err := interval.New(rows, interval.Config{Method: "clp", Workers: 1})
		if err != nil {
			rt.Fatal(err)
		}
		defer other.Close()
		for _, method := range []string{"clp", "explicit", "lazy"} {
			s, err := interval.New(bare, interval.Config{Method: method, Workers: 1})
			if err != nil {
				rt.Fatal(err)
			}
			err = lptest.SameIntervals(s, other, r, limits, limits, len(limits))
			if method == "lazy" {
				err = errors.Join(err, lptest.WalkChecked(s, r, limits, 1))
			}
			s.Close()
			if err != nil {
				rt.Fatalf("%s, %s: %v", kind, method, err)
			}
		}

		lim := &limits[0]
		cost := hulltest.Unit(r, bare.Dim())
		x, got, err := bare.Minimize(cost, lim)
		if err != nil {
			rt.Fatalf("%s: %v", kind, err)
		}
		_, want, err := rows.Minimize(cost, lim)
		if err != nil {
			rt.Fatal(err)
		}
		if !(math.Abs(got-want) <= 1e-9*max(1, math.Abs(want))) {
			rt.Fatalf("%s: least cost %v, by rows %v", kind, got, want)
		}
		if res := bare.Residual(x, lim); !(res <= 1e-9) {
			rt.Fatalf("%s: residual %g", kind, res)
		}
		if c := bare.FindConflict(lim); c != nil {
			rt.Fatalf("%s: conflict %q", kind, c)
		}
	})
}

// Where limits nearly exclude a hull without facets, Minimize returns a point that breaks none of
// them by more than 1e-9, or the error names a conflict.
func TestHullAlmostMissed(t *testing.T) {
	r := rand.New(rng.New(1, "almost"))
	d := lp.Description{Entities: lptest.Names(8), Total: math.NaN(), FacetEffort: lp.NoFacets}
	for range 60 {
		v := make([]float64, 8)
		for j := range v {
			v[j] = r.ExpFloat64()
		}
		d.Points = append(d.Points, v)
	}
	p, err := lp.New(d)
	if err != nil {
		t.Fatal(err)
	}
	for many := 1; many <= 3; many++ {
		cost := make([]float64, 8)
		for j := range many {
			cost[j] = -1
		}
		end, _, err := p.Minimize(cost, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, by := range []float64{0, 1e-12, 1e-10, 2e-9, 3e-9, 1e-8, 1e-6} {
			l, u := p.Bounds()
			lim := &lp.Limits{Lower: slices.Clone(l), Upper: u}
			for j := range many {
				lim.Lower[j] = end[j] + by*p.Sizes()[j]
			}
			x, _, err := p.Minimize(cost, lim)
			var empty *lp.EmptyError
			switch {
			case by <= 1e-10 && err == nil && p.Residual(x, lim) <= 1e-9:
			case by > 1e-9 && errors.As(err, &empty) && slices.Contains(empty.Conflict, lp.HullName):
			default:
				t.Errorf("%d bounds, beyond by %g: %v", many, by, err)
			}
		}
	}
}

// A conflict of limits names the hull where that is part of it.
func TestHullConflict(t *testing.T) {
	p := lptest.BareHull(t)
	l, u := slices.Clone(p.Form().L), slices.Clone(p.Form().U)
	l[0], l[1] = p.Form().U[0], p.Form().U[1]-1e-3
	lim := &lp.Limits{Lower: l, Upper: u}
	_, _, err := p.Minimize(make([]float64, p.Dim()), lim)
	var empty *lp.EmptyError
	if !errors.As(err, &empty) {
		t.Fatalf("error %v", err)
	}
	want := []string{lp.HullName, "E1 >= " + vec.Text(l[0]), "E2 >= " + vec.Text(l[1])}
	if got := slices.Sorted(slices.Values(empty.Conflict)); !slices.Equal(got, slices.Sorted(slices.Values(want))) {
		t.Errorf("conflict %q, want %q", got, want)
	}

	e := &lp.Limits{F: []float64{1.5}}
	if c := p.FindConflict(e); !slices.Equal(c, []string{lp.HullName, "total = 1.5"}) {
		t.Errorf("another total: conflict %q", c)
	}
	for _, method := range []string{"lazy", "clp"} {
		s, err := interval.New(p, interval.Config{Method: method, Workers: 1})
		if err != nil {
			t.Fatal(err)
		}
		c := s.Chain(2)
		c.Begin(2, []lp.Limits{{}, *lim})
		lo, hi := make([]float64, 2), make([]float64, 2)
		var infeasible *lp.InfeasibleError
		if err := c.Next(lo, hi); !errors.As(err, &infeasible) || infeasible.Row != 1 || !slices.Contains(infeasible.Conflict, lp.HullName) {
			t.Errorf("%s: error %v", method, err)
		}
		if !(lo[0] < hi[0]) || !math.IsNaN(lo[1]) {
			t.Errorf("%s: intervals %v, %v", method, lo, hi)
		}
		s.Close()
	}
}

// The conflict of a hull with bounds is empty and irreducible, by a program over the
// weights of the points.
func TestHullConflictsAreProven(t *testing.T) {
	long.Test(t)
	p := lptest.BareHull(t)
	n := p.Dim()
	r := rand.New(rng.New(1, "conflicts of a hull"))
	bounds := map[int]int{}
	for range 12 {
		l, u := slices.Clone(p.Form().L), slices.Clone(p.Form().U)
		for j := range n {
			x := 0.1 + 0.1*r.NormFloat64()
			if lo, hi := max(l[j], x-0.1*r.Float64()), min(u[j], x+0.1*r.Float64()); lo < hi {
				l[j], u[j] = lo, hi
			}
		}
		lim := &lp.Limits{Lower: l, Upper: u}
		conflict := p.FindConflict(lim)
		nothing := func(without string) bool {
			q := &exact.Problem{Eq: []bool{true}, B: []*big.Rat{vec.Rational(1)}, A: [][]*big.Rat{nil}}
			for range p.Points() {
				q.A[0] = append(q.A[0], vec.Rational(1))
				q.C, q.Lower, q.Upper = append(q.C, new(big.Rat)), append(q.Lower, new(big.Rat)), append(q.Upper, nil)
			}
			for j := range n {
				for _, upper := range []bool{false, true} {
					name := p.BoundName(j, upper, l, u)
					if name == without || !slices.Contains(conflict, name) {
						continue
					}
					sign, v := -1., l[j]
					if upper {
						sign, v = 1, u[j]
					}
					var row []*big.Rat
					for _, x := range p.Points() {
						row = append(row, vec.Rational(sign*x[j]))
					}
					q.A, q.B, q.Eq = append(q.A, row), append(q.B, vec.Rational(sign*v)), append(q.Eq, false)
				}
			}
			_, status := exact.Minimize(q)
			return status == exact.Infeasible
		}
		if conflict == nil {
			if _, _, err := p.Minimize(make([]float64, n), lim); err != nil {
				t.Errorf("no conflict, but %v", err)
			}
			continue
		}
		bounds[len(conflict)-1]++
		if !slices.Contains(conflict, lp.HullName) || !nothing("") {
			t.Errorf("%q is none", conflict)
		}
		for _, name := range conflict {
			if name != lp.HullName && nothing(name) {
				t.Errorf("%q is one without %s", conflict, name)
			}
		}
	}
	t.Logf("conflicts by the number of bounds: %v", bounds)
	if len(bounds) < 3 {
		t.Error("conflicts are of few kinds")
	}
}

// A hull without facets has no rows, so that the empty matrix of a state changes nothing.
func TestHullEmptyMatrix(t *testing.T) {
	long.Test(t)
	p := lptest.BareHull(t)
	lim := &lp.Limits{A: []float64{}, B: []float64{}}
	a := make([]float64, p.Dim())
	a[0] = 1
	if got, want := p.Residual(a, lim), p.Residual(a, nil); got != want {
		t.Errorf("residual %g, want %g", got, want)
	}
	s, err := interval.New(p, interval.Config{Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	r := rand.New(rng.New(1, "matrix"))
	if err := lptest.SameIntervals(s, s, r, []lp.Limits{*lim}, nil, 1); err != nil {
		t.Error(err)
	}
}

// Projections are those onto the rows, under limits of a state too.
func TestHullProject(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		r := rand.New(rng.New(rapid.Uint64().Draw(rt, "seed"), "project"))
		points, kind := hulltest.Points(r)
		bare, rows := lptest.BothForms(t, points, math.NaN())
		if !bare.HullOnly() {
			return
		}
		x := hulltest.Mixture(points, r)
		size := 1.
		for j := range x {
			size = max(size, bare.Form().U[j]-bare.Form().L[j])
			x[j] += r.NormFloat64() * (bare.Form().U[j] - bare.Form().L[j])
		}
		lim := stateBounds(bare, r)
		for _, l := range []*lp.Limits{nil, &lim} {
			got, err := lp.ProjectWithin(bare, l, x)
			if err != nil {
				rt.Fatalf("%s: %v", kind, err)
			}
			want, err := lp.ProjectWithin(rows, l, x)
			if err != nil {
				return // the rows are nearly parallel
			}
			if d := euclidean(got, want); !(d <= 1e-8*size) {
				rt.Fatalf("%s: the projections differ by %g", kind, d)
			}
			if res := bare.Residual(got, l); !(res <= 1e-9) {
				rt.Fatalf("%s: residual %g", kind, res)
			}
		}
	})
	p := lptest.BareHull(t)
	r := rand.New(rng.New(1, "project"))
	for range 10 {
		lp.CheckProjection(t, p, hulltest.Unit(r, p.Dim()))
	}
}

func euclidean(a, b []float64) float64 {
	d := make([]float64, len(a))
	vec.Subtract(d, a, b)
	return vec.Norm(d)
}
