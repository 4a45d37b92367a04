package page

import (
	"cmp"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"log/slog"
	"math"
	"slices"
	"strconv"
	"strings"

	"paspo/internal/finite"
	"paspo/internal/rng"
	"paspo/internal/run/runfolder"
	"paspo/internal/stats"
)

// Comparison is what groups of trainings have come to, such as the settings of a sweep or
// algorithms, on one problem or on several. A group differs from the others in more than
// seeds.
type Comparison struct {
	One       string // what a group is called, such as setting
	Statistic string // what Of is called
	Of        func(scores []float64) float64
	Problems  []Problem
	Groups    []Group
	Open      bool // more is to come
}

// Problem is one that all groups are trained on.
type Problem struct {
	Name   string
	Scores Levels // over the episodes that returns are of
	Curve  Levels // over those of evaluations during training
}

// Levels are the mean returns of policies that are not trained, NaN where they are not
// known. Returns on different problems are compared as shares of the way from Uniform to Best.
type Levels struct{ Uniform, Best float64 }

// Group is trainings that differ in their seeds alone.
type Group struct {
	Name     string
	Settings []Fact     // those that differ between groups, the same ones in all
	Results  [][]Result // by problem
}

// Result is what one training has come to.
type Result struct {
	Return     float64
	Residual   float64 // the largest, in training and evaluations
	Violations int
	Seconds    float64
	Dir        string // the run folder that its curve is drawn from, empty for none
}

// ranked is a group with its estimates.
type ranked struct {
	*Group
	returns, shares stats.Scores
	value           stats.Interval // of the statistic
	gap             stats.Interval // to the best known
	behind, below   stats.Interval // the best group's lead, and how likely a seed of it is above
}

// broken is how many actions of a group broke constraints.
func (g *Group) broken() (n int) {
	for _, r := range slices.Concat(g.Results...) {
		n += r.Violations
	}
	return n
}

// scores are what groups are ranked by: returns on one problem, shares of the way on several.
func (r *ranked) scores() stats.Scores {
	if len(r.returns) > 1 {
		return r.shares
	}
	return r.returns
}

// scale returns the levels of a problem. Where none is known that is better than uniform
// allocations, the best mean of a group stands in its place.
func (c *Comparison) scale(problem int) (l Levels, known bool) {
	l = c.Problems[problem].Scores
	if l.Best > l.Uniform {
		return l, true
	}
	l.Best = math.Inf(-1)
	worst := math.Inf(1)
	for _, g := range c.Groups {
		m := stats.Mean(returns(g.Results[problem]))
		l.Best, worst = max(l.Best, m), min(worst, m)
	}
	if !finite.Is(l.Uniform) {
		l.Uniform = worst
	}
	if l.Best <= l.Uniform {
		l.Best = l.Uniform + 1
	}
	return l, false
}

func returns(all []Result) (xs []float64) {
	for _, r := range all {
		xs = append(xs, r.Return)
	}
	return xs
}

// known says whether all problems have a best known policy and uniform allocations.
func (c *Comparison) known() bool {
	for k := range c.Problems {
		if _, ok := c.scale(k); !ok {
			return false
		}
	}
	return true
}

