// Package bench measures the speed of every stage of training.
package bench

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"time"

	"paspo/envs"
	"paspo/internal/rng"
	"paspo/lp"
	"paspo/policy"
	"paspo/ppo"
)

// Results are figures by preset.
type Results map[string]*Result

// Result is what was measured on one preset. The first three are on one thread,
// the last is on all.
type Result struct {
	ChainsPerS   map[string]float64 `json:"chains_per_s"` // full chains of intervals, by solver
	ActionsPerS  float64            `json:"actions_per_s"`
	UpdatesPerS  float64            `json:"updates_per_s"` // minibatches of the paper's size
	EnvStepsPerS float64            `json:"env_steps_per_s"`
	Threads      int                `json:"threads"`
}

// Solvers are what chains are measured with.
var Solvers = []string{"clp", "explicit"}

// Seconds that each stage takes: three presets take 3 * (2*1.5 + 1.5 + 1.5 + 4)
// = 30 s.
const (
	stageSeconds = 1.5
	trainSeconds = 4

	rows = 256 // actions decoded side by side
)

// Run measures all presets. Where ctx ends, so does it.
func Run(ctx context.Context) (Results, error) { return measure(ctx, 1) }

// measure takes the given share of the time.
func measure(ctx context.Context, share float64) (Results, error) {
	out := Results{}
	for _, name := range envs.Names() {
		r, err := one(ctx, name, share)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		out[name] = r
	}
	return out, nil
}

func one(ctx context.Context, name string, share float64) (*Result, error) {
	c := envs.DefaultConfig()
	c.Name = name
	p, err := envs.New(c, nil)
	if err != nil {
		return nil, err
	}
	stage := time.Duration(share * stageSeconds * float64(time.Second))
	r := &Result{ChainsPerS: map[string]float64{}, Threads: runtime.GOMAXPROCS(0)}

	threads := runtime.GOMAXPROCS(1)
	defer runtime.GOMAXPROCS(threads)
	for _, method := range Solvers {
		s := lp.DefaultSolverConfig()
		s.Method, s.Workers = method, 1
		x, err := chains(ctx, p.Spec().Polytope, s, stage)
		if err != nil {
			return nil, fmt.Errorf("intervals by %s: %w", method, err)
		}
		r.ChainsPerS[method] = x
	}
	if r.ActionsPerS, r.UpdatesPerS, err = network(ctx, p, stage); err != nil {
		return nil, err
	}
	runtime.GOMAXPROCS(threads)
	r.EnvStepsPerS, err = training(ctx, p, time.Duration(share*trainSeconds*float64(time.Second)))
	return r, err
}

// rate calls f until the time is over and returns how many units it did a
// second. The first call is not counted: it warms up.
func rate(ctx context.Context, d time.Duration, f func() (units int, err error)) (float64, error) {
	if _, err := f(); err != nil {
		return 0, err
	}
	start, done := time.Now(), 0
	for time.Since(start) < d || done == 0 {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		n, err := f()
		if err != nil {
			return 0, err
		}
		done += n
	}
	return float64(done) / time.Since(start).Seconds(), nil
}

// chains measures full chains: the interval of every entity of one action, each
// entity at a random place in its interval.
func chains(ctx context.Context, p *lp.Polytope, c lp.SolverConfig, d time.Duration) (float64, error) {
	s, err := lp.NewSolver(p, c)
	if err != nil {
		return 0, err
	}
	defer s.Close()
	n := p.Dim()
	chain := s.Chain(rows)
	place := make([]float64, n*rows)
	random := rand.New(rng.New(1, "bench", "chains"))
	for i := range place {
		place[i] = random.Float64()
	}
	lo, hi, a := make([]float64, rows), make([]float64, rows), make([]float64, rows)
	// A linear program is slow enough for single chains to be timed.
	batch := rows
	if c.Method == "clp" {
		batch = 16
	}
	return rate(ctx, d, func() (int, error) {
		chain.Begin(batch, nil)
		for i := range n {
			if err := chain.Next(lo[:batch], hi[:batch]); err != nil {
				return 0, err
			}
			x := place[i*rows:]
			for r := range batch {
				a[r] = lo[r] + (hi[r]-lo[r])*x[r]
			}
			chain.Fix(a[:batch])
		}
		return batch, nil
	})
}

// network measures sampled actions and minibatch updates.
func network(ctx context.Context, p envs.Problem, d time.Duration) (actions, updates float64, err error) {
	spec, cfg := p.Spec(), ppo.DefaultConfig()
	sc := lp.DefaultSolverConfig()
	sc.Workers = 1
	solver, err := lp.NewSolver(spec.Polytope, sc)
	if err != nil {
		return 0, 0, err
	}
	defer solver.Close()
	backend, err := policy.NewCPU(solver, spec.ObsDim, cfg.Minibatch, policy.DefaultConfig(), nil, 1)
	if err != nil {
		return 0, 0, err
	}
	defer backend.Close()

	req, err := request(p, rows)
	if err != nil {
		return 0, 0, err
	}
	var s policy.Samples
	actions, err = rate(ctx, d, func() (int, error) { return rows, backend.Sample(req, &s) })
	if err != nil {
		return 0, 0, fmt.Errorf("sampling: %w", err)
	}

	if updates, err = steps(ctx, backend, batch(req, &s), cfg.Minibatch, d); err != nil {
		return 0, 0, err
	}
	return actions, updates, nil
}

// training measures whole iterations at the paper's settings.
func training(ctx context.Context, p envs.Problem, d time.Duration) (float64, error) {
	spec, cfg := p.Spec(), ppo.DefaultConfig()
	solver, err := lp.NewSolver(spec.Polytope, lp.DefaultSolverConfig())
	if err != nil {
		return 0, err
	}
	defer solver.Close()
	backend, err := policy.NewCPU(solver, spec.ObsDim, cfg.Minibatch, policy.DefaultConfig(), nil, 1)
	if err != nil {
		return 0, err
	}
	defer backend.Close()
	t, err := ppo.New(p, backend, cfg, 1)
	if err != nil {
		return 0, err
	}
	return rate(ctx, d, func() (int, error) {
		_, err := t.Iterate(ctx)
		return cfg.BatchSize(), err
	})
}

// Write writes the figures for people to read.
func (r Results) Write(w io.Writer) error {
	for i, name := range envs.Names() {
		x := r[name]
		if i == 0 {
			if _, err := fmt.Fprintf(w, "a second; one thread, training %d\n%-12s", x.Threads, ""); err != nil {
				return err
			}
			for _, s := range Solvers {
				fmt.Fprintf(w, "  %16s", "chains, "+s)
			}
			fmt.Fprintf(w, "  %12s  %12s  %12s\n", "actions", "updates", "env steps")
		}
		fmt.Fprintf(w, "%-12s", name)
		for _, s := range Solvers {
			fmt.Fprintf(w, "  %16.0f", x.ChainsPerS[s])
		}
		if _, err := fmt.Fprintf(w, "  %12.0f  %12.0f  %12.0f\n", x.ActionsPerS, x.UpdatesPerS, x.EnvStepsPerS); err != nil {
			return err
		}
	}
	return nil
}
