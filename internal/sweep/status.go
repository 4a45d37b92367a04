package sweep

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"paspo/internal/limits"
	"paspo/internal/sweep/journal"
	"paspo/internal/sweep/search"
)

// Setting is a point of the space and what has come of it.
type Setting struct {
	Number  int
	Point   search.Point
	Label   string
	Problem string // its environment and constraints, as far as the space says
	State   journal.TrialState
	Value   float64   // of the objective, NaN where there is none
	At      int64     // step that it was given up at, 0 where it was not
	Returns []float64 // by seed, NaN where there is none
	Records []*Record // by seed, nil where it has not begun
}

// Status is how far a sweep is.
type Status struct {
	Settings []Setting // that have been begun, in order
	Report   []Setting // that are trained again on the seeds of the report

	Trainings, Done, Failed int // all, and those that have ended
	GivenUp                 int // not to be trained to their end, with their settings
	Running                 []sign
	Steps, StepsDone        int64   // of all trainings, what the space says of steps left aside
	Seconds                 float64 // of processor time
	Best                    int     // setting, -1 where there is none, and where settings are of several problems

	ended bool
}

// running returns how many trainings run.
func (s *Status) running() (n int) {
	for _, g := range s.Running {
		n += max(1, g.Trainings)
	}
	return n
}

// Ended says whether nothing is left to train.
func (s *Status) Ended() bool { return s.ended }

// Err returns an error where nothing is left to train and all trainings failed.
func (s *Status) Err() error {
	if !s.Ended() || s.Failed == 0 || slices.ContainsFunc(s.Settings, func(x Setting) bool { return x.State == journal.Complete }) {
		return nil
	}
	for _, x := range s.Settings {
		for _, r := range x.Records {
			if r != nil && r.Error != "" {
				return fmt.Errorf("no setting was trained on all seeds: %d of %d trainings failed, the first one by: %s", s.Failed, s.Trainings, r.Error)
			}
		}
	}
	return nil
}

// Status reads how far the sweep is.
func (w *Sweep) Status() (*Status, error) {
	if err := w.journal.Read(); err != nil {
		return nil, err
	}
	s := &Status{Best: -1}
	all, again := w.trials(w.journal.State(), w.search), w.trials(w.journal.State(), w.report)
	s.Settings, s.Report = w.settings(s, all), w.settings(s, again)
	for i, x := range s.Settings {
		if x.State == journal.Complete && w.Spec.Problems() == 1 && (s.Best < 0 || x.Value > s.Settings[s.Best].Value) {
			s.Best = i
		}
	}
	open := func(x Setting) bool { return !x.State.Finished() }
	searched := len(all) == w.Spec.Search.Trials && !slices.ContainsFunc(s.Settings, open)
	planned := min(w.Spec.Report.Settings*w.Spec.Problems(), w.Spec.Search.Trials)
	if searched {
		// One that was tried again may have taken the place of one that was reported.
		planned = len(again)
		for _, t := range w.best(all) {
			if !slices.ContainsFunc(again, func(x *trial) bool { return x.setting == t.setting }) {
				planned++
			}
		}
	}
	s.ended = searched && len(again) == planned && !slices.ContainsFunc(s.Report, open)
	s.Trainings = w.Spec.Search.Trials*len(w.Spec.Seeds) + planned*len(w.Spec.Report.Seeds)
	s.Steps += int64(s.Trainings) * w.total
	signs, err := os.ReadDir(filepath.Join(w.Dir, workersDir))
	if err != nil {
		return s, nil
	}
	// A worker shows the run that it trained last until it takes another one, for ever where it was killed in between.
	holders := map[string]bool{}
	for _, t := range slices.Concat(all, again) {
		for _, r := range t.records {
			if r != nil && r.State == stateRunning && !t.State.Finished() {
				holders[r.Worker] = true
			}
		}
	}
	for _, e := range signs {
		if !holders[e.Name()] {
			continue
		}
		data, err := limits.ReadFile(filepath.Join(w.Dir, workersDir, e.Name()), limits.Config)
		var g sign
		if err != nil || json.Unmarshal(data, &g) != nil || journal.Self().Dead(g.Process) || g.Run == "" {
			continue
		}
		s.Running = append(s.Running, g)
	}
	return s, nil
}

