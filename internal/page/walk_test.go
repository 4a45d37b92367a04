package page

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"paspo/internal/long"
	"paspo/internal/marketmodel"
	"paspo/internal/stats"
	"paspo/internal/walkforward"
	"paspo/lp"
)

// The page says the verdict, and shows what is compared, held, at its limits, earned by month
// and missed by the model.
func TestWalk(t *testing.T) {
	long.Test(t)
	p, err := lp.New(lp.Description{
		Entities: []string{"CASH", "A", "B", "C", "D", "E", "F", "G", "H", "I"}, Total: 1,
		Upper: []float64{1, 0.2, 1, 1, 1, 1, 1, 1, 1, 1},
		Rows:  []lp.Row{{Name: "pair", Coef: []float64{0, 1, 1, 0, 0, 0, 0, 0, 0, 0}, Min: math.Inf(-1), Max: 0.5}},
	})
	if err != nil {
		t.Fatal(err)
	}
	a := []float64{0.1, 0.2, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.05, 0.05}
	track := func(name string) *walkforward.Track {
		k := &walkforward.Track{Policy: name}
		for i := range 14 {
			k.Log = append(k.Log, math.Log1p(0.05*float64(i%3-1)))
			k.Held, k.Bought, k.Turnover, k.Costs = append(k.Held, a), append(k.Bought, a), append(k.Turnover, 0.1), append(k.Costs, 0.001)
		}
		return k
	}
	s := &walkforward.Summary{
		Settings: walkforward.Settings{Every: "month", Window: 12, Trade: 7, Model: marketmodel.Bootstrap}, Verdict: "the policy <beats>", Folds: 2, Steps: 4096, Warnings: []string{"in 1 of 3 trainings the run did not learn"},
		Polytope: p, Tracks: []*walkforward.Track{track(walkforward.Trained), track(walkforward.Equal)},
		Rows: []walkforward.Row{
			{Policy: walkforward.Trained, Growth: stats.Interval{Estimate: -0.137, Low: -0.175, High: -0.125}, Excess: stats.Interval{Estimate: -0.172, Low: -0.193, High: -0.123},
				Volatility: 0.234, Sharpe: -0.91, Sortino: -1.68, Drawdown: 0.464, CVaR: -0.122, Turnover: 12.31, Costs: 0.0034},
			{Policy: walkforward.Equal}, {Policy: walkforward.BestConstant},
		},
		Misses: []marketmodel.Statistic{{Name: "tails", Data: 3, Low: 1, High: 2}},
	}
	for i := range 14 {
		s.Dates = append(s.Dates, fmt.Sprintf("%d-%02d-28", 2020+i/12, 1+i%12))
	}
	s.Limits = walkforward.Exposure(p, s.Tracks[0])
	s.Limits[0].ShadowPrice, s.Limits[0].Tighter = 0.0012, 0.0034
	var page Page
	page.AddWalk("prices.csv", s)
	var b strings.Builder
	if err := page.Write(&b); err != nil {
		t.Fatal(err)
	}
	text := b.String()
	for _, want := range []string{"The policy &lt;beats&gt;.", "3 trainings of 4096 steps, 12288 in all", "Warning: in 1 of 3 trainings the run did not learn.", "Out of sample, after costs", "others", "Distance to the limits",
		"A &lt;= 0.2", "Month by month", "the model misses this", "<polygon"} {
		if !strings.Contains(text, want) {
			t.Errorf("the page does not say %s", want)
		}
	}
	t.Run("browser", func(t *testing.T) {
		b := look(t, text)
		for width := 800; width <= 1400; width += 50 {
			b.show(width, "screen", "light")
			var cut []string
			b.value(`[...document.querySelectorAll(".wide")].filter(w => w.scrollWidth > w.clientWidth).map(w => w.ariaLabel)`, &cut)
			for _, name := range cut {
				t.Errorf("a window of %d pixels cuts off the table %q", width, name)
			}
		}
	})
	// A is at its bound in every period, the pair never; the budget is left out.
	limits := exposure(s).Table.Rows
	if len(limits) != 2 || limits[0][0].Text != "A <= 0.2" || limits[0][3].Value != 14 || math.Abs(limits[1][1].Value-0.2) > 1e-12 || limits[1][3].Value != 0 ||
		limits[0][4].Text != "0.120 %" || limits[0][4].Dim != "0.340 % tighter" || limits[1][4].Text != "-" {
		t.Errorf("%+v", limits)
	}
	// The chart has a line a limit.
	if drawn := exposure(s); len(drawn.Legend) != 2 || drawn.Legend[1].Name != "pair" || len(drawn.Charts) != 1 ||
		strings.Count(string(drawn.Charts[0].SVG), "<polyline") != 2 || len(s.Limits[1].Distances) != 14 {
		t.Errorf("%+v", drawn)
	}
	// A first period that was relaxed is not in the chart.
	s.Rows[0].RelaxedFirst = true
	without := exposure(s).Charts[0]
	s.Limits[1].Distances[0] = -1.2
	if drawn := exposure(s).Charts[0]; drawn.SVG != without.SVG || !strings.HasSuffix(drawn.Caption, "The first period is left out.") {
		t.Errorf("%s: %s", drawn.Caption, drawn.SVG)
	}
	// The last month of 2020 is empty nowhere; 2021 has two months and its total.
	months := monthly(s.Dates, s.Tracks[0].Log).Rows
	if len(months) != 2 || math.Abs(months[0][1].Value+5) > 1e-9 || months[1][3].Text != "" ||
		math.Abs(months[1][13].Value-100*(0.95*1-1)) > 1e-9 {
		t.Errorf("%+v", months)
	}
}

// A loss that rounds to nothing has no sign.
func TestMonthlyRounds(t *testing.T) {
	if got := monthly([]string{"2020-01-31"}, []float64{-1e-5}).Rows[0][1].Text; got != "0.0" {
		t.Errorf("%q", got)
	}
}
