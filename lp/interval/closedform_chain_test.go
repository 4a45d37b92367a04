package interval

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"paspo/internal/rng"
	"paspo/lp"
	"paspo/lp/internal/lptest"
	"paspo/lp/interval/closedform"
)

// TestBatchIndependence answers the same rows in batches of several sizes, some
// under limits of their own: every number has the same bits.
func TestBatchIndependence(t *testing.T) {
	for _, p := range append(lptest.Presets(t), lptest.CappedPortfolio(t, 0.2)) {
		r := rand.New(rng.New(9, "batches"))
		n := p.Dim()
		s, err := New(p, Config{Method: "explicit"})
		if err != nil {
			t.Fatal(err)
		}
		const rows = 40
		limits := make([]lp.Limits, rows)
		x := make([]float64, rows*n)
		for k := range x {
			switch x[k] = r.Float64(); r.IntN(6) {
			case 0:
				x[k] = 0
			case 1:
				x[k] = 1
			}
		}
		for k := range limits {
			if k%3 == 0 && s.(closedform.Describer).Compiled().AnyLimits {
				for _, b := range p.Form().B {
					limits[k].B = append(limits[k].B, b+0.1*r.Float64()*math.Abs(b))
				}
			}
		}
		var want string
		for _, batch := range []int{rows, 1, 3, 7, 8, 19} {
			var got []float64
			c := s.Chain(batch)
			lo, hi, a := make([]float64, batch), make([]float64, batch), make([]float64, batch)
			for from := 0; from < rows; from += batch {
				size := min(batch, rows-from)
				c.Begin(size, limits[from:])
				endpoints := make([]float64, 2*n*size)
				for i := range n {
					if err := c.Next(lo, hi); err != nil {
						t.Fatal(err)
					}
					for r := range size {
						endpoints[2*(r*n+i)], endpoints[2*(r*n+i)+1] = lo[r], hi[r]
						a[r] = min(lo[r]+(hi[r]-lo[r])*x[(from+r)*n+i], hi[r])
					}
					c.Fix(a)
				}
				got = append(got, endpoints...)
			}
			if want == "" {
				want = fmt.Sprint(got)
			} else if fmt.Sprint(got) != want {
				t.Errorf("%s: batches of %d differ", p.Name(), batch)
			}
		}
		s.Close()
	}
}

func TestChainAllocatesNothing(t *testing.T) {
	s := opened(t, lptest.Presets(t)[0], Config{Method: "explicit"})
	for _, batch := range []int{1, 8} {
		allocatesNothing(t, s, batch, nil)
	}
}
