package lp

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// naiveResidual is the definition, constraint by constraint.
func naiveResidual(p *Polytope, a, b, e, l, u []float64) float64 {
	n := p.Dim()
	lo, hi, err := BoundingBox(p)
	if err != nil {
		panic(err)
	}
	s := make([]float64, n)
	for j := range s {
		s[j] = max(math.Abs(lo[j]), math.Abs(hi[j]))
	}
	most := slices.Max(s)
	if most == 0 {
		most = 1
	}
	for j := range s {
		if s[j] < 1e-8*most {
			s[j] = most
		}
	}
	worst := math.Inf(-1)
	note := func(row []float64, limit float64, equality bool) {
		if math.IsInf(limit, 1) {
			return
		}
		sum, size := 0., 0.
		for j := range n {
			sum += row[j] * a[j]
			size += math.Abs(row[j]) * s[j]
		}
		r := (sum - limit) / max(math.Abs(limit), size)
		if equality {
			r = math.Abs(r)
		}
		worst = max(worst, r)
	}
	A, _, _ := p.Inequalities()
	E, _, _ := p.Equalities()
	for k, v := range b {
		note(A[k*n:(k+1)*n], v, false)
	}
	for k, v := range e {
		note(E[k*n:(k+1)*n], v, true)
	}
	for j := range n {
		row := make([]float64, n)
		row[j] = 1
		note(row, u[j], false)
		row[j] = -1
		note(row, -l[j], false)
	}
	return worst
}

func TestResidualAgainstDefinition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d, inside := drawDescription(t)
		p, err := New(d)
		if err != nil {
			t.Fatal(err)
		}
		a := slices.Clone(inside)
		for j := range a {
			a[j] += rapid.Float64Range(-2, 2).Draw(t, "step") * float64(rapid.IntRange(0, 1).Draw(t, "moved"))
		}
		lim := &Limits{}
		b, f, l, u := slices.Clone(p.form.B), slices.Clone(p.form.F), slices.Clone(p.form.L), slices.Clone(p.form.U)
		for k := range b {
			b[k] += rapid.Float64Range(-1, 1).Draw(t, "b")
		}
		for k := range f {
			f[k] += rapid.Float64Range(-1, 1).Draw(t, "e")
		}
		for j := range l {
			l[j] -= rapid.SampledFrom([]float64{0, 0.5, math.Inf(1)}).Draw(t, "l")
			u[j] += rapid.SampledFrom([]float64{0, 0.5, math.Inf(1)}).Draw(t, "u")
		}
		if rapid.Bool().Draw(t, "rows") && len(b) > 0 {
			lim.B = b
		} else {
			b = p.form.B
		}
		if rapid.Bool().Draw(t, "equalities") && len(f) > 0 {
			lim.F = f
		} else {
			f = p.form.F
		}
		if rapid.Bool().Draw(t, "bounds") {
			lim.Lower, lim.Upper = l, u
		} else {
			l, u = p.form.L, p.form.U
		}
		want := naiveResidual(p, a, b, f, l, u)
		got, name := p.WorstConstraint(a, lim)
		if math.Abs(got-want) > 1e-12*max(1, math.Abs(want)) || got != p.Residual(a, lim) {
			t.Fatalf("residual %g, want %g", got, want)
		}
		if name == "" && !math.IsInf(got, -1) {
			t.Fatal("the worst constraint has no name")
		}
	})
}

func TestWorstConstraint(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	// The sizes of A and B are 0.5 and 1.
	p, err := New(Description{
		Entities: []string{"A", "B"}, Total: 1, Upper: []float64{0.7, inf},
		Rows: []Row{{Name: "r", Coef: []float64{4, 0}, Min: -inf, Max: 2}},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		a        []float64
		lim      *Limits
		residual float64
		name     string
	}{
		{[]float64{0.25, 0.75}, nil, 0, "total = 1"},
		{[]float64{0.25, 0.5}, nil, 0.25 / 1.5, "total = 1"},
		{[]float64{0.625, 0.375}, nil, 0.25, "r"},
		{[]float64{-0.5, 1.5}, nil, 1, "A >= 0"},
		{[]float64{0.75, 0.25}, &Limits{B: []float64{inf}}, 0.05 / 0.7, "A <= 0.7"},
		{[]float64{0.75, 0.25}, &Limits{B: []float64{inf}, Upper: []float64{0.5, 1}}, 0.5, "A <= 0.5"},
		{[]float64{0.25, 0.75}, &Limits{F: []float64{3}}, 2. / 3, "total = 3"},
		{[]float64{nan, 0.5}, nil, inf, "total = 1"},
		{[]float64{0.25, nan}, nil, inf, "total = 1"},
		{[]float64{0.25, inf}, nil, inf, "total = 1"},
		{[]float64{0.25, 0.75}, &Limits{B: []float64{nan}}, inf, "r"},
		{[]float64{0.25, 0.75}, &Limits{Lower: []float64{inf, 0}}, inf, "A >= +Inf"},
	} {
		r, name := p.WorstConstraint(c.a, c.lim)
		if math.Abs(r-c.residual) > 1e-15 && r != c.residual || name != c.name {
			t.Errorf("%v %v: %g of %q, want %g of %q", c.a, c.lim, r, name, c.residual, c.name)
		}
	}
	for _, c := range []struct {
		a   []float64
		lim *Limits
	}{
		{[]float64{1}, nil}, {[]float64{1, 0}, &Limits{B: []float64{}}}, {[]float64{1, 0}, &Limits{F: []float64{1, 2}}},
		{[]float64{1, 0}, &Limits{Lower: []float64{0}}}, {[]float64{1, 0}, &Limits{Upper: []float64{0}}},
	} {
		func() {
			defer func() {
				if recover() != badLength {
					t.Errorf("%v is taken", c)
				}
			}()
			p.Residual(c.a, c.lim)
		}()
	}
}

func TestResidualAllocatesNothing(t *testing.T) {
	p, err := presetPolytope("synthetic")
	if err != nil {
		t.Fatal(err)
	}
	a := p.Points()[0]
	bounds, matrix := &Limits{Upper: p.form.U}, &Limits{A: slices.Clone(p.form.A)}
	if n := testing.AllocsPerRun(10, func() { p.Residual(a, nil); p.Residual(a, bounds); p.Residual(a, matrix) }); n != 0 {
		t.Errorf("%g allocations", n)
	}
}

func BenchmarkResidual(b *testing.B) {
	for _, name := range []string{"portfolio", "compute", "synthetic"} {
		p, err := presetPolytope(name)
		if err != nil {
			b.Fatal(err)
		}
		a := slices.Repeat([]float64{1 / float64(p.Dim())}, p.Dim())
		if p.points != nil {
			a = make([]float64, p.Dim())
			for _, v := range p.points {
				for j, x := range v {
					a[j] += x / float64(len(p.points))
				}
			}
		}
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				p.Residual(a, nil)
			}
		})
	}
}
