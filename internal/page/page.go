// Package page writes one HTML file that needs no network about runs and sweeps.
package page

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"maps"
	"math"
	"path/filepath"
	"slices"
	"strings"

	"paspo/internal/count"
	"paspo/internal/rng"
	"paspo/internal/run/agent"
	"paspo/internal/run/report"
	"paspo/internal/run/runfolder"
	"paspo/internal/stats"
	"paspo/internal/sweep"
	"paspo/internal/sweep/journal"
	"paspo/internal/sweep/search"
)

//go:embed page.html
var text string

var layout = template.Must(template.New("page").Parse(text))

// Page is what the file shows.
type Page struct {
	Title, Command, Version string
	Parts                   []*Part
}

// Part is about one sweep, or about runs of no sweep.
type Part struct {
	Name, Lead string
	Facts      []Fact
	Tables     []Table
	Series     []series
	Curves     template.HTML
	Effects    []Effect
	Bins       int
	Few        string // what is to be said of shares of few settings
	Parallel   template.HTML
}

// Fact is a name with a value.
type Fact struct{ Name, Value string }

// Table is one to read.
type Table struct {
	Title, Note string
	Head        []string
	Rows        [][]string
}

// Effect is what one setting of a space does.
type Effect struct {
	Key, Share string
	Chart      template.HTML
}

const (
	shownSettings = 50 // of the table
	shownCurves   = 6  // as many as there are colours
	bins          = 4  // of a range
	level         = 0.95
	resamples     = 2000
)

// Write writes the page.
func (p *Page) Write(w io.Writer) error { return layout.Execute(w, p) }

// Add adds folders: each a sweep or a run.
func (p *Page) Add(dirs []string) error {
	var runs []string
	for _, dir := range dirs {
		if runfolder.IsRun(dir) {
			runs = append(runs, dir)
			continue
		}
		w, err := sweep.Open(dir)
		if err != nil {
			return fmt.Errorf("%s is neither a run nor a sweep: %w", dir, err)
		}
		part, err := ofSweep(w)
		if err != nil {
			return fmt.Errorf("%s: %w", dir, err)
		}
		p.Parts = append(p.Parts, part)
	}
	if len(runs) == 0 {
		return nil
	}
	part, err := ofRuns(runs)
	if err == nil {
		p.Parts = append(p.Parts, part)
	}
	return err
}

// estimate returns the statistic of returns with its interval.
func estimate(w *sweep.Sweep, s *sweep.Setting) stats.Interval {
	return stats.Stratified(level, rng.New(1, "report", s.Label), resamples, func(x ...stats.Scores) float64 {
		return w.Spec.Objective.Of(x[0][0])
	}, stats.Scores{s.Returns})
}

func interval(iv stats.Interval) string {
	if !finite(iv.Low) {
		return "–"
	}
	return fmt.Sprintf("%s to %s", number(iv.Low), number(iv.High))
}

func ofSweep(w *sweep.Sweep) (*Part, error) {
	s, err := w.Status()
	if err != nil {
		return nil, err
	}
	spec := w.Spec
	part := &Part{Name: "Sweep " + w.Dir, Bins: bins}
	residual, violations := math.Inf(-1), 0
	for _, x := range slices.Concat(s.Settings, s.Report) {
		for _, r := range x.Records {
			if r != nil && r.Residual != nil {
				residual = max(residual, *r.Residual)
				violations += r.Violations
			}
		}
	}
	part.Facts = []Fact{
		{"settings", fmt.Sprintf("%d of %d begun, by %s search; %s", len(s.Settings), spec.Search.Trials, spec.Search.Method, pruning(spec))},
		{"trainings", fmt.Sprintf("%d of %d done, %d given up, %d failed", s.Done, s.Trainings, s.GivenUp, s.Failed)},
		{"seeds", fmt.Sprint(spec.Seeds)},
		{"objective", fmt.Sprintf("%s over seeds of the mean return of %d validation episodes, deterministic action", spec.Objective.Statistic, spec.Objective.Episodes)},
		{"violations", fmt.Sprintf("%d; largest residual %s", violations, number(residual))},
		{"processor time", fmt.Sprintf("%.0f s", s.Seconds)},
	}
	facts := w.Facts()
	for _, name := range slices.Sorted(maps.Keys(facts)) {
		part.Facts = append(part.Facts, Fact{name, facts[name]})
	}

	var complete []sweep.Setting
	for _, x := range s.Order() {
		if x.State == journal.Complete {
			complete = append(complete, x)
		}
	}
	soFar, yet := " so far", " yet"
	if s.Ended() {
		soFar, yet = "", ""
	}
	failed := failures(w, s)
	if len(complete) == 0 {
		part.Lead = "No setting has been trained on all seeds" + yet + "."
		part.add(failed)
		return part, nil
	}
	best := complete[0]
	iv := estimate(w, &best)
	part.Lead = fmt.Sprintf("Best%s is setting %d (%s) with %s %s (%.0f %% interval %s).", soFar, best.Number, best.Label, spec.Objective.Statistic,
		number(iv.Estimate), 100*level, interval(iv))
	if len(complete) > 1 {
		second := complete[1]
		by := stats.Stratified(level, rng.New(1, "report", "gain"), resamples, func(x ...stats.Scores) float64 {
			return spec.Objective.Of(x[0][0]) - spec.Objective.Of(x[1][0])
		}, stats.Scores{best.Returns}, stats.Scores{second.Returns})
		part.Lead += fmt.Sprintf(" It is above the next one, setting %d, by %s (%s).", second.Number, number(by.Estimate), interval(by))
	}
	part.Lead += " It was chosen on these seeds, so that on others it is likely to do a little worse."
	again := Table{
		Title: "On seeds that nothing was chosen on", Note: fmt.Sprintf("Seeds %v, with intervals of %.0f %%.", spec.Report.Seeds, 100*level),
		Head: []string{"setting", spec.Objective.Statistic, "interval", "worst seed", "settings"},
	}
	for i := range s.Report {
		x := &s.Report[i]
		if x.State == journal.Complete {
			iv := estimate(w, x)
			again.Rows = append(again.Rows, []string{fmt.Sprint(x.Number), number(iv.Estimate), interval(iv), number(slices.Min(x.Returns)), x.Label})
		}
	}
	part.add(again)
	part.Tables = append(part.Tables, settingsTable(w, complete))
	part.add(failed)
	if err := part.curves(w, complete[:min(len(complete), shownCurves)]); err != nil {
		return nil, err
	}
	part.effects(w, complete)
	return part, nil
}

