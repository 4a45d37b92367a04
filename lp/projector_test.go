package lp

import (
	"errors"
	"math"
	"math/big"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"

	"paspo/internal/long"
	"paspo/internal/rng"
	"paspo/lp/internal/projection"
	"paspo/lp/internal/vec"
)

// exactProjection returns the projection of x that the active rows and the equalities
// give, in rational arithmetic, and whether it is the closest point: it satisfies all
// constraints, but for the rounding of facets that meet in a point, and the multipliers of
// the rows are not negative.
func exactProjection(p *Polytope, active []projection.Row, x []float64) (y []*big.Rat, closest bool) {
	n := p.Dim()
	rat := func(v float64) *big.Rat { return new(big.Rat).SetFloat64(v) }
	dot := func(a, b []*big.Rat) *big.Rat {
		s := new(big.Rat)
		for i := range a {
			s.Add(s, new(big.Rat).Mul(a[i], b[i]))
		}
		return s
	}
	var rows [][]*big.Rat
	var rhs []*big.Rat
	for k, f := range p.form.F {
		rows, rhs = append(rows, vec.Rationals(p.form.E[k*n:(k+1)*n])), append(rhs, rat(f))
	}
	for _, r := range active {
		row := vec.Rationals(make([]float64, n))
		switch {
		case r.Coef != nil:
			row = vec.Rationals(r.Coef)
			rhs = append(rhs, rat(p.form.B[r.Limit]))
		case r.Sign < 0:
			row[r.Entity] = rat(-1)
			rhs = append(rhs, rat(-p.form.L[r.Entity]))
		default:
			row[r.Entity] = rat(1)
			rhs = append(rhs, rat(p.form.U[r.Entity]))
		}
		rows = append(rows, row)
	}
	// (N N') m = N x - f,  y = x - N' m.
	at := vec.Rationals(x)
	m := len(rows)
	t := make([][]*big.Rat, m)
	for i := range t {
		for j := range rows {
			t[i] = append(t[i], dot(rows[i], rows[j]))
		}
		t[i] = append(t[i], new(big.Rat).Sub(dot(rows[i], at), rhs[i]))
	}
	for c := range m {
		pivot := -1
		for i := c; i < m; i++ {
			if t[i][c].Sign() != 0 {
				pivot = i
			}
		}
		if pivot < 0 {
			return nil, false
		}
		t[c], t[pivot] = t[pivot], t[c]
		inverse := new(big.Rat).Inv(t[c][c])
		for j := c; j <= m; j++ {
			t[c][j] = new(big.Rat).Mul(t[c][j], inverse)
		}
		for i := range m {
			if i == c || t[i][c].Sign() == 0 {
				continue
			}
			by := t[i][c]
			for j := c; j <= m; j++ {
				t[i][j] = new(big.Rat).Sub(t[i][j], new(big.Rat).Mul(by, t[c][j]))
			}
		}
	}
	closest = true
	for i, row := range rows {
		if i >= len(p.form.F) && t[i][m].Sign() < 0 {
			closest = false
		}
		for j := range at {
			at[j] = new(big.Rat).Sub(at[j], new(big.Rat).Mul(t[i][m], row[j]))
		}
	}
	const rounding = 1e-12
	holds := func(v *big.Rat, limit, size float64) bool {
		return math.IsInf(limit, 1) || vec.Float(new(big.Rat).Sub(v, rat(limit))) <= rounding*max(math.Abs(limit), size)
	}
	for k, b := range p.form.B {
		closest = closest && holds(dot(vec.Rationals(p.form.A[k*n:(k+1)*n]), at), b, p.form.RowSize[k])
	}
	for j, v := range at {
		closest = closest && holds(v, p.form.U[j], p.form.Size[j]) && holds(new(big.Rat).Neg(v), -p.form.L[j], p.form.Size[j])
	}
	return at, closest
}

