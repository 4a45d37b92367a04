package agent

import (
	"context"
	"path/filepath"
	"testing"

	"paspo/internal/run/runfolder"
	"paspo/rl"
)

// The curve begins with what the initial policy does: where training changes nothing, what the
// last one does.
func TestCurveBeginsWithTheInitialPolicy(t *testing.T) {
	quiet(t)
	for _, rate := range []float64{1e-30, 1e-2} {
		c := tiny(t)
		c.PPO.LR, c.PPO.LRFinal = rate, rate
		dir := filepath.Join(t.TempDir(), "run")
		r, err := Start(c, dir)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		if err := r.Train(context.Background(), func(rl.Metrics) {}); err != nil {
			t.Fatal(err)
		}
		first, err := r.initial(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		rows, err := runfolder.Metrics(dir)
		if err != nil {
			t.Fatal(err)
		}
		last := rows[len(rows)-1]
		for _, name := range []string{"eval_return", "eval_return_sampled", "eval_stderr_sampled"} {
			x, ok := first[name]
			if y := last[name]; !ok || (x == y) != (rate < 1e-9) {
				t.Errorf("rate %g: %s is %v, at the end %v", rate, name, x, y)
			}
		}
		if first["step"] != 0 {
			t.Errorf("the first step is %v", first["step"])
		}
	}
}
