package lp

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"

	"paspo/internal/rng"
	"paspo/lp/internal/hulltest"
	"paspo/lp/internal/vec"
)

// checkProjection holds the projection of x to two certificates. The
// Karush-Kuhn-Tucker conditions: the step is a combination of active rows with
// multipliers >= 0. And (x - y) . (v - y) <= 0 for every v in the set, of which
// an LP finds the worst.
func checkProjection(t rapid.TB, p *Polytope, x []float64) {
	proj, y := NewProjector(p), make([]float64, len(x))
	if err := proj.Project(y, x, nil); err != nil {
		t.Fatalf("projecting %v: %v", x, err)
	}
	q := &proj.s
	if r := p.Residual(y, nil); !(r <= 1e-9) {
		t.Fatalf("residual %g", r)
	}
	step := append([]float64(nil), q.Z...)
	multipliers := 0.
	for j, k := range q.Active {
		if !(q.Lambda[j] >= 0) {
			t.Fatalf("multiplier %g", q.Lambda[j])
		}
		if slack := q.H[k] - vec.Dot(q.G[k], q.Z); math.Abs(slack) > 10*q.Tol {
			t.Fatalf("an active row has slack %g", slack)
		}
		multipliers += q.Lambda[j]
		for i, g := range q.G[k] {
			step[i] += q.Lambda[j] * g
		}
	}
	if e := vec.Norm(step); e > 1e-9*max(1, vec.Norm(q.Z)) {
		t.Fatalf("stationarity is off by %g", e)
	}

	g := make([]float64, len(x))
	vec.Subtract(g, y, x) // minimize g . v
	v, _, err := p.Minimize(g, nil)
	if err != nil {
		t.Fatal(err)
	}
	// v is feasible to the tolerance of the LP solver, 1e-10, and gains that times
	// the multipliers: many times the step where rows are nearly parallel.
	gap := vec.Dot(g, y) - vec.Dot(g, v)
	if !(gap <= 1e-9*max(1, vec.Norm(g), multipliers)) {
		t.Fatalf("projection of %v to %v is not optimal: %v is closer by %g", x, y, v, gap)
	}
}

func TestProjectPresets(t *testing.T) {
	for preset, dim := range map[string]int{"synthetic": 0, "compute": 0, "portfolio": 0, "unconstrained": 9} {
		t.Run(preset, func(t *testing.T) {
			p := samplePreset(t, preset, dim)
			n := p.Dim()
			r := rand.New(rng.New(2))
			equal := make([]float64, n)
			for j := range equal {
				equal[j] = 1 / float64(n)
			}
			checkProjection(t, p, equal)
			for range 40 {
				x := make([]float64, n)
				scale := math.Exp(6*r.Float64() - 3)
				for j := range x {
					x[j] = scale * r.NormFloat64()
				}
				checkProjection(t, p, x)
			}
		})
	}
}

func TestProjectInsideIsIdentity(t *testing.T) {
	p := samplePreset(t, "compute", 0)
	r := rand.New(rng.New(1, "inside"))
	var vertices [][]float64
	for range 2 * p.Dim() {
		v, _, err := p.Minimize(hulltest.Unit(r, p.Dim()), nil)
		if err != nil {
			t.Fatal(err)
		}
		vertices = append(vertices, v)
	}
	for range 50 {
		x := hulltest.Mixture(vertices, r)
		y, err := Project(p, x)
		if err != nil {
			t.Fatal(err)
		}
		for j := range y {
			if math.Abs(y[j]-x[j]) > 1e-14 {
				t.Fatalf("a feasible point moved from %v to %v", x, y)
			}
		}
	}
}

// The projection onto the unit simplex has a closed form (Held, Wolfe and
// Crowder, Mathematical Programming 6, 1974): shift by a constant, cut at 0.
func TestProjectSimplex(t *testing.T) {
	p := samplePreset(t, "unconstrained", 3)
	for _, c := range [][2][]float64{
		{{1, 0, 0}, {1, 0, 0}}, {{2, 0, 0}, {1, 0, 0}}, {{1, 1, 1}, {1. / 3, 1. / 3, 1. / 3}},
		{{0.9, 0.5, -3}, {0.7, 0.3, 0}}, {{0, 0, 0}, {1. / 3, 1. / 3, 1. / 3}}, {{1e6, 1e6 - 0.5, 0}, {0.75, 0.25, 0}},
	} {
		y, err := Project(p, c[0])
		if err != nil {
			t.Fatal(err)
		}
		for j := range y {
			if math.Abs(y[j]-c[1][j]) > 1e-9 {
				t.Errorf("Project(%v) = %v, want %v", c[0], y, c[1])
				break
			}
		}
	}
}

