package uniform

import (
	"math"
	"slices"
	"testing"

	"gonum.org/v1/gonum/mat"

	"paspo/lp"
	"paspo/lp/internal/lptest"
)

func basesOf(t *testing.T, p *lp.Polytope) [][]direction {
	t.Helper()
	s, err := New(p, method(HitAndRun))
	if err != nil {
		t.Fatal(err)
	}
	for _, basis := range s.run.bases {
		m := mat.NewDense(p.Dim(), len(basis), nil)
		for j, d := range basis {
			for i, e := range d.entities {
				m.Set(int(e), j, d.move[i])
			}
		}
		var svd mat.SVD
		if !svd.Factorize(m, mat.SVDNone) || len(basis) != s.hull.dim() || svd.Rank(1e-9) != s.hull.dim() {
			t.Errorf("%d directions of rank %d in %d dimensions", len(basis), svd.Rank(1e-9), s.hull.dim())
		}
	}
	return s.run.bases
}

func TestEdges(t *testing.T) {
	for name, c := range map[string]struct {
		p              *lp.Polytope
		entities, rows int // most that an edge moves
	}{
		"simplex": {lptest.Preset(t, "unconstrained", 8), 2, 2},
		"caps":    {lptest.New(t, lp.Description{Entities: lptest.Names(8), Total: 1, Upper: slices.Repeat([]float64{0.3}, 8)}), 2, 4},
		"box":     {lptest.New(t, lp.Description{Entities: lptest.Names(5), Total: math.NaN(), Upper: []float64{1, 1e-6, 1e6, 3, 1}}), 1, 2},
		// At an endpoint of the slab one entity is between its bounds, inside it two.
		"thin": {thin30(t), 3, 8},
	} {
		bases := basesOf(t, c.p)
		edges, more := 0, 0
		for _, basis := range bases {
			for _, d := range basis {
				edges++
				if len(d.entities) > c.entities || len(d.rows) > c.rows {
					more++
				}
				for i, r := range d.rates {
					if (r > 0) != (i < d.shrinking) || d.inverse[i] != 1/r {
						t.Errorf("%s: rate %g at %d of %d, inverse %g", name, r, i, d.shrinking, d.inverse[i])
					}
				}
			}
		}
		// Rounding may take a row for tight that is not quite.
		if edges == 0 || more > edges/100 {
			t.Errorf("%s: %d of %d edges move more than %d entities or %d rows", name, more, edges, c.entities, c.rows)
		}
	}
}

// Where an edge changes all rows, as in the plane, half of the bases are the axes.
// Points that are no vertices change nothing of that.
func TestEdgesOfPoints(t *testing.T) {
	bases := basesOf(t, lptest.New(t, lp.Description{
		Entities: lptest.Names(2), Total: math.NaN(), Points: [][]float64{{0, 0.1}, {1, 0}, {0.1, 1}, {0.25, 0.25}, {0.3, 0.3}},
	}))
	half := len(bases) / 2
	if half == 0 || &bases[half][0] != &bases[2*half-1][0] || &bases[half-1][0] == &bases[half][0] {
		t.Errorf("%d bases", len(bases))
	}
}
