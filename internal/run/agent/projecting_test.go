package agent

import (
	"context"
	"math"
	"path/filepath"
	"testing"

	"paspo/envs"
	"paspo/internal/run/config"
	"paspo/lp"
	"paspo/policy"
	"paspo/rl"
)

// What is played in the place of actions that break constraints is what another player of episodes
// projects to; actions that break none are left as they are.
func TestProjecting(t *testing.T) {
	quiet(t)
	c := tiny(t)
	c.Algo.Name, c.Constraints, c.Env.Synthetic.Entities, c.Env.Synthetic.Rows, c.Env.Synthetic.Seed = "ppo", "", 7, 3, 1
	dir := filepath.Join(t.TempDir(), "run")
	if err := goOn(c, dir); err != nil {
		t.Fatal(err)
	}
	a, cp, err := OpenRun(dir, Latest, config.DeviceCPU)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	if err := a.Load(cp); err != nil {
		t.Fatal(err)
	}
	p := a.Backend.Polytope()
	adjust, replaced := a.Projecting()
	broke := 0
	e, err := rl.Evaluate(context.Background(), a.Problem, a.Backend, rl.EvalOptions{
		Episodes: 40, Rule: policy.Sampled, Seed: 1,
		Adjust: func(action []float64, l *lp.Limits) error {
			before, kept := p.Residual(action, l), *replaced
			if before > envs.Violation {
				broke++
			}
			err := adjust(action, l)
			if *replaced == kept && before > envs.Violation || p.Residual(action, l) > max(before, 1e-9) {
				t.Errorf("residual %g becomes %g", before, p.Residual(action, l))
			}
			return err
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if *replaced != broke || broke == 0 || broke == 80 || e.Violations != 0 || e.MaxResidual > envs.Violation {
		t.Errorf("%d of %d replaced, %d violations, largest residual %g", *replaced, broke, e.Violations, e.MaxResidual)
	}

	rule := policy.Mode
	adjust, replaced = a.Projecting()
	one, err := rl.Evaluate(context.Background(), a.Problem, a.Backend, rl.EvalOptions{Episodes: 1, Rule: rule, Adjust: adjust})
	if err != nil {
		t.Fatal(err)
	}
	play := rl.NewActor(a.Backend).Allocator(rule, 1)
	out, err := envs.Play(a.Problem, func(s *envs.States, actions []float64) error {
		if err := play(s, actions); err != nil {
			return err
		}
		y, err := lp.Project(p, actions)
		copy(actions, y)
		return err
	}, 1, 100, 1)
	if err != nil {
		t.Fatal(err)
	}
	if *replaced == 0 || math.Abs(one.Mean()-out.Returns[0]) > 1e-9 {
		t.Errorf("%d replaced, return %v, by another player %v", *replaced, one.Mean(), out.Returns[0])
	}
}
