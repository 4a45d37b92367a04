package lp

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"paspo/internal/rng"
)

// scaledDescription is d with all amounts times by and row k times rows[k].
func scaledDescription(d Description, by float64, rows []float64) Description {
	out := Description{Name: d.Name, Entities: d.Entities, Total: d.Total * by}
	if d.Lower != nil {
		out.Lower = times(d.Lower, filledWith(by, len(d.Lower)))
	}
	if d.Upper != nil {
		out.Upper = times(d.Upper, filledWith(by, len(d.Upper)))
	}
	for k, r := range d.Rows {
		c := times(r.Coef, filledWith(rows[k], len(r.Coef)))
		out.Rows = append(out.Rows, Row{Name: r.Name, Coef: c, Min: r.Min * by * rows[k], Max: r.Max * by * rows[k]})
	}
	return out
}

func filledWith(v float64, n int) []float64 {
	x := make([]float64, n)
	for j := range x {
		x[j] = v
	}
	return x
}

// described returns what a preset without points is built from.
func described(p *Polytope) Description {
	d := Description{Name: p.name, Entities: p.entities, Total: math.NaN(), Lower: p.l, Upper: p.u, Rows: p.rows}
	if p.budget {
		d.Total = p.f[0]
	}
	return d
}

// TestUnitsChangeNothing multiplies rows and amounts. Powers of two change no bit of
// what is answered but the exponent, other factors no more than rounding.
func TestUnitsChangeNothing(t *testing.T) {
	r := rand.New(rng.New(1, "units"))
	var all []Description
	for _, name := range []string{"portfolio", "compute"} {
		p, err := Preset(name, 0)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, described(p))
	}
	all = append(all, described(randomSimplex(t, r, 6, 4, 0)), described(randomSimplex(t, r, 8, 3, 0.3)))
	for _, d := range all {
		plain, err := New(d)
		if err != nil {
			t.Fatal(err)
		}
		for _, by := range []float64{1, 0x1p-40, 0x1p40, 1e-12, 1e12} {
			for _, size := range []float64{1, 0x1p-46, 0x1p46, 1e-14, 1e14} {
				rows := make([]float64, len(d.Rows))
				for k := range rows {
					rows[k] = size
					if k%2 == 1 {
						rows[k] = 1 / size
					}
				}
				scaled, err := New(scaledDescription(d, by, rows))
				if err != nil {
					t.Errorf("%s, amounts by %g, rows by %g: %v", d.Name, by, size, err)
					continue
				}
				exact := isPower(by) && isPower(size)
				for _, method := range solverMethods {
					if err := sameChains(plain, scaled, method, by, exact, r); err != nil {
						t.Errorf("%s, amounts by %g, rows by %g, %s: %v", d.Name, by, size, method, err)
					}
				}
			}
		}
	}
}

func isPower(x float64) bool { f, _ := math.Frexp(x); return f == 0.5 }

// sameChains compares intervals and residuals of random actions.
func sameChains(p, q *Polytope, method string, by float64, exact bool, r *rand.Rand) error {
	var chains [2]Chain
	for k, x := range []*Polytope{p, q} {
		s, err := NewSolver(x, SolverConfig{Method: method, Workers: 1})
		if err != nil {
			return err
		}
		defer s.Close()
		chains[k] = s.Chain(1)
	}
	n := p.Dim()
	for range 3 {
		a, b := make([]float64, n), make([]float64, n)
		var lo, hi [2][1]float64
		chains[0].Begin(1, nil)
		chains[1].Begin(1, nil)
		for i := range n {
			for k, c := range chains {
				if err := c.Next(lo[k][:], hi[k][:]); err != nil {
					return err
				}
			}
			far := max(math.Abs(lo[0][0]-lo[1][0]/by), math.Abs(hi[0][0]-hi[1][0]/by)) / p.size[i]
			if exact && far != 0 || !(far <= 1e-9) {
				return fmt.Errorf("entity %d: [%v, %v], not [%v, %v]", i, lo[1][0]/by, hi[1][0]/by, lo[0][0], hi[0][0])
			}
			a[i] = lo[0][0] + (hi[0][0]-lo[0][0])*r.Float64()
			b[i] = min(max(a[i]*by, lo[1][0]), hi[1][0])
			chains[0].Fix(a[i : i+1])
			chains[1].Fix(b[i : i+1])
		}
		if x := q.Residual(b, nil); !(x <= 1e-9) {
			return fmt.Errorf("residual %g", x)
		}
		a[0], b[0] = a[0]+p.size[0], b[0]+p.size[0]*by
		if x, y := p.Residual(a, nil), q.Residual(b, nil); math.Abs(x-y) > 1e-9*x {
			return fmt.Errorf("outside: residual %v, not %v", y, x)
		}
	}
	return nil
}

// TestSmallRows holds rows of small coefficients to what they say.
func TestSmallRows(t *testing.T) {
	for _, size := range []float64{1e-14, 1e-12, 1, 1e14, 1e-30} {
		cap := func(max float64) Description {
			return Description{Entities: names(3), Total: 1, Rows: []Row{{
				Name: "cap", Coef: []float64{size, size / 2, size / 2}, Min: math.Inf(-1), Max: max * size,
			}}}
		}
		p, err := New(cap(0.6)) // a_1 <= 0.2
		if err != nil {
			t.Fatal(err)
		}
		if _, hi, err := BoundingBox(p); err != nil || math.Abs(hi[0]-0.2) > 1e-12 {
			t.Errorf("size %g: the box ends at %v, %v", size, hi, err)
		}
		if k, err := RedundantRows(p); err != nil || len(k) > 0 {
			t.Errorf("size %g: redundant rows %v, %v", size, k, err)
		}
		if res := p.Residual([]float64{0.3, 0.7, 0}, nil); math.Abs(res-0.05/1.2) > 1e-12 {
			t.Errorf("size %g: residual %g of a point outside, want %g", size, res, 0.05/1.2)
		}
		s, err := FeasibleShare(p, 100_000, rng.New(1, "share"))
		if err != nil || math.Abs(s.Estimate-0.36) > 0.01 {
			t.Errorf("size %g: share %v, %v", size, s, err)
		}
		var empty *EmptyError
		if _, err := New(cap(0.4)); !errors.As(err, &empty) {
			t.Errorf("size %g: %v of rows that nothing satisfies", size, err)
		}
	}
}

// TestCoefficientsFarApart has a bound of 2e10 by coefficients of ratio 1e10.
func TestCoefficientsFarApart(t *testing.T) {
	p, err := New(Description{
		Entities: []string{"A", "B"}, Total: math.NaN(), Upper: []float64{math.Inf(1), 2},
		Rows: []Row{{Coef: []float64{1e-5, -1e5}, Min: math.Inf(-1), Max: 0}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, hi, err := BoundingBox(p); err != nil || math.Abs(hi[0]-2e10) > 1e-2 || hi[1] != 2 {
		t.Errorf("ends %v, %v", hi, err)
	}
}

// TestExcludedEntity samples where an entity has no room, whatever the total is.
func TestExcludedEntity(t *testing.T) {
	for _, total := range []float64{1e-9, 1, 1e9} {
		p, err := New(Description{Entities: names(5), Total: total, Upper: []float64{0, total, total, total, total}})
		if err != nil {
			t.Fatal(err)
		}
		s, err := NewSampler(p, DefaultSamplerConfig())
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := s.Sample(100, rng.New(1, "excluded")); err != nil {
			t.Errorf("total %g: %v", total, err)
		}
	}
}
