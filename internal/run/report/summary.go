package report

import (
	"fmt"
	"io"
	"math"
	"strings"
)

// Summary holds the results of a run.
type Summary struct {
	Run         string `json:"run"`
	Env         string `json:"env"`
	Constraints string `json:"constraints"`
	Seed        uint64 `json:"seed"`
	Device      string `json:"device"`
	Intervals   string `json:"intervals"` // the method that computes them
	Checkpoint  string `json:"checkpoint"`
	Action      string `json:"action"` // rule of actions that are not sampled, mean or mode

	// HitRate is the share of the endpoints asked of warm-start bases that they proved, and
	// Bases the number of bases. Both are 0 where there are none.
	HitRate Number `json:"hit_rate,omitempty"`
	Bases   int    `json:"bases,omitempty"`

	Iterations     int    `json:"iterations"`
	Steps          int64  `json:"steps"`
	Seconds        Number `json:"seconds"` // time of training
	StepsPerSecond Number `json:"steps_per_second"`

	Training Training `json:"training"`

	Warm *WarmStart `json:"from,omitempty"` // nil without a warm start

	// Levels are means over the episodes of the curve, the best first.
	Levels []Level `json:"curve_levels,omitempty"`

	// MaxResidual and Violations are over all actions of training and of the
	// comparison.
	MaxResidual Number `json:"max_residual"`
	Violations  int    `json:"violations"`

	Tables []*Table `json:"tables"`

	Warnings []string `json:"warnings,omitempty"`
}

// Training summarises the metrics of a run.
type Training struct {
	LastReturn    Number `json:"last_iteration_return"` // mean of the last iteration in which episodes ended
	EvalReturn    Number `json:"eval_return"`           // last evaluation, deterministic actions
	EvalStdErr    Number `json:"eval_stderr"`           // its standard error
	EvalSampled   Number `json:"eval_return_sampled"`   // last evaluation, sampled actions
	BestReturn    Number `json:"best_eval_return"`      // evaluation of the best checkpoint, which was chosen on other episodes
	BestIteration int    `json:"best_iteration"`
	MaxResidual   Number `json:"max_residual"`
	Violations    int    `json:"violations"`
	Relaxed       int    `json:"relaxed,omitempty"` // states whose limits were relaxed
	Seconds       Number `json:"-"`                 // of rollouts and updates
	EvalSeconds   Number `json:"eval_seconds"`      // of evaluations, not in Seconds
}

// WarmStart describes the checkpoint of another run that a run started from.
type WarmStart struct {
	Checkpoint   string   `json:"checkpoint"`
	Iteration    int      `json:"iteration"` // of the checkpoint
	Steps        int64    `json:"steps"`
	Observations int64    `json:"observations"` // number of observations in its statistics
	Differences  []string `json:"differences,omitempty"`
}

// String describes the warm start on one line.
func (w *WarmStart) String() string {
	text := fmt.Sprintf("parameters of %s, iteration %d, step %d", w.Checkpoint, w.Iteration, w.Steps)
	if w.Observations > 0 {
		text += fmt.Sprintf(", with the mean and deviation of %d observations", w.Observations)
	}
	return strings.Join(append([]string{text}, w.Differences...), "; ")
}

// Summarise summarises metrics, one map an iteration.
func Summarise[M ~map[string]float64](rows []M) Training {
	nan := Number(math.NaN())
	t := Training{LastReturn: nan, EvalReturn: nan, EvalStdErr: nan, EvalSampled: nan, BestReturn: nan, MaxResidual: Number(math.Inf(-1))}
	best := math.Inf(-1)
	for _, r := range rows {
		last := func(name string, to *Number) {
			if v, ok := r[name]; ok {
				*to = Number(v)
			}
		}
		last("return", &t.LastReturn)
		last("eval_return", &t.EvalReturn)
		last("eval_stderr", &t.EvalStdErr)
		last("eval_return_sampled", &t.EvalSampled)
		for _, rule := range []string{"mean", "mode"} {
			if v, ok := r["choice_return_"+rule]; ok && v > best {
				best = v
				t.BestReturn, t.BestIteration = Number(r["eval_return"]), int(r["iteration"])
			}
		}
		for name, v := range r {
			if strings.Contains(name, "max_residual") {
				t.MaxResidual = max(t.MaxResidual, Number(v))
			}
			if strings.Contains(name, "violations") {
				t.Violations += int(v)
			}
		}
		t.Relaxed += int(r["relaxed"])
		t.Seconds += Number(r["rollout_seconds"] + r["update_seconds"])
		t.EvalSeconds += Number(r["eval_seconds"])
	}
	return t
}

// Complete sets the fields that follow from others. advise returns what to try after the
// warnings.
func (s *Summary) Complete(advise func([]Warning) string) {
	s.MaxResidual, s.Violations = s.Training.MaxResidual, s.Training.Violations
	for _, t := range s.Tables {
		_, violations, residual := t.Residuals()
		s.Violations += violations
		s.MaxResidual = max(s.MaxResidual, Number(residual))
	}
	// The first table is that of the episodes of training, without the real months.
	if len(s.Tables) > 0 {
		warnings := s.Tables[0].NotLearned()
		for _, w := range warnings {
			s.Warnings = append(s.Warnings, w.Text)
		}
		if len(warnings) > 0 {
			s.Warnings = append(s.Warnings, advise(warnings))
		}
	}
	s.Seconds = s.Training.Seconds
	s.StepsPerSecond = Number(float64(s.Steps) / float64(s.Seconds))
}

// Write writes the summary for people to read.
func (s *Summary) Write(w io.Writer) error {
	for _, t := range s.Tables {
		if err := t.Write(w); err != nil {
			return err
		}
		fmt.Fprintln(w)
	}
	fmt.Fprintf(w, "%d steps in %.1f s of training, %.0f steps/s; evaluations took %.1f s more, %.0f %% of all\n", s.Steps, float64(s.Seconds), float64(s.StepsPerSecond),
		float64(s.Training.EvalSeconds), 100*float64(s.Training.EvalSeconds/(s.Seconds+s.Training.EvalSeconds)))
	if s.Training.EvalReturn.has() {
		fmt.Fprintf(w, "last evaluation: %s +- %s", s.Training.EvalReturn.text(), s.Training.EvalStdErr.text())
		for i, l := range s.Levels {
			fmt.Fprintf(w, "%s%s %s", [...]string{"; on the same episodes ", ", "}[min(i, 1)], l.Policy, l.Return.text())
		}
		fmt.Fprintln(w)
	}
	if s.Warm != nil {
		fmt.Fprintf(w, "began with %s\n", s.Warm)
	}
	best := "without an evaluation there is no best checkpoint"
	if s.Training.BestIteration > 0 {
		best = fmt.Sprintf("best checkpoint: iteration %d", s.Training.BestIteration)
	}
	fmt.Fprintf(w, "actions that are not sampled take the %s of every distribution; %s\n", s.Action, best)
	if s.Bases > 0 {
		fmt.Fprintf(w, "intervals: %s; %d bases kept, hit rate %.2f %%\n", s.Intervals, s.Bases, 100*float64(s.HitRate))
	}
	for _, text := range s.Warnings {
		fmt.Fprintf(w, "warning: %s\n", text)
	}
	_, err := fmt.Fprintf(w, "training and comparison together: largest constraint residual %.2g, violations (> 1e-6): %d\n",
		float64(s.MaxResidual), s.Violations)
	return err
}
