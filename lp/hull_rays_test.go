package lp

import (
	"math"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"

	"paspo/internal/rng"
	"paspo/lp/internal/vec"
)

// checkFacet holds a facet to its definition.
func checkFacet(t rapid.TB, r *rays, f *supporting) {
	on := map[int]bool{}
	for k, v := range f.on {
		on[v] = true
		if e := math.Abs(vec.Dot(f.c, r.point(v)) - 1); e > 1e-9 {
			t.Fatalf("point %d is off its facet by %g", v, e)
		}
		for x, s := range f.on {
			want := 0.
			if x == k {
				want = 1
			}
			if d := vec.Dot(f.dual[k*r.d:(k+1)*r.d], r.point(s)); math.Abs(d-want) > 1e-8 {
				t.Fatalf("weight %d of point %d is %g", k, s, d)
			}
		}
	}
	if len(on) != r.d {
		t.Fatalf("%d different points span the facet, want %d", len(on), r.d)
	}
	for v := range r.k {
		if d := vec.Dot(f.c, r.point(v)); d > 1+1e-9 {
			t.Fatalf("point %d is beyond the facet by %g", v, d-1)
		}
	}
}

// A ray from any point of a hull ends where the facets say.
func TestRayEnds(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		r := rand.New(rng.New(rapid.Uint64().Draw(rt, "seed"), "rays"))
		points, kind := randomPoints(r)
		bare, _ := bothForms(t, points, math.NaN())
		if !bare.HullOnly() {
			return
		}
		h := bare.hull.rays
		inner := make([][]float64, h.k)
		for v := range inner {
			inner[v] = h.point(v)
		}
		effort := hullEffort
		byFacets, err := newHull(inner, &effort)
		if err != nil {
			t.Fatal(err)
		}
		if len(byFacets.basis) < h.d {
			rt.Fatalf("%s: the points span %d dimensions, not %d", kind, len(byFacets.basis), h.d)
		}
		u, x := make([]float64, h.d), make([]float64, h.d)
		f := h.facet(unit(r, h.d))
		if f == nil {
			rt.Fatalf("%s: no facet", kind)
		}
		checkFacet(rt, h, f)
		for range 5 {
			a := mixture(inner, r)
			copy(u, unit(r, h.d))
			got, ok := h.end(f, a, u, x)
			if !ok {
				rt.Fatalf("%s: the walk went astray", kind)
			}
			checkFacet(rt, h, f)
			want := math.Inf(1)
			for _, g := range byFacets.facets {
				if c := vec.Dot(g.c, u); c > 1e-12 {
					want = min(want, (g.d-vec.Dot(g.c, a))/c)
				}
			}
			// An end moves by rounding over the angle that the ray has to the facet.
			tol := 1e-11 * (1 + want) * vec.Norm(f.c) / vec.Dot(f.c, u)
			if !(math.Abs(got-want) <= tol) {
				rt.Fatalf("%s: the ray ends at %v, by facets at %v", kind, got, want)
			}
		}
	})
}

func unit(r *rand.Rand, d int) []float64 {
	u := make([]float64, d)
	for j := range u {
		u[j] = r.NormFloat64()
	}
	l := vec.Norm(u)
	for j := range u {
		u[j] /= l
	}
	return u
}