// add adds a table unless it is empty.
func (p *Part) add(t Table) {
	if len(t.Rows) > 0 {
		p.Tables = append(p.Tables, t)
	}
}

// failures lists the trainings that ended without a result, and why.
func failures(w *sweep.Sweep, s *sweep.Status) Table {
	t := Table{
		Title: "Trainings that failed", Note: "A setting is given up where one of its trainings fails. It is in nothing else on this page.",
		Head: []string{"setting", "seed", "settings", "why"},
	}
	for k, x := range slices.Concat(s.Settings, s.Report) {
		seeds := w.Spec.Seeds
		if k >= len(s.Settings) {
			seeds = w.Spec.Report.Seeds
		}
		for i, r := range x.Records {
			if r == nil || r.Error == "" {
				continue
			}
			if len(t.Rows) == shownSettings {
				t.Note += fmt.Sprintf(" Of %d the first %d are shown.", s.Failed, shownSettings)
				return t
			}
			t.Rows = append(t.Rows, []string{fmt.Sprint(x.Number), fmt.Sprint(seeds[i]), x.Label, r.Error})
		}
	}
	return t
}

func pruning(s *sweep.Spec) string {
	if s.Prune.Method == "" {
		return "none is given up early"
	}
	return fmt.Sprintf("the best 1/%d go on from %d steps, and so on", s.Prune.Factor, s.Prune.MinSteps)
}

