package page

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"paspo/internal/atomicfile"
	"paspo/internal/finite"
	"paspo/internal/limits"
	"paspo/internal/run/agent"
	"paspo/internal/run/config"
	"paspo/internal/run/report"
	"paspo/internal/run/runfolder"
	"paspo/internal/stats"
	"paspo/internal/sweep/spec"
	"paspo/rl"
)

// ofRuns is about runs of no sweep. Those that differ in their seeds alone are one group,
// those with the same environment and constraints are on one problem.
func ofRuns(ctx context.Context, dirs []string) (*Part, error) {
	part := &Part{Name: "Runs"}
	t := &Table{Head: []string{"run", "problem", "preset", "seed", "steps", "return", "violations", "largest residual", "training s"}}
	type run struct {
		Result
		problem int
		seed    uint64
		step    float64
		group   string
		preset  string            // empty for settings of one's own
		values  map[string]string // of settings and files
	}
	var runs []*run
	var problems []Problem
	var keys, settings []string
	var again []string // runs that are those of others once more
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
		r := &run{seed: c.Seed, preset: c.PresetOf(), Result: Result{
			Return: float64(seen.EvalReturn), Residual: float64(seen.MaxResidual), Violations: seen.Violations,
			Seconds: float64(seen.Seconds + seen.EvalSeconds), Dir: dir,
		}}
		if len(rows) > 0 {
			r.step = rows[len(rows)-1]["step"]
		}
		value := numeric(r.Return)
		if e := float64(seen.EvalStdErr); finite.Is(e) {
			value.Dim = "± " + number(e)
		}
		t.Rows = append(t.Rows, []Cell{
			words(dir), words(c.Env.Name), words(cmp.Or(r.preset, "–")), whole(int(c.Seed)), {Text: fmt.Sprintf("%.0f", r.step), Value: r.step}, value,
			whole(r.Violations), numeric(r.Residual), {Text: fmt.Sprintf("%.1f", r.Seconds), Value: r.Seconds},
		})
		all, err := pairs(c)
		if err != nil {
			return nil, err
		}
		r.values = map[string]string{}
		var of, others strings.Builder
		for _, p := range all {
			r.values[p.Key] = p.Value
			if spec.OfProblem(p.Key) {
				fmt.Fprintln(&of, p.Key, p.Value)
				continue
			}
			fmt.Fprintln(&others, p.Key, p.Value)
			if !slices.Contains(settings, p.Key) {
				settings = append(settings, p.Key)
			}
		}
		r.group = others.String()
		if r.problem = slices.Index(keys, of.String()); r.problem < 0 {
			r.problem = len(keys)
			keys = append(keys, of.String())
			l := levelsOfRun(ctx, dir, c)
			problems = append(problems, Problem{Name: c.Env.Name, Scores: l, Curve: l})
		}
		i := slices.IndexFunc(runs, func(o *run) bool { return o.problem == r.problem && o.group == r.group && o.seed == r.seed })
		if i < 0 {
			runs = append(runs, r)
			continue
		}
		// One training twice is one draw: the run that has come further counts.
		if r.step > runs[i].step {
			runs[i], r = r, runs[i]
		}
		again = append(again, fmt.Sprintf("%s (that of %s)", r.Dir, runs[i].Dir))
	}
	for i := range problems {
		if slices.ContainsFunc(problems[:i], func(p Problem) bool { return p.Name == problems[i].Name }) {
			problems[i].Name += fmt.Sprintf(" (%d)", i+1)
		}
	}

	c := &Comparison{One: "group", Statistic: statisticNames["iqm"], Of: stats.IQM, Problems: problems}
	var order []string
	for _, r := range runs {
		if !slices.Contains(order, r.group) {
			order = append(order, r.group)
		}
	}
	var left []string // groups that cannot be compared, and why
	for _, key := range order {
		g := Group{Results: make([][]Result, len(problems))}
		var first *run
		n := 0
		for _, r := range runs {
			if r.group != key {
				continue
			}
			if n++; first == nil {
				first = r
			}
			if finite.Is(r.Return) {
				g.Results[r.problem] = append(g.Results[r.problem], r.Result)
			}
		}
		g.Name = filepath.Base(first.Dir)
		if n > 1 {
			g.Name += fmt.Sprintf(" and %d more", n-1)
		}
		var without []string
		for k, results := range g.Results {
			if len(results) == 0 {
				without = append(without, problems[k].Name)
			}
		}
		if len(without) > 0 {
			left = append(left, fmt.Sprintf("%s (no evaluation on %s)", g.Name, strings.Join(without, ", ")))
			continue
		}
		if slices.ContainsFunc(runs, func(r *run) bool { return r.preset != runs[0].preset }) {
			g.Settings = append(g.Settings, Fact{"preset", cmp.Or(first.preset, "–")})
			// Where a preset has one group, it says all that sets the group apart.
			if first.preset != "" && !slices.ContainsFunc(runs, func(r *run) bool { return r.preset == first.preset && r.group != key }) {
				g.Name = first.preset
			}
		}
		for _, key := range settings {
			if slices.ContainsFunc(runs, func(r *run) bool { return r.values[key] != runs[0].values[key] }) {
				g.Settings = append(g.Settings, Fact{key, cmp.Or(first.values[key], "–")})
			}
		}
		if len(g.Settings) == 1 {
			g.Name = g.Settings[0].Name + "=" + g.Settings[0].Value
		}
		c.Groups = append(c.Groups, g)
	}
	b, lead, err := c.block("Compared")
	if err != nil {
		return nil, err
	}
	if b != nil {
		part.Lead = append(lead, "The return of a run is that of its last evaluation, with the deterministic action.")
		part.add(b)
	}
	if len(left) > 0 {
		part.Lead = append(part.Lead, fmt.Sprintf("Not compared: %s. Groups of runs are compared that have an evaluation on each of %s: train what is missing (train --resume RUN, with ppo.eval_every above 0), or name the runs of one problem alone.",
			strings.Join(left, "; "), problemNames(problems)))
	}
	if len(again) > 0 {
		part.Lead = append(part.Lead, fmt.Sprintf("Not counted, as runs of the settings and the seed of another: %s.", strings.Join(again, "; ")))
	}
	part.add(&Block{Title: "Every run", Table: t})
	made, err := commands(dirs)
	part.add(made)
	return part, err
}

