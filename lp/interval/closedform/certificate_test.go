package closedform

import (
	"errors"
	"math"
	"math/rand/v2"
	"testing"

	"paspo/internal/rng"
	"paspo/lp"
	"paspo/lp/internal/lptest"
	"paspo/lp/internal/pieces"
	"paspo/lp/internal/vec"
)

func TestDualFeasible(t *testing.T) {
	r := rand.New(rng.New(11, "certificates"))
	all := append(lptest.Presets(t)[:2], lptest.CappedPortfolio(t, 0.2), lptest.RandomSimplex(t, r, 30, 5, 0))
	for range 300 {
		d := lptest.RandomPolytope(r)
		if p, err := lp.New(d); err == nil {
			all = append(all, p)
		}
	}
	checked, rays := 0, 0
	for _, p := range all {
		f, err := compileDual(p, allRows(p), 2000, new(100_000_000))
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Certify(); err != nil {
			t.Errorf("%s: %v", p.Describe(), err)
		}
		for i := range f.All {
			checked += len(f.All[i].LowerSensitivity) + len(f.All[i].UpperSensitivity)
		}
		rays += len(f.RaySensitivity)
	}
	t.Logf("%d pieces and %d rays of %d polytopes", checked, rays, len(all))
}

// Facets of a hull hold for all its points.
func TestFacetsHold(t *testing.T) {
	r := rand.New(rng.New(14, "facets"))
	all := lptest.Presets(t)[2:]
	for range 30 {
		n := 2 + r.IntN(4)
		d := lp.Description{Total: math.NaN(), Entities: []string{"a", "b", "c", "d", "e"}[:n]}
		for range n + 1 + r.IntN(10) {
			v := make([]float64, n)
			for j := range v {
				v[j] = r.NormFloat64()
			}
			d.Points = append(d.Points, v)
		}
		p, err := lp.New(d)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
	worst, checked := 0., 0
	for _, p := range all {
		f, err := compileFacets(p, p.Points(), p.Dim(), 2000, new(100_000_000))
		if err != nil {
			t.Fatal(err)
		}
		for i := range f.All {
			e := &f.All[i]
			for _, v := range p.Points() {
				rho := append([]float64{1}, v[:i]...)
				lo, hi := plainInterval(e, rho)
				worst = max(worst, lo-v[i], v[i]-hi)
			}
			checked += len(e.LowerSensitivity) + len(e.UpperSensitivity)
		}
	}
	if !(worst <= 1e-12) {
		t.Errorf("a point is %g outside", worst)
	}
	t.Logf("%d facets of %d hulls, a point is %.2g outside at most", checked, len(all), worst)
}

// A wrong sign, a wrong weight and a wrong ray are noticed.
func TestWrongPiecesAreNoticed(t *testing.T) {
	p := lptest.Presets(t)[0]
	for name, spoil := range map[string]func(f *Intervals){
		"sign":   func(f *Intervals) { f.All[3].Upper[0] = -1 },
		"weight": func(f *Intervals) { w := f.All[3].Upper; w[len(w)-1] -= 1e-6 },
		"ray":    func(f *Intervals) { f.Rays[len(f.Rays)-1] += 1e-6 },
	} {
		f, err := compileDual(p, allRows(p), 2000, new(100_000_000))
		if err != nil {
			t.Fatal(err)
		}
		spoil(f)
		if f.Certify() == nil {
			t.Errorf("%s: not noticed", name)
		}
	}
}

// TestComplementarySlackness takes the piece that is the endpoint and an allocation
// that CLP finds at the end: the multipliers of all that is slack there are 0, up
// to CLP's tolerance.
func TestComplementarySlackness(t *testing.T) {
	r := rand.New(rng.New(12, "slackness"))
	for _, p := range append(lptest.Presets(t)[:2], lptest.CappedPortfolio(t, 0.2)) {
		p = p.Canonical()
		n := p.Dim()
		s := compiled(t, p)
		f := s.f
		c := s.Chain(1).(*chain)
		lo, hi, a := []float64{0}, []float64{0}, []float64{0}
		worst := 0.
		for range 10 {
			c.Begin(1, nil)
			prefix := lp.Limits{Lower: append([]float64(nil), p.Form().L...), Upper: append([]float64(nil), p.Form().U...)}
			for i := range n - 1 {
				if err := c.Next(lo, hi); err != nil {
					t.Fatal(err)
				}
				e, rho := &f.Needed[i], c.groups[ownLimits].b.Rho[:f.Size]
				for _, sign := range []float64{1, -1} {
					w := e.Lower
					if sign < 0 {
						w = e.Upper
					}
					at, v := furthest(w, rho, sign)
					cost := make([]float64, n)
					cost[i] = sign
					x, value, err := p.Minimize(cost, &prefix)
					if err != nil {
						t.Fatal(err)
					}
					piece := make([]float64, f.Size) // z >= 0, where 0 is the endpoint
					if at >= 0 && !(sign > 0 && e.Floor && v <= 0) {
						piece = w[at*e.Stride : (at+1)*e.Stride]
					}
					gap := 0.
					for k, wk := range piece {
						slack := rho[k]
						for j := i; j < n; j++ {
							slack -= f.cols[j][k] * (x[j] - f.Floor[j])
						}
						gap = max(gap, math.Abs(wk*slack))
					}
					for j := i; j < n; j++ {
						reduced := vec.Dot(piece, f.cols[j])
						if j == i {
							reduced--
						}
						gap = max(gap, math.Abs(reduced*(x[j]-f.Floor[j])))
					}
					end := lo[0]
					if sign < 0 {
						end = -hi[0]
					}
					worst = max(worst, gap, math.Abs(end-value))
				}
				a[0] = lo[0] + (hi[0]-lo[0])*r.Float64()
				prefix.Lower[i], prefix.Upper[i] = a[0], a[0]
				c.Fix(a)
			}
		}
		if !(worst <= 1e-8) {
			t.Errorf("%s: %g", p.Name(), worst)
		}
		t.Logf("%s: largest product of a multiplier and its slack %.2g", p.Name(), worst)
	}
}

// TestRaysTellEmptiness compares the rays with linear programs on random limits
// about half of which no allocation satisfies.
func TestRaysTellEmptiness(t *testing.T) {
	r := rand.New(rng.New(13, "rays"))
	for _, p := range append(lptest.Presets(t)[:2], lptest.CappedPortfolio(t, 0.15)) {
		p = p.Canonical()
		s := compiled(t, p)
		f := s.f
		at := pieces.NewBatch(1, f.Size)
		at.Rows = 1
		empty, full := 0, 0
		for range 150 {
			lim := lp.Limits{B: append([]float64(nil), p.Form().B...), F: append([]float64(nil), p.Form().F...)}
			for k := range lim.B {
				lim.B[k] *= 1.2*r.Float64() - 0.1
			}
			lim.F[0] *= 0.2 + 2*r.Float64()
			possible := f.start(at, &lim)
			_, _, err := p.Minimize(make([]float64, p.Dim()), &lim)
			var e *lp.EmptyError
			switch {
			case err == nil:
				full++
			case errors.As(err, &e):
				empty++
			default:
				t.Fatal(err)
			}
			if possible != (err == nil) {
				t.Errorf("%s: the rays say %v, linear programs %v, %+v", p.Name(), possible, err, lim)
			}
		}
		t.Logf("%s: %d empty, %d not", p.Name(), empty, full)
		if empty < 10 || full < 10 {
			t.Errorf("%s: %d empty, %d not", p.Name(), empty, full)
		}
	}
}

// furthest returns the piece with the largest sign w . rho, -1 if there is none.
func furthest(pieces, rho []float64, sign float64) (at int, value float64) {
	at, value = -1, math.Inf(-1)
	for p := 0; len(pieces) > 0; p, pieces = p+1, pieces[len(rho):] {
		if v := sign * weigh(pieces[:len(rho)], rho); v > value {
			at, value = p, v
		}
	}
	return at, value
}
