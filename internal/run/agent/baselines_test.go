package agent

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"paspo/baselines"
	"paspo/internal/run/config"
	"paspo/rl"
)

// algorithm returns a short training of an algorithm.
func algorithm(t *testing.T, name string, more ...string) *config.Config {
	t.Helper()
	c, err := config.LoadOver("paper", "", append([]string{
		"algo.name=" + name, "env.name=portfolio", "steps=1024", "ppo.epochs=2", "ppo.envs=4", "ppo.eval_every=1", "ppo.eval_episodes=4",
		"report.episodes=4", "report.starts=4",
	}, more...), nil)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// A run of any algorithm that is interrupted goes on bit for bit, and is compared at the end.
func TestAlgorithmsResume(t *testing.T) {
	for _, name := range baselines.Names()[1:] {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			train := func(dir string, interrupt bool) {
				r, err := Start(algorithm(t, name), dir)
				if err != nil {
					t.Fatal(err)
				}
				if interrupt {
					ctx, cancel := context.WithCancel(context.Background())
					if err := r.Train(ctx, func(m rl.Metrics) {
						if m.Iteration == 2 {
							cancel()
						}
					}); err == nil {
						t.Fatal("training was not interrupted")
					}
					r.Close()
					if r, err = Resume(dir, nil, nil); err != nil {
						t.Fatal(err)
					}
				}
				defer r.Close()
				if err := r.Train(context.Background(), func(rl.Metrics) {}); err != nil {
					t.Fatal(err)
				}
				if !interrupt {
					return
				}
				s, err := r.Finish(context.Background())
				if err != nil {
					t.Fatal(err)
				}
				if r.Agent.Config.Algo.Keeps() && s.Violations > 0 {
					t.Errorf("%d violations", s.Violations)
				}
			}
			whole, parts := filepath.Join(t.TempDir(), "run"), filepath.Join(t.TempDir(), "run")
			train(whole, false)
			train(parts, true)
			read := func(dir string) []byte {
				c, err := ReadCheckpoint(dir, Latest)
				if err != nil {
					t.Fatal(err)
				}
				b, err := os.ReadFile(c.Path)
				if err != nil {
					t.Fatal(err)
				}
				return b
			}
			if string(read(whole)) != string(read(parts)) {
				t.Error("the checkpoints differ")
			}
		})
	}
}