// settings returns what has come of settings, and counts it.
func (w *Sweep) settings(s *Status, all []*trial) (out []Setting) {
	for _, t := range all {
		x := Setting{
			Number: t.setting, Point: t.point, Label: w.Spec.Space.Label(t.point), Problem: w.Spec.Problem(t.point), State: t.State, Value: t.Value,
			Returns: make([]float64, len(t.records)), Records: slices.Clone(t.records),
		}
		if t.State == journal.Pruned && len(t.Intermediate) > 0 {
			x.At = t.Intermediate[len(t.Intermediate)-1].Step
		}
		for i, r := range t.records {
			x.Returns[i] = math.NaN()
			if t.State.Finished() && (r == nil || r.State != stateDone) {
				s.GivenUp++
				s.Steps -= w.total
				if r != nil {
					s.Steps += min(r.Step, w.total)
				}
			}
			if r == nil {
				continue
			}
			s.Seconds += r.Seconds
			if r.State != stateRunning { // else its worker says where it is
				s.StepsDone += min(r.Step, w.total)
			}
			switch {
			case r.failed():
				s.Failed++
			case r.State == stateDone:
				s.Done++
				x.Returns[i] = *r.Return
			}
		}
		out = append(out, x)
	}
	return out
}

// Order returns the settings, by problem as they were begun, the best first: those that went to their
// end, then those that were given up, the latest ones first, and those without a value last.
func (s *Status) Order() []Setting {
	all := slices.Clone(s.Settings)
	begun := map[string]int{}
	for i, x := range all {
		if _, ok := begun[x.Problem]; !ok {
			begun[x.Problem] = i
		}
	}
	slices.SortStableFunc(all, func(a, b Setting) int {
		if c := cmp.Compare(begun[a.Problem], begun[b.Problem]); c != 0 {
			return c
		}
		return cmp.Or(cmp.Compare(b.reached(), a.reached()), cmp.Compare(b.Value, a.Value))
	})
	return all
}

// reached returns up to which step a value says something, 0 of a setting that has none.
func (x *Setting) reached() int64 {
	switch {
	case math.IsNaN(x.Value):
		return 0
	case x.At > 0:
		return x.At
	}
	return math.MaxInt64
}

// Write writes a table for people to read, the best settings first.
func (w *Sweep) Write(out io.Writer, s *Status, most int) error {
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "setting\tstate\tseeds\t%s\t%s\n", w.Spec.Objective.Statistic, strings.Join(w.keys(), "\t"))
	all := s.Order()
	for i, x := range all {
		if i == most {
			fmt.Fprintf(t, "and %d more\n", len(all)-most)
			break
		}
		done, why := 0, ""
		for _, r := range x.Records {
			switch {
			case r == nil:
			case r.failed():
				why = r.Error
			case r.State == stateDone:
				done++
			}
		}
		value := "-"
		if !math.IsNaN(x.Value) {
			value = fmt.Sprintf("%.4f", x.Value)
		}
		var values []string
		for k := range w.Spec.Space {
			values = append(values, short(w.Spec.Space[k], x.Point[k]))
		}
		state := x.State.String()
		if x.At > 0 {
			state += fmt.Sprintf(" at %d", x.At)
		}
		fmt.Fprintf(t, "%d\t%s\t%d/%d\t%s\t%s", x.Number, state, done, len(x.Records), value, strings.Join(values, "\t"))
		if why != "" {
			fmt.Fprintf(t, "\t%s", oneLine(why))
		}
		fmt.Fprintln(t)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, x := range s.Report {
		if x.State == journal.Complete {
			fmt.Fprintf(out, "setting %d on seeds that nothing was chosen on: %s %.4f, by seed %.4f\n", x.Number, w.Spec.Objective.Statistic, x.Value, x.Returns)
		}
	}
	_, err := fmt.Fprintf(out, "%d of %d trainings done, %d given up, %d failed, %d running; %.0f s of processor time\n",
		s.Done, s.Trainings, s.GivenUp, s.Failed, s.running(), s.Seconds)
	return err
}

func (w *Sweep) keys() []string {
	var keys []string
	for i := range w.Spec.Space {
		keys = append(keys, w.Spec.Space[i].Key)
	}
	return keys
}

// ShortLabel is the label of a point with few digits.
func (w *Sweep) ShortLabel(p search.Point) string {
	values := w.keys()
	for i, key := range values {
		values[i] = key + "=" + short(w.Spec.Space[i], p[i])
	}
	return strings.Join(values, " ")
}

// short returns a value with few digits.
func short(d search.Dimension, x float64) string {
	if d.Kind == search.Choices || d.Integer {
		return d.Text(x)
	}
	return fmt.Sprintf("%.4g", x)
}