// rank returns the groups, the best first, and those whose actions broke constraints after
// those whose actions did not: they cannot be used as they are. Intervals are percentiles of resampled seeds,
// those of every problem and group on their own.
func (c *Comparison) rank() []*ranked {
	all := make([]*ranked, len(c.Groups))
	of := func(s stats.Scores) float64 { return c.Of(slices.Concat(s...)) }
	for i := range c.Groups {
		r := &ranked{Group: &c.Groups[i]}
		for k, results := range r.Results {
			l, _ := c.scale(k)
			xs := returns(results)
			shares := make([]float64, len(xs))
			for j, x := range xs {
				shares[j] = (x - l.Uniform) / (l.Best - l.Uniform)
			}
			r.returns, r.shares = append(r.returns, xs), append(r.shares, shares)
		}
		all[i] = r
	}
	slices.SortStableFunc(all, func(a, b *ranked) int {
		if broke := a.broken() > 0; broke != (b.broken() > 0) {
			if broke {
				return 1
			}
			return -1
		}
		return cmp.Compare(of(b.scores()), of(a.scores()))
	})
	for _, r := range all[:min(len(all), shownRows)] {
		estimate := func(what string, f func(...stats.Scores) float64, s ...stats.Scores) stats.Interval {
			return stats.Stratified(level, rng.New(1, "report", what, r.Name), resamples, f, s...)
		}
		r.value = estimate("value", func(s ...stats.Scores) float64 { return of(s[0]) }, r.scores())
		r.gap = estimate("gap", func(s ...stats.Scores) float64 { return s[0].OptimalityGap(1) }, r.shares)
		if r != all[0] {
			r.behind = estimate("lead", func(s ...stats.Scores) float64 { return of(s[0]) - of(s[1]) }, all[0].scores(), r.scores())
			r.below = estimate("above", func(s ...stats.Scores) float64 { return stats.ProbabilityOfImprovement(s[0], s[1]) }, all[0].scores(), r.scores())
		}
	}
	return all
}

// score writes a score, returns to the ten-thousandth part of the way from uniform to the best
// known.
func (c *Comparison) score(x float64) string {
	if len(c.Problems) > 1 {
		return percent(x)
	}
	l, _ := c.scale(0)
	return strconv.FormatFloat(x, 'f', max(0, int(math.Ceil(4-math.Log10(l.Best-l.Uniform)))), 64)
}

// unit is what one of the scores is called.
func (c *Comparison) unit() string {
	if len(c.Problems) > 1 {
		return "share of the way"
	}
	return "return"
}

// verdict says which group is best and by how much.
func (c *Comparison) verdict(all []*ranked) []string {
	best := all[0]
	so := ""
	if c.Open {
		so = " so far"
	}
	among, kept := "", 0
	var above []string // what broke constraints and is beyond the interval
	for _, r := range all {
		if r.broken() == 0 {
			kept++
		} else if r.behind.High < 0 {
			above = append(above, r.Name)
		}
	}
	if 0 < kept && kept < len(all) {
		among = " of those that broke no constraint"
	}
	text := fmt.Sprintf("Best%s%s is %s: its %s is %s (%s)", so, among, best.Name, c.Statistic, c.score(best.value.Estimate), ofLevel(best.value, c.score))
	if len(c.Problems) > 1 {
		text += " of the way from uniform to the best known"
	} else if l, known := c.scale(0); known {
		text += fmt.Sprintf(", %s of the way from uniform to the best known", percent((best.value.Estimate-l.Uniform)/(l.Best-l.Uniform)))
	}
	lead := []string{text + "."}
	if note := few(all); note != "" {
		lead = append(lead, note)
	}
	if len(all) == 1 {
		return lead
	}
	next := all[1]
	text = fmt.Sprintf("It is above the next one, %s, by %s (%s)", next.Name, c.score(next.behind.Estimate), between(next.behind, c.score))
	if next.behind.Estimate < 0 {
		text = fmt.Sprintf("The next one, %s, which broke constraints, is above it by %s (%s)", next.Name, c.score(-next.behind.Estimate), between(stats.Interval{Low: -next.behind.High, High: -next.behind.Low}, c.score))
	}
	if finite.Is(next.below.Low) {
		text += fmt.Sprintf("; a seed of it is above one of the other with probability %.2f (%.2f to %.2f)", next.below.Estimate, next.below.Low, next.below.High)
	}
	shown := all[1:min(len(all), shownRows)]
	same, single := 0, 0
	for _, r := range shown {
		if !finite.Is(r.behind.Low) {
			single++
		} else if !(r.behind.Low > 0 || r.behind.High < 0) {
			same++
		}
	}
	lead = append(lead, text+".")
	switch {
	case same+single == 0 && len(above) == 0 && len(shown) > 1:
		lead = append(lead, fmt.Sprintf("Its lead over each of the other %d is beyond the interval.", len(shown)))
	case !finite.Is(next.behind.Low):
		lead = append(lead, "Single seeds do not say which is better: train several of each.")
	case same == 1 && len(shown) == 1:
		lead = append(lead, "These seeds do not tell the two apart: the interval of the lead contains 0.")
	case same > 0:
		lead = append(lead, fmt.Sprintf("These seeds do not tell %d of the other %d from it: the interval of its lead over them contains 0.", same, len(shown)))
	}
	if single > 0 && finite.Is(next.behind.Low) {
		lead = append(lead, fmt.Sprintf("With a single seed, which says nothing of chance: %d of the other %d.", single, len(shown)))
	}
	if len(above) > 0 {
		lead = append(lead, fmt.Sprintf("Beyond the interval above it: %s, which broke constraints.", strings.Join(above, ", ")))
	}
	return lead
}

