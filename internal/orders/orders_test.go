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
	// 100 shares for 3 300 and a fee of 33 are next to the target.
	if by := 0.45 - 3300./9967; none.Constraint != "A >= 0.45" || math.Abs(none.Amount-by) > 1e-12 {
		t.Errorf("%+v, want %g", none, by)
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

// Of small cases all orders are looked at: where some keep all limits, by the arithmetic of
// this test, Round finds some, and where it says that there are none there are none. Steps by
// a lot or two get stuck in some of these cases.
func TestRoundFindsWhatThereIs(t *testing.T) {
	some, none := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		const n = 4
		d := lp.Description{Entities: []string{"CASH", "A", "B", "C"}, Total: 1, Lower: []float64{0, -0.2, -0.2, -0.2}, Upper: []float64{1, 0.6, 0.6, 0.6}}
		task := Task{Prices: []float64{1}, Costs: []float64{0}, Held: []float64{300}, Lot: 1}
		if rapid.Bool().Draw(t, "long") {
			copy(d.Lower, make([]float64, n))
		}
		wealth := 300.
		for range n - 1 {
			task.Prices = append(task.Prices, rapid.Float64Range(40, 200).Draw(t, "price"))
			task.Costs = append(task.Costs, rapid.SampledFrom([]float64{0, 0.001, 0.02}).Draw(t, "cost"))
			task.Held = append(task.Held, float64(rapid.IntRange(0, 3).Draw(t, "held")))
			wealth += task.Prices[len(task.Held)-1] * task.Held[len(task.Held)-1]
		}
		h := make([]float64, n)
		for i, q := range task.Held {
			h[i] = q * task.Prices[i] / wealth
		}
		most := rapid.Float64Range(0.05, 0.8).Draw(t, "turnover")
		gross := rapid.Float64Range(1, 1.6).Draw(t, "gross")
		short := rapid.Float64Range(0, 0.3).Draw(t, "short")
		least := rapid.Float64Range(0, 0.5).Draw(t, "least")
		pair := rapid.Float64Range(0.1, 0.7).Draw(t, "pair")
		rows := []lp.Row{
			{Name: "trade", Coef: make([]float64, n), Min: math.Inf(-1), Max: most}, {Name: "gross", Coef: make([]float64, n), Min: math.Inf(-1), Max: gross},
			{Name: "short", Coef: make([]float64, n), Min: math.Inf(-1), Max: short}, {Name: "least", Coef: []float64{0, 0, 1, 1}, Min: least, Max: math.Inf(1)},
			{Name: "pair", Coef: []float64{0, 1, 1, 0}, Min: math.Inf(-1), Max: pair},
		}
		for i := range n {
			rows[0].Terms = append(rows[0].Terms, lp.Term{Entity: i, Above: 1, Below: 1, From: h[i], Holding: true})
			rows[1].Terms = append(rows[1].Terms, lp.Term{Entity: i, Above: 1, Below: 1})
			rows[2].Terms = append(rows[2].Terms, lp.Term{Entity: i, Below: 1})
		}
		d.Rows = rows
		var err error
		if task.Polytope, err = lp.New(d); err != nil {
			t.Skip(err) // nothing keeps all limits
		}
		task.Limits = &lp.Limits{Holdings: h}
		if task.Target, err = lp.ProjectWithin(task.Polytope, task.Limits, rapid.SliceOfN(rapid.Float64Range(-0.3, 1), n, n).Draw(t, "target")); err != nil {
			t.Skip(err)
		}
		// keeps says by how much all limits are kept, below 0 where one is not.
		keeps := func(trades []float64) float64 {
			cash, w := task.Held[0], make([]float64, n)
			for i := 1; i < n; i++ {
				cash -= (trades[i] + task.Costs[i]*math.Abs(trades[i])) * task.Prices[i]
				w[i] = (task.Held[i] + trades[i]) * task.Prices[i]
			}
			w[0] = cash
			after := w[0] + w[1] + w[2] + w[3]
			turnover, all, below, room := 0., 0., 0., math.Inf(1)
			for i := range w {
				w[i] /= after
				turnover += math.Abs(w[i] - h[i])
				all += math.Abs(w[i])
				below += max(0, -w[i])
				room = min(room, w[i]-d.Lower[i], d.Upper[i]-w[i])
			}
			return min(room, most-turnover, gross-all, short-below, w[2]+w[3]-least, pair-w[1]-w[2])
		}
		best, at, from, to := math.Inf(-1), make([]float64, n), make([]float64, n), make([]float64, n)
		for i := range n { // the wealth is not more than before
			from[i] = math.Floor(d.Lower[i]*wealth/task.Prices[i] - task.Held[i])
			to[i] = math.Ceil(d.Upper[i]*wealth/task.Prices[i] - task.Held[i])
		}
		for a := from[1]; a <= to[1]; a++ {
			for b := from[2]; b <= to[2]; b++ {
				for c := from[3]; c <= to[3]; c++ {
					at[1], at[2], at[3] = a, b, c
					best = max(best, keeps(at))
				}
			}
		}
		o, err := Round(task, 1)
		var lots *LotError
		switch {
		case err == nil:
			some++
			if r := keeps(o.Trades); r < -1e-9 {
				t.Fatalf("%v break a limit by %g", o.Trades, -r)
			}
		case !errors.As(err, &lots):
			t.Fatal(err)
		case best > 1e-9:
			t.Fatalf("some orders keep all limits by %g: %v", best, err)
		default:
			none++
			if !lots.None {
				t.Fatalf("the search did not end: %v", err)
			}
		}
	})
	t.Logf("%d with orders, %d without", some, none)
}

