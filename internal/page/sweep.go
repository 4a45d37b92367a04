package page

import (
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"

	"paspo/internal/finite"
	"paspo/internal/run/agent"
	"paspo/internal/run/config"
	"paspo/internal/run/report"
	"paspo/internal/stats"
	"paspo/internal/sweep"
	"paspo/internal/sweep/journal"
	"paspo/internal/sweep/search"
	"paspo/internal/sweep/spec"
	"paspo/rl"
)

// statisticNames are what the statistics of objectives are called in sentences.
var statisticNames = map[string]string{"iqm": "interquartile mean", "mean": "mean", "median": "median", "worst": "worst seed"}

func hash(data []byte) string { return fmt.Sprintf("%.4x", sha256.Sum256(data)) }

// levels plays the policies that are not trained on the episodes of a set. What cannot be
// played here, as an environment of another binary, leaves them unknown.
func levels(ctx context.Context, c *config.Config, set string, episodes int) Levels {
	a, err := agent.New(c)
	if err != nil {
		return Levels{nan, nan}
	}
	defer a.Close()
	all, err := a.Levels(ctx, set, episodes)
	if err != nil {
		return Levels{nan, nan}
	}
	return levelsOf(all)
}

func levelsOf(all []report.Level) Levels {
	l := Levels{nan, nan}
	for _, x := range all { // the best first
		if strings.HasPrefix(x.Policy, "uniform") {
			l.Uniform = float64(x.Return)
		} else if !finite.Is(l.Best) {
			l.Best = float64(x.Return)
		}
	}
	return l
}

// ofSweep is about a sweep. Settings that differ in their environment alone are one group on
// several problems.
func ofSweep(ctx context.Context, w *sweep.Sweep) (*Part, error) {
	s, err := w.Status()
	if err != nil {
		return nil, err
	}
	file := w.Spec
	part := &Part{Name: "Sweep " + w.Dir, Facts: facts(w, s)}
	c, err := compare(ctx, w, s.Settings, file.Seeds)
	if err != nil {
		return nil, err
	}
	c.Open = !s.Ended()
	again, err := compare(ctx, w, s.Report, file.Report.Seeds)
	if err != nil {
		return nil, err
	}
	title := "Settings that were trained to their end"
	if w.Compares() {
		title = "Algorithms, on the seeds that all of them have ended on"
	}
	all, lead, err := c.block(title)
	if err != nil {
		return nil, err
	}
	if all == nil {
		yet := " yet"
		if s.Ended() {
			yet = ""
		}
		part.Lead = []string{"No setting has been trained on all seeds" + yet + "."}
		if w.Compares() {
			part.Lead = []string{"There is no seed" + yet + " that all algorithms have been trained on."}
		}
	} else if w.Compares() {
		part.Lead = lead // nothing was chosen
	} else {
		part.Lead = append(lead, "It was chosen on these seeds, so that on others it is likely to do a little worse.")
	}
	chosen, lead, err := again.block("On seeds that nothing was chosen on")
	if err != nil {
		return nil, err
	}
	if chosen != nil {
		part.Lead = append(part.Lead, fmt.Sprintf("On seeds %s, on which nothing was chosen, b%s", file.Report.Seeds, strings.Join(lead, " ")[1:]))
	}
	part.add(all)
	part.add(chosen)
	if !w.Compares() {
		for _, b := range effects(w, s) {
			part.add(b)
		}
	}
	part.add(pruned(w, s))
	part.add(failures(w, s))
	return part, nil
}

// settingsOf returns the settings of a training beside its problem.
func settingsOf(w *sweep.Sweep, p search.Point, seed uint64) (map[string]string, error) {
	cfg, err := w.Config(p, seed)
	if err != nil {
		return nil, err
	}
	values := map[string]string{}
	for _, v := range cfg.Values("") {
		if v.Key != "seed" && v.Key != "constraints" && !strings.HasPrefix(v.Key, "env.") {
			values[v.Key] = v.Value
		}
	}
	return values, nil
}

// differing adds to the settings of groups what differs between their configurations, as where a
// preset has other settings for other algorithms.
func (c *Comparison) differing(configs []map[string]string) {
	if len(configs) == 0 {
		return
	}
	for _, key := range sorted(configs[0]) {
		if slices.ContainsFunc(c.Groups[0].Settings, func(f Fact) bool { return f.Name == key }) ||
			!slices.ContainsFunc(configs, func(other map[string]string) bool { return other[key] != configs[0][key] }) {
			continue
		}
		for i := range c.Groups {
			c.Groups[i].Settings = append(c.Groups[i].Settings, Fact{key, configs[i][key]})
		}
	}
}

