package sweep

import (
	"fmt"
	"time"

	"paspo/internal/count"
)

// Progress returns a function that shows how far a sweep is in one line.
func (w *Sweep) Progress(show func(string)) func(*Status) {
	start, from := time.Now(), int64(-1)
	return func(s *Status) {
		steps := s.StepsDone
		for _, g := range s.Running {
			steps += g.Step
		}
		if from < 0 {
			from = steps
		}
		text := fmt.Sprintf("%d/%d trainings done, %d running", s.Done, s.Trainings, s.running())
		if s.GivenUp > 0 {
			text += fmt.Sprintf(", %d given up", s.GivenUp)
		}
		if s.Failed > 0 {
			text += fmt.Sprintf(", %d failed", s.Failed)
		}
		if elapsed := time.Since(start); steps > from {
			text += ", ETA " + count.Lasting(elapsed.Seconds()*float64(max(0, s.Steps-steps))/float64(steps-from))
		}
		// Last, as it may be longer than the terminal is wide.
		if s.Best >= 0 {
			b := s.Settings[s.Best]
			text += fmt.Sprintf("; best %.4g: %s", b.Value, w.ShortLabel(b.Point))
		}
		show(text)
	}
}
