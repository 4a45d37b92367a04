package page

import (
	"fmt"
	"html/template"
	"math"
	"slices"
	"time"

	"paspo/internal/stats"
	"paspo/internal/walkforward"
)

// AddWalk adds what came of a walk through prices.
func (p *Page) AddWalk(name string, s *walkforward.Summary) {
	part := &Part{Name: name, Lead: []string{capital(s.Verdict) + "."}, Facts: []Fact{
		{"out of sample", s.From + " to " + s.To},
		{"windows", fmt.Sprintf("%d of %d %ss, each trained on and the next %d traded", s.Folds, s.Window, s.Every, s.Trade)},
		{"training", s.Trainings()},
		{"model of the market", s.Model},
		{"violations", fmt.Sprintf("%d, largest residual %.2g", s.Violations, s.Residual)},
	}}
	for _, text := range s.Warnings {
		part.Lead = append(part.Lead, "Warning: "+text+".")
	}
	trained := s.Tracks[0]
	x := years(s.Dates)
	compared := &Block{
		Title: "Out of sample, after costs",
		Note: "Intervals are of the stationary bootstrap of " + s.Every + "s, at 95 %. " + capital(walkforward.BestConstant) +
			" is at no costs of trading and chosen from these very periods: a bound for what is constantly rebalanced.",
		Charts: []Chart{
			{SVG: drawPaths("Wealth by policy", "wealth, from 1", x, s.Tracks, true, wealth), Caption: "Wealth on a logarithmic scale."},
			{SVG: drawPaths("Drawdown by policy", "drawdown", x, s.Tracks, false, drawdown), Caption: "What of the highest wealth so far is lost."},
		},
		Table: walkTable(s.Rows),
	}
	for i, t := range s.Tracks {
		compared.Legend = append(compared.Legend, Series{t.Policy, class(i)})
	}
	held := &Block{Title: "What the trained policy holds"}
	svg, shown := drawShares(x, s.Polytope.Entities(), trained.Bought)
	held.Legend = shown
	held.Charts = []Chart{{SVG: svg, Caption: "Shares of the wealth after trading, stacked; the largest by name."}}
	part.add(compared)
	part.add(held)
	part.add(&Block{Title: "What it trades", Charts: []Chart{{
		SVG:     drawPaths("Turnover of the trained policy", "turnover", x, s.Tracks[:1], false, func(t *walkforward.Track) []float64 { return t.Turnover }),
		Caption: fmt.Sprintf("What is bought and sold in a period, as a share of the wealth: %.2f in the mean.", stats.Mean(trained.Turnover)),
	}}})
	part.add(exposure(s))
	part.add(&Block{Title: "Month by month", Note: "Return of the trained policy after costs, in per cent.", Table: monthly(s.Dates, trained.Log)})
	if len(s.Misses) > 0 {
		t := &Table{Head: []string{"statistic", "data", "model, median", "nine of ten paths", "verdict"}}
		for _, m := range s.Misses {
			note := "as in the model"
			if m.Misses() {
				note = "the model misses this"
			}
			t.Rows = append(t.Rows, []Cell{words(m.Name), numeric(m.Data), numeric(m.Model), words(number(m.Low) + " to " + number(m.High)), words(note)})
		}
		part.add(&Block{Title: "The model against the data of the last window", Table: t})
	}
	p.Parts = append(p.Parts, part)
}

// years returns dates as numbers of years.
func years(dates []string) []float64 {
	x := make([]float64, len(dates))
	for i, d := range dates {
		t, err := time.Parse(time.DateOnly, d)
		if err != nil {
			x[i] = float64(i)
			continue
		}
		x[i] = float64(t.Year()) + float64(t.YearDay()-1)/365.25
	}
	return x
}

func wealth(t *walkforward.Track) []float64 {
	all, s := make([]float64, len(t.Log)), 0.
	for i, x := range t.Log {
		s += x
		all[i] = math.Exp(s)
	}
	return all
}

func drawdown(t *walkforward.Track) []float64 {
	all := wealth(t)
	top := 1.
	for i, w := range all {
		top = max(top, w)
		all[i] = w/top - 1
	}
	return all
}