// common returns settings with the seeds that all of them have ended on, without those that failed;
// none where there is no such seed.
func common(settings []sweep.Setting, seeds []uint64) (all []sweep.Setting, of []uint64) {
	for _, x := range settings {
		if x.State != journal.Fail {
			x.Returns, x.Records = nil, nil
			all = append(all, x)
		}
	}
	settings = slices.DeleteFunc(slices.Clone(settings), func(x sweep.Setting) bool { return x.State == journal.Fail })
	for k, seed := range seeds {
		if slices.ContainsFunc(settings, func(x sweep.Setting) bool { return !finite.Is(x.Returns[k]) }) {
			continue
		}
		of = append(of, seed)
		for i, x := range settings {
			all[i].Returns, all[i].Records = append(all[i].Returns, x.Returns[k]), append(all[i].Records, x.Records[k])
		}
	}
	if len(of) == 0 {
		return nil, nil
	}
	return all, of
}

func facts(w *sweep.Sweep, s *sweep.Status) []Fact {
	file := w.Spec
	residual, violations := -1., 0
	cut := 0 // trainings of settings that were pruned
	for _, x := range slices.Concat(s.Settings, s.Report) {
		if x.State == journal.Pruned {
			cut += len(x.Records)
		}
		for _, r := range x.Records {
			if r != nil && r.Residual != nil {
				residual = max(residual, *r.Residual)
				violations += r.Violations
			}
		}
	}
	pruning := "none is pruned"
	if file.Prune.Method != "" {
		pruning = fmt.Sprintf("the best 1/%d go on from %d steps, and so on", file.Prune.Factor, file.Prune.MinSteps)
	}
	given := fmt.Sprintf("%d given up", s.GivenUp)
	switch failed := s.GivenUp - cut; {
	case failed > 0 && cut > 0:
		given += fmt.Sprintf(" (%d as their settings were pruned, %d as another seed of their settings failed)", cut, failed)
	case failed > 0:
		given += " as another seed of their settings failed"
	case cut > 0:
		given += " as their settings were pruned"
	}
	worst := "none yet"
	if residual >= 0 {
		worst = fmt.Sprintf("%d; largest residual %s", violations, number(residual))
	}
	played := "deterministic action"
	if file.Objective.Projected() {
		played += ", projected where it breaks a constraint"
	}
	all := []Fact{
		{"settings", fmt.Sprintf("%d of %d begun, by %s search; %s", len(s.Settings), file.Search.Trials, file.Search.Method, pruning)},
		{"trainings", fmt.Sprintf("%d of %d done, %s, %d failed", s.Done, s.Trainings, given, s.Failed)},
		{"seeds", file.Seeds.String()},
		{"objective", fmt.Sprintf("%s over seeds of the mean return of %d validation episodes, %s", statisticNames[file.Objective.Statistic], file.Objective.Episodes, played)},
		{"violations", worst},
		{"processor time", fmt.Sprintf("%.0f s", s.Seconds)},
	}
	facts := w.Facts()
	if slices.ContainsFunc(file.Space, func(d search.Dimension) bool { return d.Key == "env.name" }) {
		delete(facts, "environment") // that of the base
	}
	for _, name := range sorted(facts) {
		all = append(all, Fact{name, facts[name]})
	}
	return all
}

