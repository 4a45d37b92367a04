package uniform

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"

	"paspo/internal/long"
	"paspo/internal/rng"
	"paspo/lp"
	"paspo/lp/internal/lptest"
	"paspo/lp/internal/vec"
)

// thin30 has 30 entities: a unit budget, every share within 1e-4 of 1/30 and a
// row that is nearly an equality. Its share of the simplex is below 1e-80.
func thin30(t testing.TB) *lp.Polytope {
	n := 30
	lower, upper, coef := make([]float64, n), make([]float64, n), make([]float64, n)
	for j := range n {
		lower[j], upper[j] = 1./30-1e-4, 1./30+1e-4
		coef[j] = math.Sin(float64(j))
	}
	mid := 0.
	for _, c := range coef {
		mid += c / 30
	}
	return lptest.New(t, lp.Description{
		Name: "thin", Entities: lptest.Names(n), Total: 1, Lower: lower, Upper: upper,
		Rows: []lp.Row{{Name: "nearly an equality", Coef: coef, Min: mid - 1e-7, Max: mid + 1e-7}},
	})
}

func TestSampleThin(t *testing.T) {
	p := thin30(t)
	points, report := draw(t, p, DefaultConfig(), 4000, 1)
	t.Log(report)
	if report.Method != HitAndRun || report.Dim != 29 {
		t.Fatalf("drawn by %s in %d dimensions", report.Method, report.Dim)
	}
	if !(report.RHat <= 1.01 && report.ESS >= 400) {
		t.Errorf("R-hat %g, effective sample size %g", report.RHat, report.ESS)
	}
	// Truth by symmetry: the polytope is its own mirror image at the center.
	for j := range 30 {
		mean, v := moments(coordinate(points, 30, j))
		if se := math.Sqrt(v / 1000); math.Abs(mean-1./30) > 4*se {
			t.Errorf("share %d: mean off by %.2g, standard error %.2g", j, mean-1./30, se)
		}
	}
	row, _, _ := p.Inequalities()
	x := make([]float64, 4000)
	mid := 0.
	for j := range 30 {
		mid += row[j] / 30
	}
	for i := range x {
		x[i] = vec.Dot(row[:30], points[i*30:(i+1)*30]) - mid
	}
	// The slab is so thin that the row is uniform across it.
	if _, v := moments(x); math.Abs(math.Sqrt(v)/(1e-7/math.Sqrt(3))-1) > 0.05 {
		t.Errorf("standard deviation across the slab %g, want %g", math.Sqrt(v), 1e-7/math.Sqrt(3))
	}

	share, err := FeasibleShare(t.Context(), p, 20_000, rng.New(1))
	if err != nil {
		t.Fatal(err)
	}
	if share.Accepted != 0 || !strings.HasPrefix(share.String(), "below 0.00015") {
		t.Errorf("feasible share: %v", share)
	}
}

// A simplex with vertices at distances from 1e-5 to 1e-2 of a point, whose share
// of the unit simplex is far below 1e-9. Its points in terms of the vertices
// are Dirichlet(1), which is the truth to hold to.
func TestSampleThinSimplex(t *testing.T) {
	long.Test(t)
	const n, points = 20, 6000
	r := rand.New(rng.New(4))
	vertices := mat.NewDense(n, n, nil) // a column each
	for k := range n {
		dir := make([]float64, n)
		mean := 0.
		for j := range dir {
			dir[j] = r.NormFloat64()
			mean += dir[j] / n
		}
		for j := range dir {
			vertices.Set(j, k, 1./n+math.Pow(10, -2-3*float64(k)/n)*(dir[j]-mean)/math.Sqrt(n))
		}
	}
	var inverse mat.Dense
	if err := inverse.Inverse(vertices); err != nil {
		t.Fatal(err)
	}
	d := lp.Description{Entities: lptest.Names(n), Total: 1}
	for k := range n {
		row := lp.Row{Name: fmt.Sprint("facet ", k), Coef: mat.Row(nil, k, &inverse), Min: 0, Max: math.Inf(1)}
		// Rows of a user have no such coefficients.
		l := vec.Norm(row.Coef)
		for j := range row.Coef {
			row.Coef[j] /= l
		}
		d.Rows = append(d.Rows, row)
	}
	p := lptest.New(t, d)
	a, report := draw(t, p, DefaultConfig(), points, 1)
	t.Log(report)
	if report.Method != HitAndRun || report.Dim != n-1 {
		t.Fatalf("drawn by %s in %d dimensions", report.Method, report.Dim)
	}
	var w mat.Dense
	w.Mul(mat.NewDense(points, n, a), inverse.T())
	for k := range n {
		x := mat.Col(nil, k, &w)
		slices.Sort(x)
		ks := 0.
		for i, v := range x {
			ks = max(ks, math.Abs(1-math.Pow(1-v, n-1)-(float64(i)+0.5)/points))
		}
		if most := 2.23 / math.Sqrt(report.ESS); ks > most {
			t.Errorf("share of vertex %d: KS distance %.4f, %.4f allowed", k, ks, most)
		}
	}
}

