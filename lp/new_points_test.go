package lp

import (
	"math"
	"testing"

	"paspo/lp/internal/vec"
)

// Rows and equalities that are computed from points hold the points and no more.
func TestNewFromPoints(t *testing.T) {
	for _, c := range []struct {
		name       string
		total      float64
		points     [][]float64
		equalities int
		outside    [][]float64
	}{
		{"a triangle", 1, [][]float64{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}, 1, [][]float64{{1.1, -0.1, 0}, {0.3, 0.3, 0.3}}},
		{"a flat one", 1, [][]float64{{0.25, 0.25, 0.5, 0}, {0.5, 0.5, 0, 0}, {0, 0, 0.5, 0.5}}, 2, [][]float64{{0.3, 0.2, 0.5, 0}, {0.45, 0.45, 0, 0.1}}},
		{"a point", 1, [][]float64{{0.25, 0.75}}, 2, [][]float64{{0.5, 0.5}}},
		{"a segment below 0", math.NaN(), [][]float64{{-1, 2}, {1, 4}}, 1, [][]float64{{-1.5, 1.5}, {0, 3.1}, {1.5, 4.5}}},
		{"a square", math.NaN(), [][]float64{{-1, -1}, {1, -1}, {1, 1}, {-1, 1}}, 0, [][]float64{{1.1, 0}, {0, -1.1}}},
		{"one entity", math.NaN(), [][]float64{{2}, {3}, {2.5}}, 0, [][]float64{{1.9}, {3.1}}},
		{"a large budget", 1e6, [][]float64{{1e6, 0}, {25e4, 75e4}}, 1, [][]float64{{2e5, 8e5}}},
	} {
		p, err := New(Description{Name: "p", Entities: testNames(len(c.points[0])), Total: c.total, Points: c.points})
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if _, f, names := p.Equalities(); len(f) != c.equalities {
			t.Errorf("%s: equalities %q", c.name, names)
		}
		for i, v := range c.points {
			if r, name := p.WorstConstraint(v, nil); r > 1e-12 {
				t.Errorf("%s: point %d has residual %g of %s", c.name, i, r, name)
			}
			for j := range v {
				for _, sign := range []float64{1, -1} {
					cost := make([]float64, len(v))
					cost[j] = sign
					_, fast, _ := p.Minimize(cost, nil)
					_, byRows, err := p.Minimize(cost, &Limits{Lower: p.form.L})
					if err != nil || math.Abs(fast-byRows) > 1e-9*max(1, math.Abs(fast)) {
						t.Errorf("%s: least of %+g E%d is %g over points, %g over rows (%v)", c.name, sign, j+1, fast, byRows, err)
					}
				}
			}
		}
		for _, v := range c.outside {
			if r := p.Residual(v, nil); r < 1e-3 {
				t.Errorf("%s: %v has residual %g", c.name, v, r)
			}
		}
		if again, err := New(p.Description()); err != nil || again.Hash() != p.Hash() {
			t.Errorf("%s: its description is that of another polytope (%v)", c.name, err)
		}
	}
}

// The rows that are computed from the points of the paper's polytope agree with
// those that were published beside them.
func TestRowsOfPublishedPoints(t *testing.T) {
	p, err := presetPolytope("synthetic")
	if err != nil {
		t.Fatal(err)
	}
	q, err := New(Description{Entities: p.entities, Total: 1, Points: p.points})
	if err != nil {
		t.Fatal(err)
	}
	if _, b, _ := q.Inequalities(); len(b) != 610 { // the last of 611 is the budget
		t.Errorf("%d rows", len(b))
	}
	a, _, _ := p.Inequalities()
	n := p.Dim()
	for k := range p.form.B {
		_, least, err := q.Minimize(a[k*n:(k+1)*n], &Limits{Lower: q.form.L})
		if err != nil {
			t.Fatal(err)
		}
		negated := make([]float64, n)
		for j := range n {
			negated[j] = -a[k*n+j]
		}
		_, most, err := q.Minimize(negated, nil)
		if err != nil {
			t.Fatal(err)
		}
		if scale := max(1, math.Abs(p.form.B[k]), vec.MaxAbs(negated)); math.Abs(-most-p.form.B[k]) > 1e-9*scale || least > p.form.B[k]+1e-9*scale {
			t.Errorf("row %d: from %g to %g, published limit %g", k, least, -most, p.form.B[k])
		}
		if k > 50 && testing.Short() {
			break
		}
	}
}
