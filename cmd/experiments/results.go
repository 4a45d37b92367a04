package main

import (
	"fmt"
	"math"
	"strings"

	"paspo/cmd/experiments/internal/output"
	"paspo/internal/stats"
)

// results is what an experiment found, one row a policy or setting.
type results struct {
	Env   string
	Steps int64
	Seeds string
	Rows  []row
}

type row struct {
	Name       string
	Trained    bool
	Mode       stats.Interval // return of the deterministic action, over seeds
	Returns    []float64      `json:",omitempty"` // of the deterministic action, in the order of the seeds
	Sampled    float64
	Meant      int             // trainings whose deterministic actions are means, not modes
	Share      stats.Interval  // of the way from uniform to the best reference
	More       *stats.Interval `json:",omitempty"` // of the share than the first setting has, paired by seeds
	Worst      float64         // share of the worst seed
	Violations int
	Residual   float64
	Seconds    float64 // of processor time, of one training
}

// ends are the returns of 0 % and of 100 % of the way.
func (r *results) ends() (from, to float64) {
	from, to = r.Rows[0].Mode.Estimate, math.Inf(-1)
	for _, w := range r.Rows {
		if !w.Trained {
			to = max(to, w.Mode.Estimate)
		}
	}
	return from, to
}

// points writes a difference of shares in percentage points.
func points(d *stats.Interval) string {
	number := func(x float64) string { return fmt.Sprintf("%+.1f", 100*x) }
	s := number(d.Estimate)
	if seeds := output.Range(*d, number); seeds != "" {
		s += " (" + seeds + ")"
	}
	return s
}

// line is the row of a setting on one line.
func (w *row) line() string {
	seeds := output.Range(w.Share, output.Percent)
	if seeds != "" {
		seeds = " (95 % over seeds: " + seeds + ")"
	}
	more := ""
	if w.More != nil {
		more = ", " + points(w.More) + " points beside the first setting"
	}
	return fmt.Sprintf("%s of the way%s%s, worst %s; return %.4f (means chosen %d times), sampled %.4f; %s s a training",
		output.Percent(w.Share.Estimate), seeds, more, output.Percent(w.Worst), w.Mode.Estimate, w.Meant, w.Sampled, output.Number(w.Seconds))
}

func (r *results) table() [][]string {
	table := [][]string{{"", "return, deterministic action", "95 % over seeds", "return, sampled", "share of the way", "95 % over seeds", "worst seed", "violations", "largest residual"}}
	for _, w := range r.Rows {
		cells := []string{w.Name, fmt.Sprintf("%.4f", w.Mode.Estimate), "", "", output.Percent(w.Share.Estimate), "", "", "", ""}
		if w.Trained {
			cells[2] = output.Range(w.Mode, output.Decimals)
			cells[3] = fmt.Sprintf("%.4f", w.Sampled)
			cells[5] = output.Range(w.Share, output.Percent)
			cells[6], cells[7], cells[8] = output.Percent(w.Worst), fmt.Sprint(w.Violations), fmt.Sprintf("%.1e", w.Residual)
		}
		table = append(table, cells)
	}
	return table
}

const (
	resultsBegin = "<!-- results: make results -->"
	resultsEnd   = "<!-- end of results -->"
)

// readme writes the results of the learning experiment into the table of a
// README, between its markers.
func readme(out *output.Folder, file string, envs []string) error {
	var b strings.Builder
	b.WriteString("\n| | uniform | preset paper | preset auto | preset tuned | best known | violations |\n|---|---|---|---|---|---|---|\n")
	for _, env := range envs {
		var r results
		if err := out.Read(env, &r); err != nil {
			return err
		}
		uniform, best := r.ends()
		var trained []string
		violations := 0
		for _, w := range r.Rows {
			if w.Trained {
				if len(trained) < plottedSettings {
					trained = append(trained, fmt.Sprintf("%.3f (%s)", w.Mode.Estimate, output.Percent(w.Share.Estimate)))
				}
				violations += w.Violations
			}
		}
		fmt.Fprintf(&b, "| %s | %.3f | %s | %.3f | %d |\n", env, uniform, strings.Join(trained, " | "), best, violations)
	}
	b.WriteString("\n")
	return output.Splice(file, resultsBegin, resultsEnd, b.String())
}