// drawPaths draws a line a policy.
func drawPaths(label, yLabel string, dates []float64, tracks []*walkforward.Track, log bool, of func(*walkforward.Track) []float64) template.HTML {
	names, ys := make([]string, len(tracks)), make([][]float64, len(tracks))
	for i, t := range tracks {
		names[i], ys[i] = t.Policy, of(t)
	}
	return drawSeries(label, yLabel, dates, names, ys, log)
}

// drawSeries draws a line a series.
func drawSeries(label, yLabel string, dates []float64, names []string, ys [][]float64, log bool) template.HTML {
	x, y := newAxis(dates, false, left, width-right), newAxis(slices.Concat(ys...), log, height-bottom, top+8)
	s := newSVG(label, width, height)
	s.frame(x, y, "year", yLabel)
	for i, name := range names {
		s.begin(class(i), name)
		s.line("mean", line{dates, ys[i]}, x, y)
		s.end()
	}
	return s.done()
}

// drawShares stacks the shares of the entities with the largest means, and the others as one:
// those above 0 upwards, and those below it downwards.
func drawShares(dates []float64, entities []string, bought [][]float64) (template.HTML, []Series) {
	order := make([]int, len(entities))
	means := make([]float64, len(entities))
	for i := range order {
		order[i] = i
		for _, a := range bought {
			means[i] += a[i]
		}
	}
	slices.SortStableFunc(order, func(a, b int) int {
		if means[a] > means[b] {
			return -1
		} else if means[a] < means[b] {
			return 1
		}
		return 0
	})
	named := order[:min(len(order), shownSeries-1)]
	ends := []float64{0, 1}
	for _, a := range bought {
		short, long := 0., 0.
		for _, v := range a {
			short, long = short+min(v, 0), long+max(v, 0)
		}
		ends = append(ends, short, long)
	}
	x, y := newAxis(dates, false, left, width-right), newAxis(ends, false, height-bottom, top+8)
	s := newSVG("Shares of the trained policy", width, height)
	s.frame(x, y, "year", "share of the wealth")
	under, below := make([]float64, len(bought)), make([]float64, len(bought))
	var legend []Series
	band := func(k int, name string, share func(a []float64) float64) {
		var up, back line
		for t, a := range bought {
			v, from := share(a), under
			if v < 0 {
				from = below
			}
			back.add(dates[t], from[t])
			from[t] += v
			up.add(dates[t], from[t])
		}
		slices.Reverse(back.x)
		slices.Reverse(back.y)
		s.begin(class(k), name)
		s.points("polygon", "share", line{append(up.x, back.x...), append(up.y, back.y...)}, x, y)
		s.end()
		legend = append(legend, Series{name, class(k)})
	}
	for k, i := range named {
		band(k, entities[i], func(a []float64) float64 { return a[i] })
	}
	if rest := order[len(named):]; len(rest) > 0 {
		band(len(named), "others", func(a []float64) (sum float64) {
			for _, i := range rest {
				sum += a[i]
			}
			return sum
		})
	}
	return s.done(), legend
}

// drawnLimits is how many limits have a line of their distance: more hide one another.
const drawnLimits = 4