// Whatever is left in cash, no order goes further beyond what the target asks for than lots do, and
// none opens what the target does not want, where the limits are wide.
func TestRoundStaysOnItsSide(t *testing.T) {
	cases, apart := 0, 0.
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(3, 8).Draw(t, "n")
		d := lp.Description{Entities: []string{"CASH", "A", "B", "C", "D", "E", "F", "G"}[:n], Total: 1, Lower: make([]float64, n), Upper: make([]float64, n)}
		task := Task{Prices: []float64{1}, Costs: []float64{0}, Held: []float64{rapid.Float64Range(0, 3000).Draw(t, "cash")}, Lot: 1}
		wealth := task.Held[0]
		for i := range n {
			d.Lower[i], d.Upper[i] = -1, 2
			if i > 0 {
				task.Prices = append(task.Prices, rapid.Float64Range(20, 200).Draw(t, "price"))
				task.Costs = append(task.Costs, 0.001)
				task.Held = append(task.Held, float64(rapid.IntRange(0, 30).Draw(t, "held")))
				wealth += task.Prices[i] * task.Held[i]
			}
		}
		if wealth < 1000 {
			t.Skip("hardly any lots")
		}
		task.Polytope = polytope(t, d)
		raw := make([]float64, n)
		for i := range raw {
			raw[i] = rapid.SampledFrom([]float64{0, 0, 0.00001, 0.3, 1}).Draw(t, "size") * rapid.Float64Range(0, 1).Draw(t, "share")
		}
		var err error
		if task.Target, err = lp.Project(task.Polytope, raw); err != nil {
			t.Fatal(err)
		}
		o, err := Round(task, 1)
		if err != nil {
			t.Fatal(err)
		}
		cases++
		apart += 100 * math.Abs(o.Weights[0]-task.Target[0])
		for i := 1; i < n; i++ {
			wanted := task.Target[i]*o.Wealth/task.Prices[i] - task.Held[i] // lots
			// One lot less would bring the order more than cash can be worse by.
			if q := o.Trades[i]; q*wanted < 0 || math.Abs(q) > math.Abs(wanted)+0.7 {
				t.Fatalf("an order of %v where %v is wanted: %v, target %v", q, wanted, o.Weights, task.Target)
			}
		}
	})
	t.Logf("%d cases, cash apart from its target by %.3f %% of the wealth", cases, apart/float64(cases))
}

// Orders of small amounts are left out, as long as limits are kept without them.
func TestRoundLeavesOutSmallOrders(t *testing.T) {
	p := polytope(t, lp.Description{Entities: []string{"CASH", "A", "B", "C"}, Total: 1, Upper: []float64{1, 1, 1, 0.25}})
	task := Task{
		Polytope: p, Prices: []float64{1, 10, 10, 10}, Costs: make([]float64, 4), Lot: 1, Held: []float64{0, 100, 250, 251},
		Target: []float64{0.385, 0.105, 0.26, 0.25}, Least: 60,
	}
	task.Held[0] = 10_000 - 10*(100+250+251)
	for _, lot := range []float64{1, 0} {
		// 50 of A are too little, 100 of B are not, and C is above its limit.
		task.Lot = lot
		o, err := Round(task, 1)
		if err != nil || o.Trades[1] != 0 || math.Abs(o.Trades[2]-10) > 0.1 || !(o.Trades[3] < 0) || o.Trades[3] < -1.01 || o.Residual > 1e-9 {
			t.Fatalf("lots of %g: %+v, %v", lot, o, err)
		}
		after := o.Fees
		for i, q := range o.Held {
			after += q * task.Prices[i]
		}
		if math.Abs(after-10_000) > 1e-9 {
			t.Errorf("10 000 became %v", after)
		}
	}
	task.Cash = -1
	if _, err := Round(task, 1); err == nil || !strings.Contains(err.Error(), "no CASH, which takes what orders that are left out leave") {
		t.Error(err)
	}
}