// few says what intervals are worth that have few seeds behind them, nothing where none is shown.
func few(all []*ranked) string {
	var seeds []int
	for _, r := range all[:min(len(all), shownRows)] {
		for _, runs := range r.returns {
			seeds = append(seeds, len(runs))
		}
	}
	return stats.FewSeeds(seeds)
}

// block shows the groups, and returns the verdict with it.
func (c *Comparison) block(title string) (*Block, []string, error) {
	if len(c.Groups) == 0 {
		return nil, nil, nil
	}
	all := c.rank()
	drawn := all[:min(len(all), shownSeries)]
	b := &Block{Title: title, Table: c.table(all[:min(len(all), shownRows)])}
	b.Note = fmt.Sprintf("Intervals are of %.0f %%, by resampling the seeds.", 100*level)
	if note := few(all); note != "" {
		b.Note += " " + note
	}
	if len(c.Problems) > 1 {
		b.Note += " Shares of the way are 0 for uniform allocations and 100 % for the best known policy of each environment."
	}
	if len(all) > len(drawn) {
		b.Note += fmt.Sprintf(" Drawings show the best %d.", len(drawn))
	}
	if len(all) > shownRows {
		b.Note += fmt.Sprintf(" Of %d the best %d are in the table.", len(all), shownRows)
	}
	if !c.known() {
		b.Note += " A policy that is known to be good is missing: the best mean stands in its place."
	}
	for i, r := range drawn {
		b.Legend = append(b.Legend, Series{r.Name, class(i)})
	}
	for k := range c.Problems {
		charts, err := c.curves(k, drawn)
		if err != nil {
			return nil, nil, err
		}
		b.Charts = append(b.Charts, charts...)
	}
	if len(all) > 1 {
		b.Charts = append(b.Charts, c.intervals(drawn)...)
	}
	return b, c.verdict(all), nil
}

