package walkforward

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"paspo/internal/rng"
	"paspo/lp"
)

// unborrowed is a polytope in which nothing costs anything to borrow.
func unborrowed(p *lp.Polytope) *borrowed { return &borrowed{Polytope: p, assets: p.Dim()} }

// feesOf returns what allocations pay at costs by entity.
func feesOf(costs ...float64) func([]float64) float64 {
	return func(a []float64) (fees float64) {
		for i, c := range costs {
			fees += c * max(0, -a[i])
		}
		return fees
	}
}

// An asset that loses 1 % in every period is short as far as limits allow where borrowing it costs less than
// that, and not at all where it costs more. The least of both policies is the same, of variance alone it is not.
func TestBorrowing(t *testing.T) {
	p := polytope(t, lp.Description{Entities: []string{"CASH", "A"}, Total: 1, Lower: []float64{-1, -0.3}, Upper: []float64{2, 1}})
	growth := [][]float64{{1, 0.989}, {1, 0.991}, {1, 0.989}, {1, 0.991}}
	for _, c := range []struct{ cost, want float64 }{{0.005, -0.3}, {0.02, 0}} {
		q, err := newBorrowed(p, p, feesOf(0, c.cost))
		if err != nil {
			t.Fatal(err)
		}
		a, err := bestConstant(q, []float64{1, 0}, growth)
		if err != nil || math.Abs(a[1]-c.want) > 1e-4 {
			t.Errorf("at a cost of %g the best constant is %v, %v", c.cost, a, err)
		}
		if a, err = minimumVariance(q, nil, []float64{1, 0}, growth, 1); err != nil || math.Abs(a[1]-c.want) > 1e-4 {
			t.Errorf("at a cost of %g the best mean and variance have %v, %v", c.cost, a, err)
		}
	}
}

// With shorts, leverage and costs by asset nothing near the best constant grows more, and its shadow prices are
// the growth that looser limits earn.
func TestBorrowingByAsset(t *testing.T) {
	r := rand.New(rng.New(3, "borrowing"))
	fees := feesOf(0.004, 0.003, 0.01, 0.003)
	var growth [][]float64
	for range 60 {
		growth = append(growth, []float64{1.001, 1 + 0.01 + 0.05*r.NormFloat64(), 1 - 0.006 + 0.05*r.NormFloat64(), 1 + 0.05*r.NormFloat64()})
	}
	grown := func(a []float64) (s float64) {
		for _, row := range growth {
			g := -fees(a)
			for i, v := range row {
				g += v * a[i]
			}
			s += 12 * math.Log(g) / float64(len(growth))
		}
		return s
	}
	const limit = 1.6
	best := func(gross float64) (*lp.Polytope, *borrowed, []float64) {
		leverage := lp.Row{Name: "gross", Coef: make([]float64, 4), Min: math.Inf(-1), Max: gross}
		for j := range 4 {
			leverage.Terms = append(leverage.Terms, lp.Term{Entity: j, Above: 1, Below: 1})
		}
		p := polytope(t, lp.Description{Entities: []string{"CASH", "A", "B", "C"}, Total: 1, Lower: slices.Repeat([]float64{-0.5}, 4), Upper: slices.Repeat([]float64{1}, 4), Rows: []lp.Row{leverage}})
		q, err := newBorrowed(p, p, fees)
		if err != nil {
			t.Fatal(err)
		}
		a, err := bestConstant(q, []float64{1, 0, 0, 0}, growth)
		if err != nil {
			t.Fatal(err)
		}
		return p, q, a
	}
	p, q, a := best(limit)
	if !slices.ContainsFunc(a, func(x float64) bool { return x < -0.01 }) {
		t.Fatalf("nothing is short in %v: the test asks nothing", a)
	}
	top := grown(a)
	for k := range 2000 {
		b := slices.Clone(a)
		for i := range b {
			b[i] += math.Pow(10, -float64(k%4)) * r.NormFloat64()
		}
		b, err := lp.Project(p, b)
		if err != nil {
			t.Fatal(err)
		}
		if got := grown(b); got > top+1e-6 {
			t.Fatalf("%v grows by %.9f, the best by %.9f at %v", b, got, top, a)
		}
	}
	x := q.with(a)
	prices, residual, err := shadowPrices(q.Polytope, x, slope(x, q.growth(growth), 12))
	if err != nil || !(residual < 1e-3) {
		t.Fatalf("residual %v, %v", residual, err)
	}
	const h = 1e-2
	_, _, looser := best(limit + h)
	if got, want := prices["gross"].least, (grown(looser)-top)/h; !(want > 1e-3) || math.Abs(got-want) > 0.05*want {
		t.Errorf("the shadow price of gross is %v, a looser limit earns %v", got, want)
	}
}

// What counts from holdings does so as before, whatever is borrowed.
func TestBorrowingWithinLimitsOfAState(t *testing.T) {
	trade := lp.Row{Name: "trade", Coef: make([]float64, 3), Min: math.Inf(-1), Max: 0.2}
	for j := range 3 {
		trade.Terms = append(trade.Terms, lp.Term{Entity: j, Above: 1, Below: 1, From: []float64{1, 0, 0}[j], Holding: true})
	}
	d := lp.Description{Entities: []string{"CASH", "A", "B"}, Total: 1, Lower: []float64{0, -0.5, -0.5}, Upper: []float64{2, 1, 1}, Rows: []lp.Row{trade}}
	p, standing := polytope(t, d), polytope(t, d.WithoutHoldings())
	q, err := newBorrowed(p, standing, feesOf(0, 0.001, 0.001))
	if err != nil {
		t.Fatal(err)
	}
	h := []float64{1.2, -0.4, 0.2}
	lim := &lp.Limits{B: []float64{0.3}, Holdings: h}
	growth := [][]float64{{1, 1.02, 0.99}, {1, 1.04, 0.97}, {1, 1.02, 0.98}}
	a, err := minimumVariance(q, lim, h, growth, 1)
	if err != nil {
		t.Fatal(err)
	}
	traded := 0.
	for i := range h {
		traded += math.Abs(a[i] - h[i])
	}
	if r := p.Residual(a, lim); r > 1e-9 || math.Abs(traded-0.3) > 1e-6 {
		t.Errorf("%v trades %v of 0.3, residual %g", a, traded, r)
	}
	if fmt.Sprint(lim.B, lim.Holdings) != fmt.Sprint([]float64{0.3}, h) {
		t.Errorf("limits are changed: %v", lim)
	}
}
