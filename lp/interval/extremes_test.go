package interval

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"paspo/internal/long"
	"paspo/lp"
	"paspo/lp/constraints"
	"paspo/lp/interval/warm"
)

// extremes are numbers that no description may hold, with some that are next to them.
var extremes = []float64{
	1e308, -1e308, math.MaxFloat64, -math.MaxFloat64, math.Inf(1), math.Inf(-1), math.NaN(),
	1e300, 1e200, -1e200, 1e101, 1e100, -1e100, 1e50, 1e31, -1e31, 1e30, 1e29, 1e26, 1e25, 1e16, 1e15, -1e15,
	math.SmallestNonzeroFloat64, -math.SmallestNonzeroFloat64, 1e-310, 1e-300, 1e-30, math.Copysign(0, -1),
}

// An assertion of CLP that fails ends the process: whatever a prefix or the limits of a
// state hold, there is an interval or an error.
func TestExtremesAreAnsweredOrRefused(t *testing.T) {
	long.Test(t)
	for _, name := range []string{"portfolio", "compute"} {
		p, err := constraints.Preset(name, 0)
		if err != nil {
			t.Fatal(err)
		}
		_, b, _ := p.Inequalities()
		for _, method := range []string{"auto", "clp", "explicit", "lazy"} {
			s, err := New(p, Config{Method: method, Workers: 1})
			if err != nil {
				t.Fatal(err)
			}
			chain := s.Chain(1)
			ask := func(what string, lim *lp.Limits, prefix ...float64) {
				moved := lim != nil && (lim.Lower != nil || lim.F != nil) // then entities are not shares of 1
				var limits []lp.Limits
				if lim != nil {
					limits = []lp.Limits{*lim}
				}
				var lo, hi [1]float64
				chain.Begin(1, limits)
				for i := range len(prefix) + 1 {
					if err := chain.Next(lo[:], hi[:]); err != nil {
						if !math.IsNaN(lo[0]) || !math.IsNaN(hi[0]) {
							t.Errorf("%s by %s, %s: %v, with [%g, %g]", name, method, what, err, lo[0], hi[0])
						}
						return
					}
					if !(lo[0] <= hi[0]) || !moved && (lo[0] < -1e-9 || hi[0] > 1+1e-9) {
						t.Errorf("%s by %s, %s: [%g, %g]", name, method, what, lo[0], hi[0])
					}
					if i < len(prefix) {
						chain.Fix(prefix[i : i+1])
					}
				}
			}
			for _, x := range extremes {
				ask(fmt.Sprintf("prefix %g", x), nil, x)
				ask(fmt.Sprintf("prefix 0.01, %g", x), nil, 0.01, x)
				ask(fmt.Sprintf("prefix %g twice", x), nil, x, x)
				for _, k := range []int{0, len(b) - 1} {
					other := append([]float64(nil), b...)
					other[k] = x
					ask(fmt.Sprintf("b[%d] = %g", k, x), &lp.Limits{B: other}, 0.01)
				}
				upper := make([]float64, p.Dim())
				for j := range upper {
					upper[j] = math.Inf(1)
				}
				upper[1] = x
				ask(fmt.Sprintf("upper %g", x), &lp.Limits{Upper: upper}, 0.01)
				lower := make([]float64, p.Dim())
				lower[1] = x
				ask(fmt.Sprintf("lower %g", x), &lp.Limits{Lower: lower}, 0.01)
				ask(fmt.Sprintf("total %g", x), &lp.Limits{F: []float64{x}})
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}

func TestMinimizeRefusesExtremes(t *testing.T) {
	p, err := constraints.Preset("portfolio", 0)
	if err != nil {
		t.Fatal(err)
	}
	c := make([]float64, p.Dim())
	_, b, _ := p.Inequalities()
	for _, x := range extremes {
		c[0] = x
		if _, _, err := p.Minimize(c, nil); err == nil && !(math.Abs(x) <= math.MaxFloat64) {
			t.Errorf("cost %g: no error", x)
		}
		c[0] = 1
		other := append([]float64(nil), b...)
		other[0] = x
		if _, _, err := p.Minimize(c, &lp.Limits{B: other}); err == nil && (math.IsNaN(x) || x < -1) {
			t.Errorf("b %g: no error", x)
		}
	}
}

// Where New fails it returns nil, not an interface that holds a nil pointer, which callers would take
// for a solver and close.
func TestNoSolverComesWithAnError(t *testing.T) {
	d := lp.Description{Entities: []string{"a", "b", "c"}, Total: 1}
	for k := range warm.MaxRows + 1 {
		x := 2 * math.Pi * float64(k) / (warm.MaxRows + 1)
		d.Rows = append(d.Rows, lp.Row{Coef: []float64{math.Cos(x), math.Sin(x), 0}, Min: math.Inf(-1), Max: 0.5})
	}
	p, err := lp.New(d)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []Config{{Method: "lazy"}, {Method: "explicit", MaxPieces: 1}, {Method: "none"}} {
		s, err := New(p, c)
		if err == nil || s != nil {
			t.Errorf("%s: %v, %v", c.Method, s, err)
		}
	}
}

func TestPrefixError(t *testing.T) {
	p, err := constraints.Preset("portfolio", 0)
	if err != nil {
		t.Fatal(err)
	}
	s := opened(t, p, Config{})
	c := s.Chain(1)
	var lo, hi [1]float64
	c.Begin(1, nil)
	if err := c.Next(lo[:], hi[:]); err != nil {
		t.Fatal(err)
	}
	c.Fix([]float64{1e308})
	if err := c.Next(lo[:], hi[:]); err == nil || !strings.Contains(err.Error(), "the prefix of 1 entity holds a NaN or a number beyond 1e+100") {
		t.Errorf("got %v", err)
	}
}
