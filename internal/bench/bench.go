package bench

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"strings"
	"time"

	"paspo/envs"
	"paspo/envs/benchmarks"
	"paspo/internal/blas"
	"paspo/lp/interval"
	"paspo/policy"
	"paspo/policy/cpu"
	"paspo/ppo"
)

// Results are figures by environment.
type Results map[string]*Result

// Result is what was measured on one environment: on one thread but for what is said to be on all.
type Result struct {
	ChainsPerS map[string]float64 `json:"chains_per_s"` // full chains of intervals, by solver
	HitRate    float64            `json:"hit_rate"`     // of the solver lazy

	// The same with a cap on every entity; nil for a hull of points.
	CappedChainsPerS map[string]float64 `json:"capped_chains_per_s,omitempty"`
	CappedHitRate    float64            `json:"capped_hit_rate,omitempty"`

	ActionsPerS  float64 `json:"actions_per_s"`
	UpdatesPerS  float64 `json:"updates_per_s"` // minibatches of the paper's size
	UpdateGFlops float64 `json:"update_gflops"` // GFLOP/s of their products
	PeakShare    float64 `json:"peak_share"`    // of what the core did in a loop of multiply-adds just before

	Threads        int     `json:"threads"`           // all
	AllUpdatesPerS float64 `json:"all_updates_per_s"` // UpdatesPerS, on all
	EnvStepsPerS   float64 `json:"env_steps_per_s"`   // of training, on all
}

// Seconds that each stage takes: three benchmarks take at most 3 * (6 + 2.5*1.5 + 4)
// = 42 s.
const (
	chainSeconds = 1
	stageSeconds = 1.5
	trainSeconds = 4

	rows = 256 // actions decoded side by side
)

// Names returns what is measured: the problem that this binary adds to the benchmarks, or
// these where it adds none.
func Names() []string {
	if c := benchmarks.DefaultConfig(); c.IsOwn() {
		return []string{c.Name}
	}
	return benchmarks.Names()
}

// Run measures the benchmarks, or the binary's own problem. Where ctx ends, so does it.
func Run(ctx context.Context) (Results, error) { return measure(ctx, 1) }

// measure is Run with measurements that take the given share of their usual time.
func measure(ctx context.Context, share float64) (Results, error) {
	out := Results{}
	for _, name := range Names() {
		r, err := one(ctx, name, share)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		out[name] = r
	}
	return out, nil
}

func one(ctx context.Context, name string, share float64) (*Result, error) {
	c := benchmarks.DefaultConfig()
	c.Name = name
	p, err := benchmarks.New(c, nil)
	if err != nil {
		return nil, err
	}
	stage := time.Duration(share * stageSeconds * float64(time.Second))
	r := &Result{Threads: runtime.GOMAXPROCS(0)}

	threads := runtime.GOMAXPROCS(1)
	defer runtime.GOMAXPROCS(threads)
	each := time.Duration(share * chainSeconds * float64(time.Second))
	polytope := p.Spec().Polytope
	found, err := measureChains(ctx, polytope, each)
	if err != nil {
		return nil, err
	}
	r.ChainsPerS, r.HitRate = found.PerS, found.HitRate
	withCaps, ok, err := capped(polytope)
	if err != nil {
		return nil, fmt.Errorf("with caps: %w", err)
	}
	if ok {
		if found, err = measureChains(ctx, withCaps, each); err != nil {
			return nil, fmt.Errorf("with caps: %w", err)
		}
		r.CappedChainsPerS, r.CappedHitRate = found.PerS, found.HitRate
	}
	if err = r.network(ctx, p, stage); err != nil {
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

// network measures sampled actions and minibatch updates.
func (r *Result) network(ctx context.Context, p envs.Problem, d time.Duration) error {
	spec, cfg := p.Spec(), ppo.DefaultConfig()
	sc := interval.DefaultConfig()
	sc.Workers = 1
	solver, err := interval.New(spec.Polytope, sc)
	if err != nil {
		return err
	}
	defer solver.Close()
	var backends [2]*cpu.Backend // the second on all threads
	for i, threads := range []int{1, r.Threads} {
		if backends[i], err = cpu.New(solver, spec.ObsDim, cfg.Minibatch, policy.DefaultConfig(), nil, 1); err != nil {
			return err
		}
		defer backends[i].Close()
		backends[i].SetThreads(threads)
	}
	backend := backends[0]

	req, close, err := request(p, rows)
	if err != nil {
		return err
	}
	defer close()
	if err := standardise(backend, p, req); err != nil {
		return err
	}
	var s policy.Samples
	r.ActionsPerS, err = rate(ctx, d, func() (int, error) { return rows, backend.Sample(req, &s) })
	if err != nil {
		return fmt.Errorf("sampling: %w", err)
	}

	req.Keep = true
	if err := backend.Sample(req, &s); err != nil {
		return fmt.Errorf("sampling: %w", err)
	}
	peak := blas.Peak()
	if r.UpdatesPerS, err = steps(ctx, backend, batch(req), cfg.Minibatch, d); err != nil {
		return err
	}
	flops := r.UpdatesPerS * float64(cfg.Minibatch*backend.Flops())
	r.UpdateGFlops, r.PeakShare = flops/1e9, flops/peak

	if err := backends[1].Sample(req, &s); err != nil {
		return fmt.Errorf("sampling: %w", err)
	}
	r.AllUpdatesPerS, err = steps(ctx, backends[1], batch(req), cfg.Minibatch, d/2)
	return err
}

// training measures whole iterations at the paper's settings.
func training(ctx context.Context, p envs.Problem, d time.Duration) (float64, error) {
	spec, cfg := p.Spec(), ppo.DefaultConfig()
	solver, err := interval.New(spec.Polytope, interval.DefaultConfig())
	if err != nil {
		return 0, err
	}
	defer solver.Close()
	backend, err := cpu.New(solver, spec.ObsDim, cfg.Minibatch, policy.DefaultConfig(), nil, 1)
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
	var b strings.Builder
	for i, name := range Names() {
		x := r[name]
		if i == 0 {
			fmt.Fprintf(&b, "a second; one thread, at the right %d\n%-22s  %12s  %12s  %12s  %12s  %12s  %12s\n",
				x.Threads, "", "actions", "updates", "GFLOP", "of the peak", "updates", "env steps")
		}
		fmt.Fprintf(&b, "%-22s  %12.0f  %12.0f  %12.1f  %10.1f %%  %12.0f  %12.0f\n",
			name, x.ActionsPerS, x.UpdatesPerS, x.UpdateGFlops, 100*x.PeakShare, x.AllUpdatesPerS, x.EnvStepsPerS)
	}
	fmt.Fprintf(&b, "%-22s", "full chains by")
	for _, s := range Solvers {
		fmt.Fprintf(&b, "  %12s", s)
	}
	fmt.Fprintf(&b, "  %12s\n", "lazy hits")
	for _, name := range Names() {
		x := r[name]
		writeChains(&b, name, x.ChainsPerS, x.HitRate)
		if x.CappedChainsPerS != nil {
			writeChains(&b, name+" with caps", x.CappedChainsPerS, x.CappedHitRate)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func writeChains(b *strings.Builder, name string, perS map[string]float64, hitRate float64) {
	fmt.Fprintf(b, "%-22s", name)
	for _, s := range Solvers {
		if x, ok := perS[s]; ok {
			fmt.Fprintf(b, "  %12.0f", x)
		} else {
			fmt.Fprintf(b, "  %12s", "too large")
		}
	}
	fmt.Fprintf(b, "  %10.2f %%\n", 100*hitRate)
}