func (c *Comparison) table(all []*ranked) *Table {
	t := &Table{Head: []string{c.One, c.Statistic + " of the " + c.unit()}}
	t.Head = append(t.Head, "optimality gap", "best is above", "worst seed")
	if len(c.Problems) > 1 {
		for _, p := range c.Problems {
			t.Head = append(t.Head, "mean return, "+p.Name)
		}
	}
	t.Head = append(t.Head, "violations", "largest residual", "processor seconds", "seeds")
	for _, s := range all[0].Settings {
		t.Head = append(t.Head, s.Name)
	}
	for i, r := range all {
		row := []Cell{words(r.Name), estimated(r.value, c.score), estimated(r.gap, percent), words("–")}
		if i > 0 {
			row[3] = estimated(r.below, func(x float64) string { return fmt.Sprintf("%.2f", x) })
		}
		worst := slices.Min(slices.Concat(r.scores()...))
		row = append(row, Cell{Text: c.score(worst), Value: worst})
		violations, residual, seconds, seeds := 0, math.Inf(-1), 0., 0
		for k, results := range r.Results {
			if len(c.Problems) > 1 {
				row = append(row, numeric(stats.Mean(r.returns[k])))
			}
			for _, x := range results {
				violations += x.Violations
				residual = max(residual, x.Residual)
				seconds += x.Seconds
				seeds++
			}
		}
		row = append(row, whole(violations), numeric(residual), Cell{Text: fmt.Sprintf("%.1f", seconds), Value: seconds}, whole(seeds/len(c.Problems)))
		for _, s := range r.Settings {
			row = append(row, words(s.Value))
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

// curves draws the evaluations of groups on a problem, every seed and the mean over those
// that have come as far, and where actions broke constraints, the share that did between
// evaluations. It returns none where there are no evaluations.
func (c *Comparison) curves(problem int, all []*ranked) ([]Chart, error) {
	var drawn, broken []curve
	for i, r := range all {
		k, b := curve{name: r.Name, class: class(i)}, curve{name: r.Name, class: class(i)}
		at, shares := map[float64][]float64{}, map[float64][]float64{}
		for _, result := range r.Results[problem] {
			if result.Dir == "" {
				continue
			}
			rows, err := runfolder.Metrics(result.Dir)
			if errors.Is(err, fs.ErrNotExist) {
				// What it came to is in the journal.
				slog.Warn("a training has no curve in the report", "reason", err)
				continue
			}
			if err != nil {
				return nil, err
			}
			var seed line
			var violations, since float64
			for _, row := range rows {
				violations += row["violations"]
				if v, ok := row["eval_return"]; ok {
					step := row["step"]
					seed.add(step, v)
					at[step] = append(at[step], v)
					if step > since {
						shares[step] = append(shares[step], violations/(step-since))
						violations, since = 0, step
					}
				}
			}
			k.seeds = append(k.seeds, seed)
		}
		for _, step := range sorted(at) {
			if len(at[step]) == len(k.seeds) {
				k.mean.add(step, stats.Mean(at[step]))
				b.mean.add(step, stats.Mean(shares[step]))
			}
		}
		drawn, broken = append(drawn, k), append(broken, b)
	}
	if !slices.ContainsFunc(drawn, func(k curve) bool { return len(k.mean.x) > 0 }) {
		return nil, nil
	}
	p := c.Problems[problem]
	charts := []Chart{{
		SVG:     drawCurves("Learning curves on "+p.Name+": "+names(all), "return", drawn, p.Curve),
		Caption: p.Name + ": evaluations of the deterministic action during training, every seed behind the mean.",
	}}
	if slices.ContainsFunc(all, func(r *ranked) bool { return r.broken() > 0 }) {
		charts = append(charts, Chart{
			SVG:     drawCurves("Violations on "+p.Name+": "+names(all), "share of actions", broken, Levels{nan, nan}),
			Caption: p.Name + ": the share of the actions of training, since the evaluation before, that broke a constraint, mean over seeds.",
		})
	}
	return charts, nil
}

func names(all []*ranked) string {
	var s []string
	for _, r := range all {
		s = append(s, r.Name)
	}
	return strings.Join(s, ", ")
}

// intervals draws what is known of the groups beside their curves.
func (c *Comparison) intervals(all []*ranked) []Chart {
	forest := func(label, axis string, from int, value func(*ranked) stats.Interval, mark float64) template.HTML {
		var rows []bar
		for i, r := range all[from:] {
			rows = append(rows, bar{r.Name, class(from + i), value(r)})
		}
		return drawForest(label+": "+names(all[from:]), axis, rows, mark)
	}
	charts := []Chart{
		{SVG: forest("Intervals of the "+c.Statistic, c.unit(), 0, func(r *ranked) stats.Interval { return r.value }, nan),
			Caption: fmt.Sprintf("%s over seeds, with its interval.", capital(c.Statistic))},
		{SVG: drawProfiles("Performance profiles: "+names(all), c.unit(), all),
			Caption: fmt.Sprintf("Performance profile: the share of trainings above a %s, with its interval.", c.unit())},
	}
	if c.known() {
		charts = append(charts, Chart{SVG: forest("Optimality gap", "optimality gap", 0, func(r *ranked) stats.Interval { return r.gap }, nan),
			Caption: "Optimality gap: by how much trainings fall short of the best known in the mean, as a share of the way from uniform to it. Less is better."})
	}
	return append(charts, Chart{
		SVG:     forest("Probability of improvement of "+all[0].Name+" over the others", "probability", 1, func(r *ranked) stats.Interval { return r.below }, 0.5),
		Caption: fmt.Sprintf("Probability of improvement: how likely a training of %s is above one of another %s. At 0.5 neither is better.", all[0].Name, c.One),
	})
}