// compare makes a comparison of the settings that have been trained to their end on all
// problems; of algorithms, on the seeds that all have ended on.
func compare(ctx context.Context, w *sweep.Sweep, settings []sweep.Setting, seeds []uint64) (*Comparison, error) {
	file := w.Spec
	c := &Comparison{One: "setting", Statistic: statisticNames[file.Objective.Statistic], Of: file.Objective.Of}
	if w.Compares() {
		c.One = "algorithm"
		settings, seeds = common(settings, seeds)
	}
	problems, groups := map[string]int{}, map[string]int{}
	var configs []map[string]string // of groups of algorithms, on the first problem of each
	for _, x := range settings {
		if x.State != journal.Complete && !w.Compares() {
			continue
		}
		var group []string
		var own []Fact
		for k := range file.Space {
			d := &file.Space[k]
			if spec.OfProblem(d.Key) {
				continue
			}
			group = append(group, d.Text(x.Point[k]))
			own = append(own, Fact{d.Key, value(d, x.Point[k]).Text})
		}
		p, ok := problems[x.Problem]
		if !ok {
			p = len(c.Problems)
			problems[x.Problem] = p
			cfg, err := w.Config(x.Point, seeds[0])
			if err != nil {
				return nil, err
			}
			c.Problems = append(c.Problems, Problem{
				Name: cmp.Or(x.Problem, cfg.Env.Name), Scores: levels(ctx, cfg, sweep.Validation, file.Objective.Episodes), Curve: levels(ctx, cfg, rl.CurveSet, cfg.PPO.EvalEpisodes),
			})
		}
		key := strings.Join(group, " ")
		i, ok := groups[key]
		if !ok {
			i = len(c.Groups)
			groups[key] = i
			name := fmt.Sprintf("setting %d", x.Number)
			if len(own) == 1 { // such as an algorithm, on several problems
				name = own[0].Value
			}
			c.Groups = append(c.Groups, Group{Name: name, Settings: own})
			if w.Compares() {
				values, err := settingsOf(w, x.Point, seeds[0])
				if err != nil {
					return nil, err
				}
				configs = append(configs, values)
			}
		}
		g := &c.Groups[i]
		for len(g.Results) <= p {
			g.Results = append(g.Results, nil)
		}
		for k, r := range x.Records {
			result := Result{Return: x.Returns[k], Violations: r.Violations, Seconds: r.Seconds, Residual: nan, Dir: w.RunDir(x.Number, seeds[k])}
			if r.Residual != nil {
				result.Residual = *r.Residual
			}
			g.Results[p] = append(g.Results[p], result)
		}
	}
	c.differing(configs)
	c.Groups = slices.DeleteFunc(c.Groups, func(g Group) bool {
		return len(g.Results) < len(c.Problems) || slices.ContainsFunc(g.Results, func(r []Result) bool { return len(r) == 0 })
	})
	return c, nil
}

// rung returns the statistic of a setting at the step of its k-th comparison, NaN where a seed
// has not come there.
func rung(w *sweep.Sweep, x *sweep.Setting, k int) float64 {
	var xs []float64
	for _, r := range x.Records {
		if r == nil || len(r.Rungs) <= k {
			return nan
		}
		xs = append(xs, r.Rungs[k].Return)
	}
	return w.Spec.Objective.Of(xs)
}

// effects shows what every dimension of the space does, the most important first, and all
// settings together.
func effects(w *sweep.Sweep, s *sweep.Status) []*Block {
	file := w.Spec
	var all []point
	var ends, early []float64
	complete := 0
	for i := range s.Settings {
		x := &s.Settings[i]
		p := point{name: fmt.Sprintf("setting %d: %s", x.Number, x.Label), value: nan}
		if x.State == journal.Complete {
			p.value = x.Value
			complete++
		}
		for k := range file.Space {
			p.shares = append(p.shares, file.Space[k].Share(x.Point[k]))
		}
		all = append(all, p)
		ends, early = append(ends, p.value), append(early, rung(w, x, 0))
	}
	if complete == 0 {
		return nil
	}
	statistic := statisticNames[file.Objective.Statistic]
	type one struct {
		Chart
		share bar
	}
	var shown []one
	for k := range file.Space {
		d := &file.Space[k]
		xs := make([]float64, len(all))
		for i := range s.Settings {
			xs[i] = s.Settings[i].Point[k]
		}
		end := explained(d, xs, ends)
		o := one{Chart{SVG: drawEffect(d, statistic, line{xs, ends}, line{xs, early})}, bar{name: d.Key, class: class(0), Interval: stats.Interval{Estimate: end, Low: nan, High: nan}}}
		o.Caption = fmt.Sprintf("%s explains %s of the variance at the end", d.Key, percent(end))
		if file.Prune.Method != "" {
			// Of all settings, not of those alone that were let go on.
			o.share.Estimate = explained(d, xs, early)
			o.Caption += fmt.Sprintf(", %s at %d steps", percent(o.share.Estimate), file.Prune.MinSteps)
		}
		o.Caption += "."
		shown = append(shown, o)
	}
	slices.SortStableFunc(shown, func(a, b one) int {
		if a.share.Estimate > b.share.Estimate {
			return -1
		}
		return 1
	})
	note := fmt.Sprintf("A dot is a setting at the end of training, of which there are %d. The share of the variance between settings that one dimension alone explains "+
		"is adjusted for chance, in bins of a quarter of a range; the dimension that explains most comes first.", complete)
	if file.Prune.Method != "" {
		note += fmt.Sprintf(" A ring is a setting at %d steps, where all are compared.", file.Prune.MinSteps)
	}
	b := &Block{Title: "What each setting does", Note: note}
	var shares []bar
	for _, o := range shown {
		// Few settings do not say what a dimension explains.
		if finite.Is(o.share.Estimate) {
			shares = append(shares, o.share)
		}
		b.Charts = append(b.Charts, o.Chart)
	}
	if len(shares) > 0 {
		at := ""
		if file.Prune.Method != "" {
			at = fmt.Sprintf(" at %d steps", file.Prune.MinSteps)
		}
		b.Charts = slices.Insert(b.Charts, 0, Chart{
			Caption: "Importance: the share of the variance between settings" + at + " that each explains alone.",
			SVG:     drawForest("Importance of each setting", "share of the variance explained", shares, 0),
		})
	}
	parallel := &Block{Title: "All settings together", Charts: []Chart{{SVG: drawParallel(file.Space, file.Objective.Statistic, all), Wide: true, Caption: "A line is a setting, the better the darker, " +
		"and the best in a colour of its own. Dashed lines were pruned."}}}
	return []*Block{b, parallel}
}

