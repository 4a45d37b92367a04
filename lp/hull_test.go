package lp

import (
	"errors"
	"math"
	"math/rand/v2"
	"testing"

	"paspo/internal/rng"
	"paspo/lp/internal/dd"
	"paspo/lp/internal/hull"
	"paspo/lp/internal/vec"
)

// checkHull verifies rows and equalities against the points: all points satisfy
// them, and each row holds with equality on points that span a facet.
func checkHull(t *testing.T, points [][]float64, rows, equalities []Row) {
	t.Helper()
	n := len(points[0])
	dim := n - len(equalities)
	for _, e := range equalities {
		for _, v := range points {
			if d := math.Abs(vec.Dot(e.Coef, v) - e.Max); !(d <= 1e-9) {
				t.Fatalf("equality %v off by %g at %v", e, d, v)
			}
		}
	}
	for _, r := range rows {
		var on [][]float64
		for _, v := range points {
			d := vec.Dot(r.Coef, v) - r.Max
			if !(d <= 1e-12) {
				t.Fatalf("row %v violated by %g at %v", r, d, v)
			}
			if d >= -1e-9 {
				on = append(on, v)
			}
		}
		h, err := hull.Affine(on)
		if err != nil {
			t.Fatal(err)
		}
		if len(h.Basis) != dim-1 {
			t.Fatalf("row %v: its points span %d dimensions, want %d", r, len(h.Basis), dim-1)
		}
	}
}

func TestConvexHullShapes(t *testing.T) {
	cube := [][]float64{}
	for k := range 8 {
		cube = append(cube, []float64{float64(k & 1), float64(k >> 1 & 1), float64(k >> 2)})
	}
	inside := append(append([][]float64{{0.5, 0.5, 0.5}}, cube...), cube[3], []float64{0.5, 0, 0})
	for _, c := range []struct {
		name               string
		points             [][]float64
		facets, equalities int
	}{
		{"cube", cube, 6, 0},
		{"inner and duplicate points", inside, 6, 0},
		{"one point", [][]float64{{1, 2, 3}}, 0, 3},
		{"one point twice", [][]float64{{1, 2, 3}, {1, 2, 3}}, 0, 3},
		{"segment", [][]float64{{0, 0, 1}, {1, 2, 0}, {0.5, 1, 0.5}}, 2, 2},
		{"simplex", [][]float64{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}, 3, 1},
		{"face of the simplex", [][]float64{{1, 0, 0, 0}, {0, 1, 0, 0}, {0, 0, 1, 0}, {0.2, 0.3, 0.5, 0}}, 3, 2},
		{"one dimension", [][]float64{{3}, {-1}, {2}}, 2, 0},
		{"plane off the axes", [][]float64{{0.1, 0.2, 0.7}, {0.7, 0.1, 0.2}, {0.2, 0.7, 0.1}, {0.3, 0.3, 0.4}}, 3, 1},
		{"large", [][]float64{{1e6, 0}, {0, 1e6}, {-1e6, -1e6}}, 3, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			rows, eqs, err := convexHull(c.points)
			if err != nil {
				t.Fatal(err)
			}
			if len(rows) != c.facets || len(eqs) != c.equalities {
				t.Fatalf("%d rows and %d equalities, want %d and %d", len(rows), len(eqs), c.facets, c.equalities)
			}
			if c.name != "large" {
				checkHull(t, c.points, rows, eqs)
			}
		})
	}
	if _, _, err := convexHull(nil); err == nil {
		t.Error("no error for no points")
	}
	if _, _, err := convexHull([][]float64{{1, math.NaN()}}); err == nil {
		t.Error("no error for a NaN")
	}
}

// TestConvexHullReference: the 28 vertices of the synthetic benchmark span 611
// rows with one that restates the budget.
func TestConvexHullReference(t *testing.T) {
	p, err := presetPolytope("synthetic")
	if err != nil {
		t.Fatal(err)
	}
	rows, eqs, err := convexHull(p.Points())
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) != 610 || len(eqs) != 1 {
		t.Fatalf("%d rows, %d equalities, want 610 and 1", len(rows), len(eqs))
	}
	for j, c := range eqs[0].Coef {
		if c != 1 {
			t.Errorf("coefficient %d of the budget is %v", j, c)
		}
	}
	if eqs[0].Max != 1 {
		t.Errorf("budget %v", eqs[0].Max)
	}
	checkHull(t, p.Points(), rows, eqs)
}

func TestConvexHullRandom(t *testing.T) {
	r := rand.New(rng.New(1, "hull"))
	for trial := range 200 {
		n, k := 1+r.IntN(5), 1+r.IntN(14)
		points := make([][]float64, k)
		for i := range points {
			points[i] = make([]float64, n)
			sum := 0.
			for j := range points[i] {
				switch trial % 3 {
				case 0:
					points[i][j] = r.NormFloat64()
				case 1:
					points[i][j] = float64(r.IntN(3))
				case 2:
					points[i][j] = r.ExpFloat64()
					sum += points[i][j]
				}
			}
			if sum > 0 {
				for j := range points[i] {
					points[i][j] /= sum
				}
			}
		}
		rows, eqs, err := convexHull(points)
		if err != nil {
			t.Fatal(err)
		}
		checkHull(t, points, rows, eqs)
		// Every vertex of the hull is a vertex of the rows: a random direction is
		// largest at a point that satisfies n - equalities rows with equality.
		if len(rows) == 0 {
			continue
		}
		c := make([]float64, n)
		for j := range c {
			c[j] = r.NormFloat64()
		}
		best := points[0]
		for _, v := range points {
			if vec.Dot(c, v) > vec.Dot(c, best) {
				best = v
			}
		}
		tight := 0
		for _, row := range rows {
			if vec.Dot(row.Coef, best) >= row.Max-1e-9 {
				tight++
			}
		}
		if tight < n-len(eqs) {
			t.Fatalf("a vertex on %d rows, want at least %d", tight, n-len(eqs))
		}
	}
}

func BenchmarkConvexHull(b *testing.B) {
	p, err := presetPolytope("synthetic")
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, _, err := convexHull(p.Points()); err != nil {
			b.Fatal(err)
		}
	}
}

// TestHullBudget ends where a hull has more facets than its budget lets it find.
func TestHullBudget(t *testing.T) {
	r := rand.New(rng.New(1, "budget"))
	points := make([][]float64, 40)
	for k := range points {
		for range 9 {
			points[k] = append(points[k], r.Float64())
		}
	}
	effort := 1_000_000
	if h, err := hull.New(points, &effort); !errors.Is(err, dd.ErrBudget) {
		t.Fatalf("%v, error %v", h, err)
	}
	if effort < -1_000_000 {
		t.Errorf("%d steps beyond the budget", -effort)
	}
}

func convexHull(points [][]float64) (rows, equalities []Row, err error) {
	effort := hull.Effort
	h, err := hull.New(points, &effort)
	if err != nil {
		return nil, nil, err
	}
	rows, equalities = hullRows(h)
	return rows, equalities, nil
}
