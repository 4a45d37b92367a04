package lp

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"gonum.org/v1/gonum/mat"
	"pgregory.net/rapid"

	"paspo/internal/rng"
	"paspo/lp/internal/vec"
)

// Minimize finds the best of all vertices, which the test finds by solving every choice of n limits.
func TestMinimizeAgainstVertices(t *testing.T) {
	compared := 0
	rapid.Check(t, func(t *rapid.T) {
		d, _ := drawDescription(t)
		n := len(d.Entities)
		if n > 4 {
			t.Skip()
		}
		p, err := New(d)
		if err != nil {
			t.Fatal(err)
		}
		c := make([]float64, n)
		for j := range c {
			c[j] = float64(rapid.IntRange(-5, 5).Draw(t, "cost"))
		}
		x, value, err := p.Minimize(c, nil)
		if err != nil {
			t.Fatal(err)
		}
		if r := p.Residual(x, nil); r > 1e-9 {
			t.Fatalf("residual %g", r)
		}
		best, ok := bestVertex(p, c)
		if !ok {
			return // too degenerate for this plain search
		}
		compared++
		scale := max(1, math.Abs(best), vec.MaxAbs(c)*max(vec.MaxAbs(p.form.U), vec.MaxAbs(p.form.L)))
		if math.Abs(value-best) > 1e-8*scale {
			t.Fatalf("least value %g, the best vertex has %g", value, best)
		}
	})
	if compared < 20 {
		t.Errorf("only %d comparisons", compared)
	}
}

// bestVertex returns the least cost over all vertices.
func bestVertex(p *Polytope, c []float64) (best float64, ok bool) {
	n := p.Dim()
	rows, rhs := slices.Clone(p.form.A), slices.Clone(p.form.B)
	for j := range n {
		unit := make([]float64, n)
		unit[j] = 1
		rows, rhs = append(append(rows, unit...), unit...), append(rhs, p.form.L[j], p.form.U[j])
	}
	rows, rhs = append(rows, p.form.E...), append(rhs, p.form.F...)
	best = math.Inf(1)
	var choose func(from int, chosen []int)
	choose = func(from int, chosen []int) {
		if len(chosen) == n {
			m, v := mat.NewDense(n, n, nil), mat.NewVecDense(n, nil)
			for i, k := range chosen {
				m.SetRow(i, rows[k*n:(k+1)*n])
				v.SetVec(i, rhs[k])
			}
			var x mat.VecDense
			if x.SolveVec(m, v) != nil || p.Residual(x.RawVector().Data, nil) > 1e-9 {
				return
			}
			value, _ := vec.DotScale(c, x.RawVector().Data)
			best, ok = min(best, value), true
			return
		}
		for k := from; k < len(rhs); k++ {
			choose(k+1, append(chosen[:len(chosen):len(chosen)], k))
		}
	}
	choose(0, nil)
	return best, ok
}

func TestMinimizeBadInput(t *testing.T) {
	p, err := New(Description{Entities: testNames(3), Total: 1})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := p.Minimize([]float64{0, math.NaN(), 0}, nil); err == nil || err.Error() != "lp: cost of E2: NaN is not a finite number" {
		t.Errorf("%v", err)
	}
	defer func() {
		if recover() != badLength {
			t.Error("a short cost is taken")
		}
	}()
	p.Minimize([]float64{1}, nil)
}

// Minimize is right for 40 entities with caps and budgets from 1e-6 to 1e12.
func TestMinimizeScales(t *testing.T) {
	r := rand.New(rng.New(3))
	for _, total := range []float64{1e-6, 1e-3, 1, 1e3, 1e9, 1e12} {
		const n = 40
		d := Description{Entities: testNames(n), Total: total, Upper: slices.Repeat([]float64{total / 10}, n)}
		row := Row{Coef: make([]float64, n), Min: math.Inf(-1), Max: total * 0.5}
		for j := range n {
			row.Coef[j] = r.Float64()
		}
		d.Rows = []Row{row}
		p, err := New(d)
		if err != nil {
			t.Errorf("total %g: %v", total, err)
			continue
		}
		c := make([]float64, n)
		for j := range c {
			c[j] = r.NormFloat64() * math.Pow(10, float64(r.IntN(4)))
		}
		x, value, err := p.Minimize(c, nil)
		if err != nil || p.Residual(x, nil) > 1e-9 {
			t.Errorf("total %g: %v, residual %g", total, err, p.Residual(x, nil))
			continue
		}
		// Scaled to a total of 1 the value is the same.
		d.Total, d.Upper = 1, slices.Repeat([]float64{0.1}, n)
		d.Rows[0].Max = 0.5
		q, err := New(d)
		if err != nil {
			t.Fatal(err)
		}
		if _, want, err := q.Minimize(c, nil); err != nil || math.Abs(value-want*total) > 1e-9*total*vec.MaxAbs(c) {
			t.Errorf("total %g: value %g, want %g (%v)", total, value, want*total, err)
		}
	}
}

func BenchmarkMinimize(b *testing.B) {
	for _, name := range []string{"portfolio", "compute", "synthetic"} {
		p, err := presetPolytope(name)
		if err != nil {
			b.Fatal(err)
		}
		c := make([]float64, p.Dim())
		for _, rows := range []bool{false, true} {
			if rows && p.points == nil {
				continue
			}
			q := *p
			if rows {
				q.points = nil
			}
			b.Run(fmt.Sprintf("%s/points=%v", name, q.points != nil), func(b *testing.B) {
				for i := 0; b.Loop(); i++ {
					c[i%len(c)] = float64(i%7) - 3
					if _, _, err := q.Minimize(c, nil); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
