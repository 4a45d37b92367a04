package hull

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"paspo/internal/rng"
	_ "paspo/internal/seeded"
	"paspo/lp/internal/hulltest"
	"paspo/lp/internal/vec"
)

// checkFacet holds a facet to its definition.
func checkFacet(t rapid.TB, r *Rays, f *Supporting) {
	on := map[int]bool{}
	for k, v := range f.on {
		on[v] = true
		if e := math.Abs(vec.Dot(f.C, r.point(v)) - 1); e > 1e-9 {
			t.Fatalf("point %d is off its facet by %g", v, e)
		}
		for x, s := range f.on {
			want := 0.
			if x == k {
				want = 1
			}
			if d := vec.Dot(f.dual[k*r.D:(k+1)*r.D], r.point(s)); math.Abs(d-want) > 1e-8 {
				t.Fatalf("weight %d of point %d is %g", k, s, d)
			}
		}
	}
	if len(on) != r.D {
		t.Fatalf("%d different points span the facet, want %d", len(on), r.D)
	}
	for v := range r.K {
		if d := vec.Dot(f.C, r.point(v)); d > 1+1e-9 {
			t.Fatalf("point %d is beyond the facet by %g", v, d-1)
		}
	}
}

// A ray from any point of a hull ends where the facets say.
func TestRayEnds(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		r := rand.New(rng.New(rapid.Uint64().Draw(rt, "seed"), "rays"))
		points, kind := hulltest.Points(r)
		body, err := NewBody(points, slices.Repeat([]float64{1}, len(points[0])))
		if err != nil {
			t.Fatal(err)
		}
		h := body.Rays
		if h.D == 0 {
			return // a point
		}
		inner := make([][]float64, h.K)
		for v := range inner {
			inner[v] = h.point(v)
		}
		effort := Effort
		byFacets, err := New(inner, &effort)
		if err != nil {
			t.Fatal(err)
		}
		if len(byFacets.Basis) < h.D {
			rt.Fatalf("%s: the points span %d dimensions, not %d", kind, len(byFacets.Basis), h.D)
		}
		u, x := make([]float64, h.D), make([]float64, h.D)
		f := h.Facet(hulltest.Unit(r, h.D))
		if f == nil {
			rt.Fatalf("%s: no facet", kind)
		}
		checkFacet(rt, h, f)
		for range 5 {
			a := hulltest.Mixture(inner, r)
			copy(u, hulltest.Unit(r, h.D))
			got, ok := h.End(f, a, u, x)
			if !ok {
				rt.Fatalf("%s: the walk went astray", kind)
			}
			checkFacet(rt, h, f)
			want := math.Inf(1)
			for _, g := range byFacets.Facets {
				if c := vec.Dot(g.C, u); c > 1e-12 {
					want = min(want, (g.D-vec.Dot(g.C, a))/c)
				}
			}
			// The endpoint moves by rounding over the angle that the ray has to the facet.
			tol := 1e-11 * (1 + want) * vec.Norm(f.C) / vec.Dot(f.C, u)
			if !(math.Abs(got-want) <= tol) {
				rt.Fatalf("%s: the ray ends at %v, by facets at %v", kind, got, want)
			}
		}
	})
}
