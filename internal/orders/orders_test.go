package orders

import (
	"errors"
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"

	_ "paspo/internal/seeded"
	"paspo/lp"
)

func polytope(t interface{ Fatal(...any) }, d lp.Description) *lp.Polytope {
	p, err := lp.New(d)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// By hand: of 10 000 half is wanted in A at 33 and at most half is allowed. 151 shares are
// 4 983, 152 are 5 016 and too many; the fee of 1 % is 49.83.
func TestRound(t *testing.T) {
	p := polytope(t, lp.Description{Entities: []string{"CASH", "A"}, Total: 1, Upper: []float64{1, 0.5}})
	task := Task{Polytope: p, Prices: []float64{1, 33}, Costs: []float64{0, 0.01}, Held: []float64{10_000, 0}, Target: []float64{0.5, 0.5}, Lot: 1}
	f := 1 / 1.005
	o, err := Round(task, f)
	if err != nil {
		t.Fatal(err)
	}
	// Of the 9 950.25 that the fee leaves, half is 150.76 shares: 150 are held.
	if o.Trades[1] != 150 || math.Abs(o.Fees-49.5) > 1e-9 || math.Abs(o.Held[0]-(10_000-4950-49.5)) > 1e-9 || o.Residual > 0 {
		t.Errorf("%+v", o)
	}
	task.Lot = 0
	if o, err = Round(task, f); err != nil || math.Abs(o.Weights[1]-0.5) > 1e-12 || math.Abs(o.Wealth-10_000*f) > 1e-8 {
		t.Errorf("%+v, %v", o, err)
	}
	// Nothing is held that can be sold in lots of 100, and A has to be between 40 and 50 %.
	task.Polytope = polytope(t, lp.Description{Entities: []string{"CASH", "A"}, Total: 1, Lower: []float64{0, 0.45}, Upper: []float64{1, 0.5}})
	task.Lot = 100
	var none *LotError
	if _, err = Round(task, f); !errors.As(err, &none) || !strings.Contains(err.Error(), "no orders in lots of 100 shares keep all limits") {
		t.Error(err)
	}
	task.Cash = -1
	if _, err = Round(task, f); err == nil || !strings.Contains(err.Error(), "no CASH") {
		t.Error(err)
	}
}

// Whatever is held and wanted: orders are whole lots, nothing is sold that is not held, money
// is neither made nor lost beyond fees, and every limit is kept.
func TestRoundKeepsLimits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(3, 5).Draw(t, "n")
		names := []string{"CASH", "A", "B", "C", "D"}[:n]
		d := lp.Description{Entities: names, Total: 1, Lower: make([]float64, n), Upper: make([]float64, n)}
		task := Task{Lot: rapid.SampledFrom([]float64{1, 5}).Draw(t, "lot")}
		for i := range n {
			d.Upper[i] = rapid.Float64Range(1.2/float64(n), 1).Draw(t, "upper")
			task.Prices = append(task.Prices, rapid.Float64Range(1, 200).Draw(t, "price"))
			task.Costs = append(task.Costs, rapid.Float64Range(0, 0.02).Draw(t, "cost"))
			task.Held = append(task.Held, float64(rapid.IntRange(0, 500).Draw(t, "held")))
		}
		task.Prices[0], task.Costs[0], task.Held[0], d.Upper[0] = 1, 0, 1e6, 1
		row := lp.Row{Name: "pair", Coef: make([]float64, n), Min: math.Inf(-1), Max: 0.5}
		row.Coef[1], row.Coef[2] = 1, 1
		d.Rows = []lp.Row{row}
		task.Polytope = polytope(t, d)
		raw := rapid.SliceOfN(rapid.Float64Range(0, 1), n, n).Draw(t, "target")
		var err error
		if task.Target, err = lp.Project(task.Polytope, raw); err != nil {
			t.Fatal(err)
		}
		o, err := Round(task, 0.99)
		if err != nil {
			t.Fatal(err)
		}
		before, after := 0., 0.
		for i, q := range o.Trades {
			before += task.Held[i] * task.Prices[i]
			after += o.Held[i] * task.Prices[i]
			if i > 0 && math.Abs(math.Remainder(q, task.Lot)) > 1e-9 || o.Held[i] < 0 {
				t.Fatalf("an order of %v, after which %v is held", q, o.Held[i])
			}
		}
		if math.Abs(before-o.Fees-after) > 1e-6 || o.Residual > 1e-12 {
			t.Fatalf("%v became %v at fees of %v; residual %v", before, after, o.Fees, o.Residual)
		}
	})
}