func settingsTable(w *sweep.Sweep, complete []sweep.Setting) Table {
	spec := w.Spec
	t := Table{
		Title: "Settings",
		Note: fmt.Sprintf("Intervals are of %.0f %%, by resampling the seeds. The last column is how likely a seed of the best setting is above one of this setting.",
			100*level),
		Head: []string{"setting", spec.Objective.Statistic, "interval", "worst seed", "best is above"},
	}
	for i := range spec.Space {
		t.Head = append(t.Head, spec.Space[i].Key)
	}
	for i := range complete[:min(len(complete), shownSettings)] {
		x := &complete[i]
		iv := estimate(w, x)
		over := stats.ProbabilityOfImprovement(stats.Scores{complete[0].Returns}, stats.Scores{x.Returns})
		row := []string{fmt.Sprint(x.Number), number(iv.Estimate), interval(iv), number(slices.Min(x.Returns)), fmt.Sprintf("%.0f %%", 100*over)}
		for k := range spec.Space {
			d := &spec.Space[k]
			text := d.Text(x.Point[k])
			if d.Kind != search.Choices && !d.Integer {
				text = number(x.Point[k])
			}
			row = append(row, text)
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

// curves draws the evaluations of some settings.
func (p *Part) curves(w *sweep.Sweep, settings []sweep.Setting) error {
	for _, x := range settings {
		var dirs []string
		for _, seed := range w.Spec.Seeds {
			dirs = append(dirs, w.RunDir(x.Number, seed))
		}
		if err := p.series(fmt.Sprintf("%d: %s", x.Number, x.Label), dirs); err != nil {
			return err
		}
	}
	p.draw()
	return nil
}

func (p *Part) draw() {
	if len(p.Series) > 0 {
		p.Curves = curves("returns over environment steps", p.Series)
	}
}

// series adds the curves of runs that differ in their seeds alone.
func (p *Part) series(name string, dirs []string) error {
	at := map[float64][]float64{}
	for _, dir := range dirs {
		rows, err := runfolder.Metrics(dir)
		if err != nil {
			return err
		}
		for _, r := range rows {
			if v, ok := r["eval_return"]; ok {
				at[r["step"]] = append(at[r["step"]], v)
			}
		}
	}
	c := series{Name: name, Class: fmt.Sprintf("c%d", len(p.Series)%shownCurves), seeds: make([][]float64, len(dirs))}
	for _, step := range slices.Sorted(maps.Keys(at)) {
		if len(at[step]) < len(dirs) {
			continue // one has not come there
		}
		c.steps = append(c.steps, step)
		c.mean = append(c.mean, stats.Mean(at[step]))
		for i, v := range at[step] {
			c.seeds[i] = append(c.seeds[i], v)
		}
	}
	if len(c.steps) > 0 {
		p.Series = append(p.Series, c)
	}
	return nil
}

// effects draws what every setting of the space does.
func (p *Part) effects(w *sweep.Sweep, complete []sweep.Setting) {
	spec := w.Spec
	if len(complete) < 2*bins {
		p.Few = fmt.Sprintf("Here %s: a bin with one setting explains it altogether, so that large shares say little.", count.Of(len(complete), "setting"))
	}
	values := make([]float64, len(complete))
	shares := make([][]float64, len(complete))
	for i, x := range complete {
		values[i] = x.Value
		shares[i] = make([]float64, len(spec.Space))
	}
	var keys []string
	for k := range spec.Space {
		d := &spec.Space[k]
		keys = append(keys, d.Key)
		xs := make([]float64, len(complete))
		for i, x := range complete {
			xs[i] = x.Point[k]
			shares[i][k] = d.Share(xs[i])
		}
		var names []string
		if d.Kind == search.Choices {
			for _, c := range d.Choices {
				names = append(names, c.Text)
			}
		}
		p.Effects = append(p.Effects, Effect{
			Key: d.Key, Share: fmt.Sprintf("%.0f %%", 100*explained(d, xs, values)),
			Chart: effect(d.Key, spec.Objective.Statistic, xs, values, d.Kind == search.Log, names),
		})
	}
	p.Parallel = parallel(keys, spec.Objective.Statistic, shares, values)
}

// explained returns the share of the variance of values that the bins of a dimension
// explain (the correlation ratio): its choices, or equal shares of its range.
func explained(d *search.Dimension, xs, values []float64) float64 {
	mean := stats.Mean(values)
	groups := map[int][]float64{}
	var total, between float64
	for i, v := range values {
		k := int(xs[i])
		if d.Kind != search.Choices {
			k = min(int(bins*d.Share(xs[i])), bins-1)
		}
		groups[k] = append(groups[k], v)
		total += (v - mean) * (v - mean)
	}
	for _, g := range groups {
		m := stats.Mean(g)
		between += float64(len(g)) * (m - mean) * (m - mean)
	}
	if total == 0 {
		return 0
	}
	return between / total
}

// ofRuns is about runs of no sweep. Those that differ in their seeds alone are one series.
func ofRuns(dirs []string) (*Part, error) {
	part := &Part{Name: "Runs"}
	t := Table{
		Title: "Runs", Note: "The return is that of the last evaluation, with the deterministic action.",
		Head: []string{"run", "problem", "seed", "steps", "return", "standard error", "violations", "largest residual", "training s"},
	}
	groups := map[string][]string{}
	var order []string
	for _, dir := range dirs {
		c, err := agent.ReadConfig(dir, nil, nil)
		if err != nil {
			return nil, err
		}
		rows, err := runfolder.Metrics(dir)
		if err != nil {
			return nil, err
		}
		seen := report.Summarise(rows)
		var step float64
		if len(rows) > 0 {
			step = rows[len(rows)-1]["step"]
		}
		t.Rows = append(t.Rows, []string{
			dir, c.Env.Name, fmt.Sprint(c.Seed), fmt.Sprintf("%.0f", step), number(float64(seen.EvalReturn)), number(float64(seen.EvalStdErr)),
			fmt.Sprint(seen.Violations), number(float64(seen.MaxResidual)), fmt.Sprintf("%.1f", float64(seen.Seconds+seen.EvalSeconds)),
		})
		same := *c
		same.Seed = 0
		var b strings.Builder
		if err := same.Write(&b); err != nil {
			return nil, err
		}
		// Files that a run keeps are its own, of the same names.
		key := strings.ReplaceAll(b.String(), dir, "")
		if groups[key] == nil {
			order = append(order, key)
		}
		groups[key] = append(groups[key], dir)
	}
	part.Tables = []Table{t}
	for _, key := range order {
		runs := groups[key]
		name := filepath.Base(runs[0])
		if len(runs) > 1 {
			name += fmt.Sprintf(" and %d more seeds", len(runs)-1)
		}
		if err := part.series(name, runs); err != nil {
			return nil, err
		}
	}
	part.draw()
	return part, nil
}