// Random polytopes around a known point: some rows pass through it, some are
// doubled, some are nearly parallel.
func TestProjectRandom(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 12).Draw(t, "entities")
		r := rand.New(rng.New(rapid.Uint64().Draw(t, "seed")))
		total := []float64{1, 50, math.NaN()}[rapid.IntRange(0, 2).Draw(t, "total")]
		scale := 1.
		if total == 50 {
			scale = 50
		}
		inside := make([]float64, n)
		sum := 0.
		for j := range inside {
			inside[j] = r.ExpFloat64()
			sum += inside[j]
		}
		d := Description{Total: total, Lower: make([]float64, n), Upper: make([]float64, n)}
		for j := range inside {
			inside[j] *= scale / sum
			d.Entities = append(d.Entities, fmt.Sprint("E", j))
			d.Upper[j] = max(scale, inside[j])
			if r.IntN(4) == 0 {
				d.Upper[j] = inside[j]
			}
		}
		for k := range rapid.IntRange(0, 15).Draw(t, "rows") {
			row := Row{Name: fmt.Sprint("r", k), Coef: make([]float64, n), Min: math.Inf(-1)}
			if prev := len(d.Rows); prev > 0 && r.IntN(4) == 0 {
				copy(row.Coef, d.Rows[r.IntN(prev)].Coef)
			} else {
				for j := range row.Coef {
					row.Coef[j] = math.Round(100*r.NormFloat64()) / 100
				}
			}
			if r.IntN(6) == 0 {
				row.Coef[r.IntN(n)] += 1e-6
			}
			row.Max = vec.Dot(row.Coef, inside)
			if r.IntN(2) == 0 {
				row.Max += scale * r.Float64()
			} else {
				row.Max += 1e-12 // rounding must not make it empty
			}
			if vec.Norm(row.Coef) == 0 {
				continue
			}
			d.Rows = append(d.Rows, row)
		}
		p, err := New(d)
		if err != nil {
			t.Fatalf("%v: %+v", err, d)
		}
		x := make([]float64, n)
		size := scale * math.Exp(rapid.Float64Range(-5, 5).Draw(t, "ln size"))
		for j := range x {
			x[j] = size * r.NormFloat64()
		}
		checkProjection(t, p, x)
	})
}

// Bounds that add up to the total, but for rounding and a little more.
func TestProjectNearlyEmpty(t *testing.T) {
	for _, off := range []float64{0, 1e-16, 1e-15} {
		lower := []float64{0.1, 0.2, 0.7 + off}
		p := sampleNew(t, Description{Entities: testNames(3), Total: 1, Lower: lower, Upper: []float64{1, 1, 1}})
		y, err := Project(p, []float64{1, 1, -3})
		if err != nil {
			t.Errorf("off by %g: %v", off, err)
			continue
		}
		for j := range y {
			if math.Abs(y[j]-lower[j]) > 1e-9 {
				t.Errorf("off by %g: %v", off, y)
			}
		}
	}
}

func TestProjectBadInput(t *testing.T) {
	p := samplePreset(t, "unconstrained", 3)
	for _, x := range [][]float64{{1, 2}, {1, math.NaN(), 0}, {math.Inf(1), 0, 0}} {
		if _, err := Project(p, x); err == nil {
			t.Errorf("Project(%v): want an error", x)
		}
	}
}

// Limits of a state give what a polytope built with them gives.
func TestProjectWithin(t *testing.T) {
	d := Description{
		Entities: []string{"a", "b", "c", "d"}, Total: 1,
		Rows: []Row{{Name: "r", Coef: []float64{1, 2, 0, 3}, Min: math.Inf(-1), Max: 1.4}},
	}
	p, err := New(d)
	if err != nil {
		t.Fatal(err)
	}
	d.Lower, d.Upper = []float64{0, 0.1, 0, 0.05}, []float64{0.3, 1, 0.4, 1}
	d.Rows[0].Max = 1.2
	q, err := New(d)
	if err != nil {
		t.Fatal(err)
	}
	lim := Limits{B: []float64{1.2}, Lower: d.Lower, Upper: d.Upper}
	for _, x := range [][]float64{{0.25, 0.25, 0.25, 0.25}, {1, 0, 0, 0}, {-1, 3, 2, 0.5}, {0, 0, 0, 1}} {
		got, err := ProjectWithin(p, &lim, x)
		if err != nil {
			t.Fatal(err)
		}
		want, err := Project(q, x)
		if err != nil {
			t.Fatal(err)
		}
		for j := range got {
			if math.Abs(got[j]-want[j]) > 1e-12 {
				t.Errorf("%v is projected to %v, want %v", x, got, want)
				break
			}
		}
	}
	if _, err := ProjectWithin(p, &Limits{Upper: []float64{0.1, 0.1, 0.1, 0.1}}, make([]float64, 4)); err == nil {
		t.Error("limits that no allocation satisfies were accepted")
	}
}