// Projections are those of rational arithmetic, and one projector gives for each point
// what a new one gives.
func TestProjectorAgainstRationals(t *testing.T) {
	long.Test(t)
	const points = 20
	for _, preset := range []string{"portfolio", "compute", "synthetic"} {
		t.Run(preset, func(t *testing.T) {
			p := samplePreset(t, preset, 0)
			n, j, r := p.Dim(), NewProjector(p), rand.New(rng.New(5, preset))
			x, y := make([]float64, n), make([]float64, n)
			certified := 0
			for range points {
				for i := range x {
					x[i] = r.NormFloat64() + 1/float64(n)
				}
				if err := j.Project(y, x, nil); err != nil {
					t.Fatal(err)
				}
				fresh, err := Project(p, x)
				if err != nil {
					t.Fatal(err)
				}
				var active []projection.Row
				for _, k := range j.s.Active {
					active = append(active, j.rows[k])
				}
				want, closest := exactProjection(p, active, x)
				if closest {
					certified++
				}
				for i := range y {
					if y[i] != fresh[i] {
						t.Fatalf("a used projector gives %v, a new one %v", y, fresh)
					}
					if w, _ := want[i].Float64(); closest && math.Abs(y[i]-w) > 1e-12 {
						t.Fatalf("the projection of %v is %v, entity %d off by %g", x, y, i, y[i]-w)
					}
				}
			}
			if certified < points {
				t.Errorf("%d of the %d active sets are those of the exact projection", certified, points)
			}
		})
	}
}

// Projections of far points are those of rational arithmetic, as far as points are taken, and a
// point beyond that is refused.
func TestProjectFar(t *testing.T) {
	for preset, dim := range map[string]int{"portfolio": 0, "compute": 0, "synthetic": 0, "unconstrained": 9} {
		t.Run(preset, func(t *testing.T) {
			p := samplePreset(t, preset, dim)
			n, j, r := p.Dim(), NewProjector(p), rand.New(rng.New(9, preset))
			x, y := make([]float64, n), make([]float64, n)
			size, certified := max(1, vec.MaxAbs(p.Sizes())), 0 // and totals of 1
			for _, far := range []float64{1, 1e3, 1e6} {
				for range 10 {
					for i := range x {
						x[i] = far * size * (2*r.Float64() - 1)
					}
					if err := j.Project(y, x, nil); err != nil {
						t.Fatal(err)
					}
					var active []projection.Row
					for _, k := range j.s.Active {
						active = append(active, j.rows[k])
					}
					want, closest := exactProjection(p, active, x)
					if !closest {
						continue
					}
					certified++
					for i := range y {
						if w, _ := want[i].Float64(); math.Abs(y[i]-w) > (1e-12+1e-14*far)*size {
							t.Fatalf("the projection of %v is %v, entity %d off by %g", x, y, i, y[i]-w)
						}
					}
				}
			}
			if certified < 25 {
				t.Errorf("%d of 30 active sets are those of the exact projection", certified)
			}
			for _, v := range []float64{1.1e6 * size, -1e12 * size, 1e300, math.NaN(), math.Inf(-1)} {
				x[n-1] = v
				var bad *FarError
				err := j.Project(y, x, nil)
				if !errors.As(err, &bad) || bad.Entity != p.Entities()[n-1] || bad.Value != v && v == v || bad.Most != 1e6*size {
					t.Errorf("the last entity is %g: %v", v, err)
				}
			}
		})
	}
}

// A total of the state that is larger than the polytope's own takes larger points with it.
func TestProjectFarOntoLargeTotal(t *testing.T) {
	p := samplePreset(t, "unconstrained", 2)
	y, err := ProjectWithin(p, &Limits{F: []float64{1e8}}, []float64{9e7, 3e7})
	if err != nil || math.Abs(y[0]-8e7) > 1e-6 || math.Abs(y[1]-2e7) > 1e-6 {
		t.Errorf("%v, %v", y, err)
	}
}