// exposure is how close to each limit the policy comes, and what limits cost in hindsight.
func exposure(s *walkforward.Summary) *Block {
	t := &Table{Head: []string{"limit", "least distance", "mean distance", "periods at it", "shadow price"}}
	for _, l := range s.Limits {
		price := words("-")
		if v := float64(l.ShadowPrice); !math.IsNaN(v) {
			price = Cell{Text: rate(v), Value: v}
			if w := float64(l.Tighter); math.IsInf(w, 1) {
				price.Dim = "none tighter can be satisfied"
			} else if w-v > 1e-6 {
				price.Dim = rate(w) + " tighter"
			}
		}
		t.Rows = append(t.Rows, []Cell{words(l.Name), numeric(l.Least), numeric(l.Mean), whole(l.At), price})
	}
	note := "Of the trained policy after trading. At a limit is within a thousandth of the wealth. "
	if s.Unpriced == "" {
		note += "A shadow price is of the " + walkforward.BestConstant + ": the logarithmic growth a year that a limit looser by 0.01 would have earned it, " +
			"as a rate, and where tightening costs another one, that too. Limits on what is traded do not hold for it."
	} else {
		note += "There are no shadow prices: " + s.Unpriced + "."
	}
	if text := s.Relaxed(); text != "" {
		note += " " + capital(text) + "."
	}
	block := &Block{Title: "Distance to the limits, and what they cost", Note: note, Table: t}
	var names []string
	var distances [][]float64
	// What the first period is relaxed by is no matter of the policy, and would hide what is.
	dates, first, left := years(s.Dates), 0, ""
	if s.Rows[0].RelaxedFirst && len(dates) > 1 {
		first, left = 1, " The first period is left out."
	}
	for _, l := range s.Limits[:min(len(s.Limits), drawnLimits)] {
		if len(l.Distances) > 0 {
			block.Legend = append(block.Legend, Series{l.Name, class(len(names))})
			names, distances = append(names, l.Name), append(distances, l.Distances[first:])
		}
	}
	if len(names) > 0 {
		block.Charts = []Chart{{
			SVG:     drawSeries("Distance to limits over time", "distance", dates[first:], names, distances, false),
			Caption: "How far the trained policy is from the limits that it is at most often: at 0 a limit binds, and below 0 it had to be relaxed." + left,
		}}
	}
	return block
}

func rate(x float64) string { return fmt.Sprintf("%.3f %%", 100*x+0) }

// monthly is a table of years and months.
func monthly(dates []string, log []float64) *Table {
	t := &Table{Head: []string{"year", "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec", "year's"}}
	var year string
	var months [13]float64
	var has [13]bool
	flush := func() {
		if year == "" {
			return
		}
		row := []Cell{words(year)}
		for k, x := range months {
			if !has[k] {
				row = append(row, words(""))
				continue
			}
			v := 100 * math.Expm1(x)
			row = append(row, Cell{Text: fmt.Sprintf("%.1f", walkforward.Rounded(v, 0.1)), Value: v})
		}
		t.Rows = append(t.Rows, row)
	}
	for i, d := range dates {
		if d[:4] != year {
			flush()
			year, months, has = d[:4], [13]float64{}, [13]bool{}
		}
		m := int(d[5]-'0')*10 + int(d[6]-'0') - 1
		for _, k := range []int{m, 12} {
			months[k] += log[i]
			has[k] = true
		}
	}
	flush()
	return t
}

// decimals is a number with two of them.
func decimals(x float64) Cell {
	if math.IsNaN(x) {
		return numeric(x)
	}
	return Cell{Text: fmt.Sprintf("%.2f", x), Value: x}
}

func walkTable(rows []walkforward.Row) *Table {
	t := &Table{Head: []string{"policy", "growth a year", "beyond equal weights", "volatility", "Sharpe", "Sortino", "drawdown", "CVaR 5 %", "turnover a year", "costs a year", "violations"}}
	share := func(x float64) Cell { return Cell{Text: fmt.Sprintf("%.1f %%", walkforward.Tenths(x)), Value: x} }
	for _, r := range rows {
		growth, beyond := share(r.Growth.Estimate), Cell{Text: fmt.Sprintf("%+.1f %%", walkforward.Tenths(r.Excess.Estimate)), Value: r.Excess.Estimate}
		growth.Dim = fmt.Sprintf("%.1f to %.1f", walkforward.Tenths(r.Growth.Low), walkforward.Tenths(r.Growth.High))
		beyond.Dim = fmt.Sprintf("%+.1f to %+.1f", walkforward.Tenths(r.Excess.Low), walkforward.Tenths(r.Excess.High))
		if r.Policy == walkforward.Equal {
			beyond = words("")
		}
		t.Rows = append(t.Rows, []Cell{words(r.Policy), growth, beyond, share(r.Volatility), decimals(float64(r.Sharpe)), decimals(float64(r.Sortino)),
			share(r.Drawdown), share(r.CVaR), decimals(r.Turnover), {Text: fmt.Sprintf("%.2f %%", 100*r.Costs), Value: r.Costs}, whole(r.Violations)})
	}
	return t
}
