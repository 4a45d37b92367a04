package lp_test

import (
	"math"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"paspo/internal/race"
	"paspo/internal/rng"
	"paspo/lp"
	"paspo/lp/constraints"
	"paspo/lp/internal/hulltest"
	"paspo/lp/internal/lptest"
	"paspo/lp/internal/vec"
)

// The distance to a hull is that of rational arithmetic, inside and outside, and no
// facet has a larger residual. A point within all facets is in the hull.
func TestHullDistance(t *testing.T) {
	kinds := map[string]int{}
	rapid.Check(t, func(rt *rapid.T) {
		r := rand.New(rng.New(rapid.Uint64().Draw(rt, "seed"), "distance"))
		points, kind := hulltest.Points(r)
		bare, rows := lptest.BothForms(t, points, math.NaN())
		if !bare.HullOnly() {
			return // a point
		}
		kinds[kind]++
		a := hulltest.Mixture(points, r)
		inside := r.IntN(2) == 0
		if !inside {
			away := math.Pow(10, -12*r.Float64())
			for j := range a {
				a[j] += away * r.NormFloat64() * max(1, math.Abs(a[j]))
			}
		}
		got := bare.HullDistance(a)
		if want := bare.ExactHullDistance(a); !(math.Abs(got-want) <= lp.HullRounding*max(1, want)) {
			rt.Fatalf("%s: distance %g of %v, exactly %g", kind, got, a, want)
		}
		if inside && got > lp.HullRounding {
			rt.Fatalf("%s: distance %g of %v, a mixture", kind, got, a)
		}
		byRows, name := rows.WorstConstraint(a, nil)
		if whole := bare.Residual(a, nil); !(byRows <= whole+1e-12) {
			rt.Fatalf("%s: residual %g, that of %s is %g", kind, whole, name, byRows)
		}
		if byRows <= 0 && got > lp.HullRounding {
			rt.Fatalf("%s: distance %g of %v, which all rows hold", kind, got, a)
		}
	})
	for _, k := range []string{"simplex", "grid", "normal", "flat", "large", "inner"} {
		if kinds[k] == 0 && !testing.Short() {
			t.Errorf("no hull of kind %q was drawn", k)
		}
	}
}

// Both forms of the published polytope give the same verdicts at its facets, a little
// inside and a little outside.
func TestHullVerdicts(t *testing.T) {
	p, err := constraints.Preset("synthetic", 0)
	if err != nil {
		t.Fatal(err)
	}
	bare, rows := lptest.BothForms(t, p.Points(), 1)
	r := rand.New(rng.New(1, "verdicts"))
	n := bare.Dim()
	mean := make([]float64, n)
	for _, v := range p.Points() {
		for j, x := range v {
			mean[j] += x / float64(len(p.Points()))
		}
	}
	named := 0
	lo, hi := bare.Bounds()
	for trial := range 300 {
		// The point where a ray from the mean meets the first facet.
		u := make([]float64, n)
		vec.Subtract(u, hulltest.Mixture(p.Points(), r), mean)
		s := math.Inf(1)
		for k, b := range rows.Form().B {
			row := rows.Form().A[k*n : (k+1)*n]
			if c := vec.Dot(row, u); c > 0 {
				s = min(s, (b-vec.Dot(row, mean))/c)
			}
		}
		a := make([]float64, n)
		for _, by := range []float64{-1e-3, -1e-9, 0, 1e-7, 1e-5, 1e-2} {
			for j := range a {
				a[j] = mean[j] + s*(1+by)*u[j]
			}
			got, name := bare.WorstConstraint(a, nil)
			want := rows.Residual(a, nil)
			switch {
			case by <= 0 && !(got <= 1e-12):
				t.Fatalf("trial %d: residual %g of %s at %g of the way", trial, got, name, 1+by)
			case by > 0 && !(got >= want && got > 0 && got <= 1e3*want):
				t.Fatalf("trial %d: residual %g at %g of the way, by rows %g", trial, got, 1+by, want)
			case by > 0 && name == lp.HullName:
				named++
			case by > 0 && within(a, lo, hi):
				t.Fatalf("trial %d: %s at %g of the way, within the bounds", trial, name, 1+by)
			}
			if inside := bare.Hull().Walk().Inside(bare.Amounts(a)); by != 0 && inside != (by < 0) {
				t.Fatalf("trial %d: inside is %v at %g of the way", trial, inside, 1+by)
			}
		}
	}
	if named < 300 {
		t.Errorf("only %d of 900 points outside break the hull more than a bound", named)
	}
}

func within(a, lo, hi []float64) bool {
	for j, x := range a {
		if !(x >= lo[j] && x <= hi[j]) {
			return false
		}
	}
	return true
}

