package agent

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"

	"paspo/baselines"
	"paspo/internal/run/config"
	"paspo/internal/run/glossary"
	"paspo/internal/run/runfolder"
	"paspo/rl"
)

// algorithm returns a short training of an algorithm.
func algorithm(t *testing.T, name string) *config.Config {
	t.Helper()
	c, err := load(name)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func load(name string, more ...string) (*config.Config, error) {
	return config.LoadOver("paper", "", append([]string{
		"algo.name=" + name, "env.name=portfolio", "steps=1024", "ppo.epochs=2", "ppo.envs=4", "ppo.eval_every=1", "ppo.eval_episodes=4",
		"report.episodes=4", "report.starts=4",
	}, more...), nil)
}

// A run of any algorithm that is interrupted goes on bit for bit, is compared at the end, and
// writes no number that is not explained.
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
				if err := r.Train(context.Background(), func(m rl.Metrics) {
					for name := range m.Scalars() {
						if tag := runfolder.Tag(name); len(glossary.Find(tag)) == 0 {
							t.Errorf("TensorBoard's %s is not explained", tag)
						}
					}
				}); err != nil {
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

// Short trainings of every algorithm on every benchmark end, with finite numbers and, where
// the algorithm promises it, without violations; as published too.
func TestAlgorithmsOnBenchmarks(t *testing.T) {
	for _, env := range []string{"synthetic", "portfolio", "compute"} {
		for _, name := range baselines.Names()[1:] {
			for _, published := range []string{"false", "true"} {
				t.Run(fmt.Sprintf("%s/%s/%s", env, name, published), func(t *testing.T) {
					set := []string{"env.name=" + env, "steps=256", "ppo.steps_per_env=32", "ppo.eval_every=0", "algo.as_published=" + published}
					c, err := load(name, set...)
					if published == "true" && err != nil {
						return // no fault is known
					}
					if err != nil {
						t.Fatal(err)
					}
					a, err := New(c)
					if err != nil {
						t.Fatal(err)
					}
					defer a.Close()
					if err := a.Initialise(); err != nil {
						t.Fatal(err)
					}
					r, err := a.trainer()
					if err != nil {
						t.Fatal(err)
					}
					defer r.Close()
					for range 2 {
						m, err := r.Iterate(context.Background())
						if err != nil {
							t.Fatal(err)
						}
						for name, x := range m.Scalars() {
							if math.IsInf(x, 0) {
								t.Errorf("%s is %g", name, x)
							}
						}
						if c.Algo.Keeps() && m.Violations > 0 {
							t.Errorf("%d violations", m.Violations)
						}
					}
				})
			}
		}
	}
}