// The Jacobian is that of finite differences where no row is just reached.
func TestProjectorJacobian(t *testing.T) {
	const step = 1e-6
	checked := 0
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(2, 8).Draw(t, "entities")
		r := rand.New(rng.New(rapid.Uint64().Draw(t, "seed")))
		d := Description{Entities: testNames(n), Total: []float64{1, math.NaN()}[r.IntN(2)], Upper: make([]float64, n)}
		for i := range d.Upper {
			d.Upper[i] = 1
		}
		for range r.IntN(5) {
			row := Row{Name: "r", Coef: make([]float64, n), Min: math.Inf(-1)}
			for i := range row.Coef {
				row.Coef[i] = r.NormFloat64()
				row.Max += row.Coef[i] / float64(n)
			}
			row.Max += 0.1 * r.Float64()
			d.Rows = append(d.Rows, row)
			d.Rows[len(d.Rows)-1].Name = testNames(20)[len(d.Rows)]
		}
		p, err := New(d)
		if err != nil {
			t.Fatal(err)
		}
		x, v, got := make([]float64, n), make([]float64, n), make([]float64, n)
		for i := range x {
			x[i], v[i] = r.NormFloat64(), r.NormFloat64()
		}
		j := NewProjector(p)
		y := make([]float64, n)
		if err := j.Project(y, x, nil); err != nil {
			t.Fatal(err)
		}
		j.Jacobian(got, v)
		// Clear of a change of the active rows.
		for _, l := range j.s.Lambda {
			if l < 1e-3 {
				return
			}
		}
		for k := range j.s.G {
			slack := j.s.H[k] - vec.Dot(j.s.G[k], j.s.Z)
			if slack > 1e-9 && slack < 1e-3 {
				return
			}
		}
		checked++
		ends := [2][]float64{}
		for e, sign := range []float64{1, -1} {
			at := make([]float64, n)
			for i := range at {
				at[i] = x[i] + sign*step*v[i]
			}
			if ends[e], err = Project(p, at); err != nil {
				t.Fatal(err)
			}
		}
		for i := range got {
			if want := (ends[0][i] - ends[1][i]) / (2 * step); math.Abs(got[i]-want) > 1e-7 {
				t.Fatalf("component %d of J v is %g, differences give %g", i, got[i], want)
			}
		}
	})
	if checked < 20 {
		t.Errorf("only %d cases are clear of changes", checked)
	}
}

func TestProjectorAllocates(t *testing.T) {
	p := samplePreset(t, "portfolio", 0)
	j, x, y := NewProjector(p), make([]float64, p.Dim()), make([]float64, p.Dim())
	x[0], x[3] = 1.7, -0.2
	allocs := testing.AllocsPerRun(100, func() {
		if err := j.Project(y, x, nil); err != nil {
			t.Fatal(err)
		}
	})
	if allocs != 0 {
		t.Errorf("%g allocations", allocs)
	}
}

func BenchmarkProjector(b *testing.B) {
	for _, preset := range []string{"synthetic", "portfolio"} {
		b.Run(preset, func(b *testing.B) {
			p := samplePreset(b, preset, 0)
			x := make([]float64, p.Dim())
			for j := range x {
				x[j] = 1 / float64(len(x))
			}
			x[0] += 0.7
			j, y := NewProjector(p), make([]float64, len(x))
			for b.Loop() {
				if err := j.Project(y, x, nil); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// The error of limits that no allocation satisfies names those in conflict.
func TestProjectOntoNothing(t *testing.T) {
	p, err := New(Description{Entities: []string{"a", "b"}, Total: 1, Rows: []Row{{Name: "more", Coef: []float64{1, 0}, Min: 0.4, Max: 1}}})
	if err != nil {
		t.Fatal(err)
	}
	var empty *EmptyError
	_, err = ProjectWithin(p, &Limits{Upper: []float64{0.3, 1}}, []float64{0.5, 0.5})
	if !errors.As(err, &empty) || len(empty.Conflict) != 2 || empty.Conflict[0] != "more" || empty.Amount == 0 {
		t.Errorf("got %v", err)
	}
}
