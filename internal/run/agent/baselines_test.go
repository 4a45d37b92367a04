package agent

import (
	"context"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"paspo/baselines"
	"paspo/envs"
	"paspo/envs/benchmarks"
	"paspo/internal/long"
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

// An interrupted run of any algorithm resumes bit for bit, is compared at the end, and every number
// that it writes has an explanation.
func TestAlgorithmsResume(t *testing.T) {
	long.Test(t)
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
				if r.Agent.Config.Algo.Confined() && s.Violations > 0 {
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

var seeds = flag.Int("seeds", 1, "of the short trainings of every algorithm on every benchmark")

// Short trainings of every algorithm on every benchmark end, with finite numbers and, where
// the algorithm promises it, without violations; as published too.
func TestAlgorithmsOnBenchmarks(t *testing.T) {
	long.Test(t)
	for _, env := range []string{"synthetic", "portfolio", "compute"} {
		for _, name := range baselines.Names() {
			for _, published := range []string{"false", "true"} {
				if _, err := load(name, "algo.as_published="+published); err != nil {
					continue // no fault is known
				}
				t.Run(fmt.Sprintf("%s/%s/%s", env, name, published), func(t *testing.T) {
					for seed := range *seeds {
						iterates(t, name, "env.name="+env, "algo.as_published="+published, fmt.Sprintf("seed=%d", 1+seed))
					}
				})
			}
		}
	}
}

// Algorithms whose actions satisfy every constraint do so under limits, and a matrix, that follow
// the state, or refuse to train there.
func TestAlgorithmsUnderLimitsOfAState(t *testing.T) {
	for _, env := range []string{"portfolio-limited", "compute-capped", "channels", "factor"} {
		for _, name := range []string{"optlayer", "dirichlet-projected", "aram"} {
			t.Run(env+"/"+name, func(t *testing.T) { iterates(t, name, "env.name="+env) })
		}
		for _, name := range []string{"projection", "ray-mask", "truncated-normal"} {
			c, err := load(name, "env.name="+env)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := New(c); err == nil || !strings.Contains(err.Error(), "algo.name is "+name+": it serves one polytope") {
				t.Errorf("%s on %s: %v", name, env, err)
			}
		}
	}
}

// iterates does two short iterations, and checks that all metrics are finite.
func iterates(t *testing.T, name string, set ...string) {
	t.Helper()
	c, err := load(name, append(set, "steps=256", "ppo.steps_per_env=32", "ppo.eval_every=0", "debias.points=1000", "debias.cache_dir=")...)
	if err != nil {
		t.Fatal(err)
	}
	r := started(t, c)
	for range 2 {
		m, err := r.Iterate(context.Background())
		if err != nil {
			t.Fatalf("%v: %v", set, err)
		}
		for name, x := range m.Scalars() {
			// No return is known before an episode has ended.
			if math.IsInf(x, 0) || math.IsNaN(x) && !strings.Contains(name, "return") {
				t.Errorf("%v: %s is %g", set, name, x)
			}
		}
		for _, x := range m.Algo {
			if x.Value-x.Value != 0 {
				t.Errorf("%v: %s is %g", set, x.Name, x.Value)
			}
		}
		if c.Algo.Confined() && (m.Violations > 0 || !(m.MaxResidual <= 1e-9)) {
			t.Errorf("%v: %d violations, residual %g", set, m.Violations, m.MaxResidual)
		}
	}
}

// started returns a trainer before its first iteration, without a run folder.
func started(t *testing.T, c *config.Config) *rl.Trainer {
	t.Helper()
	a := initialised(t, c)
	r, err := a.newTrainer()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r
}

// initialised returns an agent with the policy that training starts from.
func initialised(t *testing.T, c *config.Config) *Agent {
	t.Helper()
	a, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	if err := a.debias(); err != nil {
		t.Fatal(err)
	}
	if err := a.makeBackend(); err != nil {
		t.Fatal(err)
	}
	return a
}

// Every policy that trained ones are compared with has an explanation.
func TestReferencesAreExplained(t *testing.T) {
	for _, env := range benchmarks.AllNames() {
		c := benchmarks.DefaultConfig()
		c.Name = env
		p, err := benchmarks.New(c, nil)
		if err != nil {
			t.Fatal(err)
		}
		q, ok := p.(interface {
			References(uint64) ([]envs.Reference, error)
		})
		if !ok {
			continue
		}
		all, err := q.References(1)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range all {
			if len(glossary.Find(r.Name)) == 0 {
				t.Errorf("%s of %s is not explained", r.Name, env)
			}
		}
	}
}
