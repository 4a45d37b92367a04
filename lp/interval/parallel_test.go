package interval_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"paspo/internal/long"
	"paspo/internal/rng"
	"paspo/lp"
	"paspo/lp/internal/lptest"
	"paspo/lp/interval"
)

// Rows that are nearly parallel cross far from where either says that they do when it
// is off by a tolerance. These were answered wrongly, by up to 60 % of the total.
var nearParallel = []lp.Description{
	{
		Entities: []string{"A", "B", "C"}, Total: 1000,
		Rows: []lp.Row{
			{Name: "low", Coef: []float64{-0.55, -0.24, 0}, Min: -238.638452, Max: math.Inf(1)},
			{Name: "high", Coef: []float64{-0.550000002, -0.2399999986, 0}, Min: math.Inf(-1), Max: -238.6384516},
		},
	},
	{
		Entities: []string{"A", "B", "C", "D", "E", "F"}, Total: 1,
		Rows: []lp.Row{
			{Name: "low", Coef: []float64{0, -0.32, 0.52, -0.58, 0, 0}, Min: -0.11870087120805421, Max: math.Inf(1)},
			{Name: "same", Coef: []float64{6.74939952599525e-11, -0.3199999994794978, 0.5199999999013702, -0.5800000000991218, 0, 0}, Min: -0.11870087090996245, Max: -0.11870087090996245},
		},
	},
	{
		Entities: []string{"A", "B", "C", "D"}, Total: 1,
		Rows: []lp.Row{
			{Name: "one", Coef: []float64{0, 0.54, -0.27, 0.37}, Min: math.Inf(-1), Max: 0.2414983962824337},
			{Name: "two", Coef: []float64{0.87, 0.52, -0.68, 0.08}, Min: 0.21705595370210795, Max: math.Inf(1)},
			{Name: "three", Coef: []float64{0.8700000031631926, 0.5199999999228154, -0.6800000073634288, 0.07999999600909495}, Min: 0.21705595441790534, Max: 0.21705595441790534},
			{Name: "four", Coef: []float64{0.8699999986417672, 0.5199999998471451, -0.6799999959559633, 0.07999999933816723}, Min: 0.21705595678092635, Max: 0.21705595678092635},
		},
	},
}

// nearlyParallel draws a polytope around a point, with rows and equalities that are
// equal but for 1e-12 to 1e-4.
func nearlyParallel(r *rand.Rand) lp.Description {
	n := 2 + r.IntN(6)
	d := lp.Description{Total: 1}
	if r.IntN(2) == 0 {
		d.Total = math.Pow(10, 1+5*r.Float64())
	}
	x, sum := make([]float64, n), 0.
	for j := range x {
		d.Entities = append(d.Entities, fmt.Sprintf("E%d", j+1))
		if x[j] = r.ExpFloat64(); j > 0 && r.IntN(6) == 0 {
			x[j] = 0
		}
		sum += x[j]
	}
	for j := range x {
		x[j] *= d.Total / sum
	}
	if r.IntN(3) == 0 {
		for _, v := range x {
			d.Upper = append(d.Upper, v+d.Total*[]float64{0.001, 0.1, 1}[r.IntN(3)])
		}
	}
	add := func(c []float64, below, above float64) {
		v := 0.
		for j := range c {
			v += c[j] * x[j]
		}
		d.Rows = append(d.Rows, lp.Row{Name: fmt.Sprintf("row %d", len(d.Rows)+1), Coef: c, Min: v - below, Max: v + above})
	}
	coef := func() []float64 {
		c := make([]float64, n)
		for _, j := range r.Perm(n)[:2+r.IntN(n-1)] {
			c[j] = math.Round(200*r.Float64()-100+100*float64(r.IntN(2))) / 100
		}
		c[r.IntN(n)] = 0.5
		return c
	}
	none := math.Inf(1)
	if r.IntN(2) == 0 {
		add(coef(), none, 0.2*d.Total*r.Float64())
	}
	c, eps := coef(), math.Pow(10, -12+8*r.Float64())
	slack := func() float64 {
		switch r.IntN(3) {
		case 0:
			return d.Total * eps * math.Pow(10, 2*r.Float64()-1)
		case 1:
			return d.Total * math.Pow(10, -12*r.Float64())
		}
		return 0
	}
	for k := range 2 + r.IntN(2) {
		w := append([]float64(nil), c...)
		for j := range w {
			if k > 0 && (c[j] != 0 || r.IntN(10) == 0) {
				w[j] += eps * r.NormFloat64()
			}
		}
		switch r.IntN(6) {
		case 0:
			add(w, 0, 0)
		case 1, 2:
			add(w, none, slack())
		case 3, 4:
			add(w, slack(), none)
		default:
			add(w, slack(), slack())
		}
	}
	return d
}