// A large hull: mixtures are inside, points pushed out of a facet have the distance
// that they were pushed or more.
func TestHullResidualLarge(t *testing.T) {
	p := lptest.BareHull(t)
	r := rand.New(rng.New(1, "large"))
	for range 200 {
		if res := p.Residual(hulltest.Mixture(p.Points(), r), nil); !(res <= 1e-12) {
			t.Fatalf("residual %g of a mixture", res)
		}
	}
	pushed := 0
	for range 60 {
		// Beyond the hull on the side of a random direction.
		a := hulltest.Mixture(p.Points(), r)
		v := vec.Lowest(p.Points(), hulltest.Unit(r, p.Dim()))
		for j := range a {
			a[j] = v[j] + 0.3*(v[j]-a[j])
		}
		c, limit := p.Hull().Separate(a)
		if c == nil {
			continue
		}
		pushed++
		least := vec.Dot(c, a) - limit
		if res := p.Residual(a, nil); !(res >= least && least > 0) {
			t.Errorf("residual %g, %g beyond a facet", res, least)
		}
	}
	if pushed < 50 {
		t.Errorf("only %d points were separated", pushed)
	}
}

// Answers do not depend on other queries that are made at the same time.
func TestHullConcurrently(t *testing.T) {
	p := lptest.BareHull(t)
	r := rand.New(rng.New(1, "concurrent"))
	var points [][]float64
	var want []float64
	for k := range 200 {
		a := hulltest.Mixture(p.Points(), r)
		if k%4 == 0 {
			a[0], a[1] = a[0]-0.1, a[1]+0.1
		}
		points, want = append(points, a), append(want, p.Residual(a, nil))
	}
	var wait sync.WaitGroup
	for g := range 4 {
		wait.Go(func() {
			for k := range points {
				at := (k*7 + 50*g) % len(points)
				if got := p.Residual(points[at], nil); got != want[at] {
					t.Errorf("residual %g of point %d, alone %g", got, at, want[at])
				}
			}
		})
	}
	wait.Wait()
}

func TestHullResidualAllocatesNothing(t *testing.T) {
	if race.Enabled {
		t.Skip("SKIPPED under the race detector, with which a pool forgets")
	}
	p := lptest.BareHull(t)
	a := hulltest.Mixture(p.Points(), rand.New(rng.New(1, "allocates")))
	if n := testing.AllocsPerRun(100, func() { p.Residual(a, nil) }); n > 0.5 { // a pool may be drained
		t.Errorf("%g allocations", n)
	}
}

func TestHullBadPoints(t *testing.T) {
	for _, c := range []struct {
		points [][]float64
		total  float64
		want   string
	}{
		{[][]float64{{0.5, 0.5}, {0.2, math.NaN()}}, 1, "point 2, E2"},
		{[][]float64{{0.5, 0.5}, {0.2}}, 1, "point 2 has 1 number for 2 entities"},
		{[][]float64{{0.5, 0.5}, {0.2, 0.7}}, 1, "point 2 breaks total = 1"},
		{[][]float64{{1e16, 0}, {0, 1}}, math.NaN(), "point 1, E1"},
	} {
		_, err := lp.New(lp.Description{Entities: lptest.Names(2), Total: c.total, Points: c.points, FacetEffort: lp.NoFacets})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("error %v, want %q", err, c.want)
		}
	}
	p := lptest.BareHull(t)
	for _, x := range []float64{math.NaN(), math.Inf(1)} {
		a := hulltest.Mixture(p.Points(), rand.New(rng.New(1, "bad")))
		a[3] = x
		if r := p.Residual(a, nil); !math.IsInf(r, 1) {
			t.Errorf("residual %g of %g", r, x)
		}
	}
}

// The hash, the bounds and the bounding box of a hull do not depend on whether it has facets.
func TestHullFormsAgree(t *testing.T) {
	p, err := constraints.Preset("synthetic", 0)
	if err != nil {
		t.Fatal(err)
	}
	bare, rows := lptest.BothForms(t, p.Points(), 1)
	if bare.Hash() != rows.Hash() {
		t.Error("the hashes differ")
	}
	lo, hi, err := lp.BoundingBox(bare)
	if err != nil {
		t.Fatal(err)
	}
	lo2, hi2, err := lp.BoundingBox(rows)
	if err != nil {
		t.Fatal(err)
	}
	l, u := bare.Bounds()
	for j := range lo {
		if lo[j] != lo2[j] || hi[j] != hi2[j] || l[j] != lo[j] || u[j] != hi[j] {
			t.Errorf("entity %d: [%g, %g], bounds [%g, %g], by rows [%g, %g]", j, lo[j], hi[j], l[j], u[j], lo2[j], hi2[j])
		}
	}
	if k, err := lp.RedundantRows(bare); err != nil || len(k) > 0 {
		t.Errorf("redundant rows %v, error %v", k, err)
	}
	if _, f, names := bare.Equalities(); len(f) != 1 || names[0] != "total = 1" {
		t.Errorf("equalities %q", names)
	}
}

func BenchmarkHullResidual(b *testing.B) {
	p := lptest.BareHull(b)
	a := hulltest.Mixture(p.Points(), rand.New(rng.New(1, "bench")))
	for b.Loop() {
		p.Residual(a, nil)
	}
}