func problemNames(all []Problem) string {
	var names []string
	for _, p := range all {
		names = append(names, p.Name)
	}
	return strings.Join(names, ", ")
}

// commands lists which processes trained runs.
func commands(dirs []string) (*Block, error) {
	t := &Table{Head: []string{"run", "from step", "time", "command", "version"}}
	for _, dir := range dirs {
		all, err := runfolder.Parts(dir)
		if err != nil {
			return nil, err
		}
		for _, p := range all {
			t.Rows = append(t.Rows, []Cell{words(dir), whole(int(p.Step)), words(p.Time.Format(time.DateTime)), words(p.Command), words(p.Version)})
		}
	}
	return &Block{Title: "Commands", Note: "What trained them, in universal time.", Table: t, Folded: true}, nil
}

// pairs returns what a run is of but its seed: settings, and what the files that it keeps
// hold.
func pairs(c *config.Config) ([]config.Pair, error) {
	all := slices.DeleteFunc(c.Values(""), func(p config.Pair) bool { return p.Key == "seed" })
	if c.Preset() {
		all = append(all, config.Pair{Key: "constraints", Value: c.Constraints})
	}
	files := c.Files()
	for _, key := range sorted(files) {
		data, err := limits.ReadFile(files[key], limits.Market)
		if err != nil {
			return nil, fmt.Errorf("cannot read %s, which %s names: %w", files[key], key, atomicfile.Cause(err))
		}
		all = append(all, config.Pair{Key: key, Value: fmt.Sprintf("a file of hash %s", hash(data))})
	}
	return all, nil
}

// levelsOfRun returns the levels of the episodes of a run's curve: those of its summary, or
// of policies that are played here.
func levelsOfRun(ctx context.Context, dir string, c *config.Config) Levels {
	var s report.Summary
	if data, err := limits.ReadFile(filepath.Join(dir, runfolder.SummaryFile), limits.Summary); err == nil && json.Unmarshal(data, &s) == nil && len(s.Levels) > 0 {
		return levelsOf(s.Levels)
	}
	return levels(ctx, c, rl.CurveSet, c.PPO.EvalEpisodes)
}