// within says whether an interval is the exact one to 1e-9 of the total. Where data
// moved by a relative 1e-15 move the exact one by more, it may be any of these; where
// nothing has the prefix exactly, one of limits relaxed by no more than may.
func within(p *lp.Polytope, prefix []float64, lo, hi, total float64) (right, ill bool) {
	tol := 1e-9 * total
	close := func(sens float64) bool {
		l, h, ok := lptest.ExactInterval(p, prefix, nil, sens)
		if !ok || lo < l-tol || hi > h+tol {
			return false
		}
		l, h, ok = lptest.ExactInterval(p, prefix, nil, -sens)
		return !ok || lo <= l+tol && hi >= h-tol
	}
	if close(0) {
		return true, false
	}
	if _, _, ok := lptest.ExactInterval(p, prefix, nil, 0); ok {
		ill = close(1e-15)
		return ill, ill
	}
	return close(1e-15) || close(3e-11) || close(1e-6), false
}

// Intervals along chains of every method, the bounding box and samples are right.
func TestNearParallel(t *testing.T) {
	long.Test(t)
	draws := append([]lp.Description(nil), nearParallel...)
	r := rand.New(rng.New(1, "nearly parallel"))
	for len(draws) < 120 {
		draws = append(draws, nearlyParallel(r))
	}
	queries, ill := 0, 0
	for x, d := range draws {
		p, err := lp.New(d)
		if err != nil {
			t.Errorf("%d: %v", x, err)
			continue
		}
		n := p.Dim()
		low, high, err := lp.BoundingBox(p)
		if err != nil {
			t.Errorf("%d: %v", x, err)
			continue
		}
		for _, method := range []string{"explicit", "lazy", "clp"} {
			s, err := interval.New(p, interval.Config{Method: method, Workers: 1})
			if err != nil {
				t.Errorf("%d: %s: %v", x, method, err)
				continue
			}
			c := s.Chain(1)
			lo, hi := make([]float64, 1), make([]float64, 1)
			for range 2 {
				c.Begin(1, nil)
				prefix := make([]float64, 0, n)
				for i := range n {
					if err := c.Next(lo, hi); err != nil {
						t.Errorf("%d: %s after %v: %v", x, method, prefix, err)
						break
					}
					queries++
					right, unsure := within(p, prefix, lo[0], hi[0], d.Total)
					if unsure {
						ill++
					}
					if !right {
						t.Errorf("%d: %s says [%v, %v] after %v", x, method, lo[0], hi[0], prefix)
					}
					_, _, some := lptest.ExactInterval(p, prefix, nil, 0)
					if tol := 1e-9 * d.Total; some && !unsure && (lo[0] < low[i]-tol || hi[0] > high[i]+tol) {
						t.Errorf("%d: %s says [%v, %v] after %v, the range is [%v, %v]", x, method, lo[0], hi[0], prefix, low[i], high[i])
					}
					a := lo[0] + (hi[0]-lo[0])*[]float64{0, 1, r.Float64(), r.Float64()}[r.IntN(4)]
					prefix = append(prefix, min(max(a, lo[0]), hi[0]))
					c.Fix(prefix[i:])
				}
				if len(prefix) == n {
					if res := p.Residual(prefix, nil); !(res <= 1e-9) {
						t.Errorf("%d: %s ends in %v with a residual of %g", x, method, prefix, res)
					}
				}
			}
			s.Close()
		}
	}
	t.Logf("%d intervals, %d of them ill-conditioned", queries, ill)
	if 20*ill > queries {
		t.Errorf("%d of %d intervals are ill-conditioned", ill, queries)
	}
}

// The endpoints where rows cross, to the last digit that is known.
func TestNearParallelEndpoints(t *testing.T) {
	p, err := lp.New(nearParallel[0])
	if err != nil {
		t.Fatal(err)
	}
	lo, hi, err := lp.BoundingBox(p)
	if err != nil {
		t.Fatal(err)
	}
	for j, want := range [][2]float64{{190.475, 433.888}, {0, 557.8215}, {251.7034, 566.112}} {
		if math.Abs(lo[j]-want[0]) > 1e-3 || math.Abs(hi[j]-want[1]) > 1e-3 {
			t.Errorf("%s ranges over [%v, %v], want about %v", p.Entities()[j], lo[j], hi[j], want)
		}
	}
}