const bins = 4 // of a range

// explained returns the share of the variance of values that the bins of a dimension explain:
// its choices, or equal shares of its range. It is adjusted for what bins explain by chance
// (epsilon squared: Kelley, An unbiased correlation ratio measure, PNAS 21, 1935), not below
// 0, and NaN where every bin has one value. Values that are NaN are left out.
func explained(d *search.Dimension, xs, values []float64) float64 {
	groups := map[int][]float64{}
	var all []float64
	for i, v := range values {
		if !finite.Is(v) {
			continue
		}
		k := int(xs[i])
		if d.Kind != search.Choices {
			k = min(int(bins*d.Share(xs[i])), bins-1)
		}
		groups[k] = append(groups[k], v)
		all = append(all, v)
	}
	n, total, within := len(all), stats.Of(all).M2, 0.
	if n <= len(groups) {
		return nan
	}
	for _, k := range sorted(groups) {
		within += stats.Of(groups[k]).M2
	}
	if total == 0 {
		return 0
	}
	return max(0, 1-within/total*float64(n-1)/float64(n-len(groups)))
}

// pruned lists the settings that ended early.
func pruned(w *sweep.Sweep, s *sweep.Status) *Block {
	file := w.Spec
	statistic := statisticNames[file.Objective.Statistic]
	t := &Table{Head: []string{"setting", "at step", statistic + " there"}}
	for i := range file.Space {
		t.Head = append(t.Head, file.Space[i].Key)
	}
	n := 0
	for i := range s.Settings {
		x := &s.Settings[i]
		if x.State != journal.Pruned {
			continue
		}
		if n++; n > shownRows {
			continue
		}
		k := 0
		for finite.Is(rung(w, x, k+1)) {
			k++
		}
		row := []Cell{words(fmt.Sprintf("setting %d", x.Number)), words("–"), numeric(rung(w, x, k))}
		if r := x.Records[0]; r != nil && len(r.Rungs) > k {
			row[1] = whole(int(r.Rungs[k].Step))
		}
		for j := range file.Space {
			row = append(row, value(&file.Space[j], x.Point[j]))
		}
		t.Rows = append(t.Rows, row)
	}
	b := &Block{Title: fmt.Sprintf("Settings that were pruned: %d", n), Table: t, Folded: true}
	if n > shownRows {
		b.Note = fmt.Sprintf("The first %d are shown.", shownRows)
	}
	return b
}

// value is that of a setting in one dimension.
func value(d *search.Dimension, x float64) Cell {
	if d.Kind == search.Choices || d.Integer {
		return words(d.Text(x))
	}
	return numeric(x)
}

// failures lists the trainings that ended without a result, and why.
func failures(w *sweep.Sweep, s *sweep.Status) *Block {
	b := &Block{
		Title: "Trainings that failed", Note: "Where one fails, the other seeds of its setting are given up. The setting is in nothing else on this page.",
		Table: &Table{Head: []string{"setting", "seed", "settings", "why"}},
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
			if len(b.Table.Rows) == shownRows {
				b.Note += fmt.Sprintf(" Of %d the first %d are shown.", s.Failed, shownRows)
				return b
			}
			b.Table.Rows = append(b.Table.Rows, []Cell{words(fmt.Sprintf("setting %d", x.Number)), whole(int(seeds[i])), words(x.Label), words(r.Error)})
		}
	}
	return b
}