func TestSampleDegenerate(t *testing.T) {
	inf, nan := math.Inf(1), math.NaN()
	point := lptest.New(t, lp.Description{Entities: lptest.Names(3), Total: 1, Lower: []float64{0.2, 0.3, 0.5}, Upper: []float64{0.9, 0.9, 0.9}})
	points, report := draw(t, point, DefaultConfig(), 3, 1)
	if report.Method != Point || report.Dim != 0 {
		t.Errorf("a point: drawn by %s in %d dimensions", report.Method, report.Dim)
	}
	for i, v := range points {
		if want := []float64{0.2, 0.3, 0.5}[i%3]; math.Abs(v-want) > 1e-9 {
			t.Errorf("got %g, want %g", v, want)
		}
	}

	// a0 + a1 <= 0.3 and a2 + a3 <= 0.7 of a total of 1 are equalities; the rest
	// is a product of two uniform distributions.
	implied := lptest.New(t, lp.Description{Entities: lptest.Names(4), Total: 1, Rows: []lp.Row{
		{Name: "x", Coef: []float64{1, 1, 0, 0}, Min: -inf, Max: 0.3},
		{Name: "y", Coef: []float64{0, 0, 1, 1}, Min: -inf, Max: 0.7},
	}})
	const n = 20_000
	points, report = draw(t, implied, DefaultConfig(), n, 1)
	if report.Method != HitAndRun || report.Dim != 2 {
		t.Errorf("implied equalities: drawn by %s in %d dimensions", report.Method, report.Dim)
	}
	for j, width := range []float64{0.3, 0.3, 0.7, 0.7} {
		x := coordinate(points, 4, j)
		slices.Sort(x)
		for i, v := range x {
			if math.Abs(v/width-float64(i)/n) > 2.23/math.Sqrt(report.ESS) {
				t.Errorf("entity %d is not uniform on [0, %g]", j, width)
				break
			}
		}
	}
	if s, err := FeasibleShare(t.Context(), implied, 100, rng.New(1)); err != nil || !s.Flat || s.Estimate != 0 {
		t.Errorf("feasible share of a flat polytope: %v, %v", s, err)
	}
	if _, err := New(implied, method(Rejection)); err == nil {
		t.Error("rejection from a flat polytope: want an error")
	}

	// Two equalities, a total of a million, negative lower bounds.
	large := lptest.New(t, lp.Description{
		Entities: lptest.Names(4), Total: 1e6, Lower: []float64{-1e5, 0, 0, 0}, Upper: []float64{inf, inf, 4e5, inf},
		Rows: []lp.Row{{Name: "balance", Coef: []float64{1, -1, 0, 0}, Min: 0, Max: 0}},
	})
	points, report = draw(t, large, DefaultConfig(), n, 1)
	if report.Method != HitAndRun || report.Dim != 2 {
		t.Errorf("two equalities: drawn by %s in %d dimensions", report.Method, report.Dim)
	}
	// a0 = a1 = s/2 >= 0, a2 + a3 = 1e6 - s, a2 <= 4e5: in (s, a2) a trapezoid.
	_, area := 0., 0.
	mean := 0.
	const steps = 100_000
	for i := range steps {
		s := (float64(i) + 0.5) / steps * 1e6
		height := min(4e5, 1e6-s)
		area += height
		mean += height * s / 2
	}
	mean /= area
	if m, v := moments(coordinate(points, 4, 0)); math.Abs(m-mean) > 4*math.Sqrt(v/report.ESS) {
		t.Errorf("mean of the first entity %g, want %g", m, mean)
	}

	// No budget: a box with one corner cut off, by rejection from the box.
	box := lptest.New(t, lp.Description{
		Entities: lptest.Names(2), Total: nan, Lower: []float64{-1, 2}, Upper: []float64{1, 4},
		Rows: []lp.Row{{Name: "cut", Coef: []float64{1, 1}, Min: -inf, Max: 3}},
	})
	points, report = draw(t, box, DefaultConfig(), n, 1)
	if report.Method != Rejection || report.Proposal != "the bounding box" {
		t.Errorf("box: %v", report)
	}
	if math.Abs(report.Acceptance-0.5) > 0.02 {
		t.Errorf("acceptance %g, want 0.5", report.Acceptance)
	}
	if m, _ := moments(coordinate(points, 2, 0)); math.Abs(m-(-1./3)) > 0.02 {
		t.Errorf("mean of a triangle %g, want -1/3", m)
	}
	segment := lptest.New(t, lp.Description{Entities: lptest.Names(1), Total: nan, Lower: []float64{3}, Upper: []float64{5}})
	if _, report = draw(t, segment, method(HitAndRun), 100, 1); report.Dim != 1 {
		t.Errorf("a segment in %d dimensions", report.Dim)
	}
}

// Where the plain simplex accepts too little but a tighter one enough, rejection
// remains.
func TestSampleTightSimplex(t *testing.T) {
	p := lptest.New(t, lp.Description{Entities: lptest.Names(6), Total: 1, Lower: []float64{0.16, 0.16, 0.16, 0.16, 0.16, 0.16}})
	points, report := draw(t, p, DefaultConfig(), 5000, 1)
	if report.Method != Rejection || report.Acceptance < 0.99 {
		t.Errorf("%v", report)
	}
	if m, v := moments(coordinate(points, 6, 5)); math.Abs(m-1./6) > 4*math.Sqrt(v/5000) {
		t.Errorf("mean %g, want 1/6", m)
	}
}
