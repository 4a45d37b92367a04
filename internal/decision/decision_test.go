package decision

import (
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"

	"paspo/internal/orders"
	"paspo/internal/walkforward"
	"paspo/lp"
)

// Where no limit binds, or there is none, programs that read the decision find empty lists.
func TestEmptyLists(t *testing.T) {
	for _, upper := range []float64{1, 0.9} {
		p, err := lp.New(lp.Description{Entities: []string{"CASH", "A"}, Total: 1, Lower: []float64{0, 0}, Upper: []float64{1, upper}})
		if err != nil {
			t.Fatal(err)
		}
		var d Decision
		d.Binds, d.Nearest = slacks(p, []float64{0.5, 0.5}, nil)
		text, err := json.Marshal(d)
		if err != nil || !strings.Contains(string(text), `"binds":[]`) || strings.Contains(string(text), `"nearest":null`) {
			t.Errorf("upper bound %g: %s, %v", upper, text, err)
		}
	}
}

// By hand: of A, at 1 a share, 55 of 100 are held and 50 are allowed, so that 5 are to be sold, which
// is a turnover of 0.1. In lots of 10 shares 10 are, which is a turnover of 0.2 of which 0.15 are
// allowed: fractions keep all limits, and whole lots do where turnover is relaxed by 0.05.
func TestRelaxedForLots(t *testing.T) {
	trade := lp.Row{Name: "trade", Coef: []float64{0, 0}, Min: math.Inf(-1), Max: 0.15}
	h := []float64{0.45, 0.55}
	for j := range 2 {
		trade.Terms = append(trade.Terms, lp.Term{Entity: j, Above: 1, Below: 1, From: h[j], Holding: true})
	}
	p, err := lp.New(lp.Description{Entities: []string{"CASH", "A"}, Total: 1, Lower: []float64{0, 0}, Upper: []float64{1, 0.5}, Rows: []lp.Row{trade}})
	if err != nil {
		t.Fatal(err)
	}
	task := orders.Task{
		Polytope: p, Limits: &lp.Limits{Holdings: h}, Prices: []float64{1, 1}, Costs: []float64{0, 0}, Held: []float64{45, 55},
		Target: []float64{0.5, 0.5}, Lot: 10,
	}
	d := Decision{Wealth: 100}
	var lots *orders.LotError
	if _, err := d.round(task, h, false); !errors.As(err, &lots) {
		t.Errorf("unrelaxed: %v", err)
	}
	o, err := d.round(task, h, true)
	if err != nil || o.Trades[1] != -10 {
		t.Fatalf("%+v, %v", o, err)
	}
	if by := beyond(p, o.Weights, h); math.Abs(by-0.05) > 1e-12 {
		t.Errorf("relaxed by %v", by)
	}
	d.limits(p, o.Weights, h)
	var text strings.Builder
	if err := d.Write(&text); err != nil || !strings.Contains(text.String(), "\nwhat is held breaks: A <= 0.5 by 0.05\n") ||
		!strings.Contains(text.String(), "\nbinds: trade (relaxed from 0.15 to 0.2)\n") {
		t.Errorf("%v, %s", err, text.String())
	}
	// Holdings on credit.
	d = Decision{}
	d.limits(p, []float64{0.5, 0.5}, []float64{-0.25, 1.25})
	if len(d.Breaks) != 2 || d.Breaks[0] != (walkforward.Slack{Name: "A <= 0.5", Slack: -0.75}) || d.Breaks[1] != (walkforward.Slack{Name: "CASH >= 0", Slack: -0.25}) {
		t.Errorf("%+v", d.Breaks)
	}
}
