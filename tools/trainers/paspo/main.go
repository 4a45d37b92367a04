package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"time"

	"paspo/envs/benchmarks"
	"paspo/internal/blas"
	"paspo/internal/rng"
	"paspo/lp/interval"
	"paspo/policy"
	"paspo/policy/cpu"
	"paspo/ppo"
)

const (
	rows = 512 // of the rollout
	told = 20  // steps of a trace
)

func main() {
	minibatch := flag.Int("minibatch", 64, "rows of a gradient step")
	threads := flag.Int("threads", 1, "threads of a gradient step")
	width := flag.Int("width", 32, "width of every hidden layer and of the latent")
	seconds := flag.Float64("seconds", 1, "how long to measure")
	trace := flag.String("trace", "", "measure nothing: write a rollout, parameters, and what steps on it give, to this file")
	flag.Parse()
	if err := run(*minibatch, *threads, *width, time.Duration(*seconds*float64(time.Second)), *trace); err != nil {
		fmt.Fprintln(os.Stderr, "paspo:", err)
		os.Exit(1)
	}
}

func run(minibatch, threads, width int, d time.Duration, trace string) error {
	if minibatch < 1 || minibatch > rows || rows%minibatch != 0 {
		return fmt.Errorf("-minibatch %d: a divisor of %d is allowed", minibatch, rows)
	}
	c := benchmarks.DefaultConfig()
	c.Name = "portfolio"
	p, err := benchmarks.New(c, nil)
	if err != nil {
		return err
	}
	spec := p.Spec()
	solver, err := interval.New(spec.Polytope, interval.DefaultConfig())
	if err != nil {
		return err
	}
	defer solver.Close()
	hidden := []int{width, width}
	net := policy.DefaultConfig()
	net.Encoder, net.Latent, net.Heads, net.Critic = hidden, width, hidden, hidden
	b, err := cpu.New(solver, spec.ObsDim, minibatch, net, nil, 1)
	if err != nil {
		return err
	}
	defer b.Close()
	b.SetThreads(threads)

	batch, err := rollout(b, spec.ObsDim)
	if err != nil {
		return err
	}
	if trace != "" {
		return write(trace, b, net, batch, minibatch)
	}
	if err := b.Load(batch); err != nil {
		return err
	}
	cfg := ppo.DefaultConfig()
	s := cfg.StepSettings(0)
	s.LearningRate = 1e-6 // the policy stays where it is, however many steps there are
	parts := minibatches(minibatch)
	best := 0.
	for start := time.Now(); time.Since(start) < d; {
		begun := time.Now()
		for range cfg.Epochs {
			for _, part := range parts {
				if err := b.Step(part, s); err != nil {
					return err
				}
			}
		}
		best = max(best, float64(cfg.Epochs*len(parts))/time.Since(begun).Seconds())
	}
	fmt.Println(best, b.Flops(), blas.Peak()/1e9)
	return nil
}

// rollout samples actions in states of random numbers; advantages and returns are random too.
func rollout(b *cpu.Backend, obsDim int) (*policy.Batch, error) {
	random := rand.New(rng.New(1, "trainers", "rollout"))
	req := &policy.Request{Rows: rows, Obs: make([]float64, rows*obsDim), Streams: make([]*rng.Stream, rows)}
	for i := range req.Obs {
		req.Obs[i] = random.NormFloat64()
	}
	for r := range req.Streams {
		req.Streams[r] = rng.New(1, "trainers", "actions").Split(uint64(r))
	}
	var out policy.Samples
	if err := b.Sample(req, &out); err != nil {
		return nil, err
	}
	batch := &policy.Batch{
		Rows: rows, Advantage: make([]float32, rows), Return: make([]float32, rows), Obs: make([]float32, len(req.Obs)),
		Prefix: out.Prefix, LogX: out.LogX, Log1mX: out.Log1mX, LogWidth: out.LogWidth, Mask: out.Mask,
	}
	for i, x := range req.Obs {
		batch.Obs[i] = float32(x)
	}
	for r := range rows {
		batch.Advantage[r], batch.Return[r] = float32(random.NormFloat64()), float32(random.NormFloat64())
	}
	return batch, nil
}

// minibatches are the rows of the rollout in their order.
func minibatches(size int) [][]int32 {
	order := make([]int32, rows)
	for i := range order {
		order[i] = int32(i)
	}
	return slices.Collect(slices.Chunk(order, size))
}

// write writes the rollout, the parameters before and after steps on its minibatches in turn, and what each step measured.
func write(path string, b *cpu.Backend, net policy.Config, batch *policy.Batch, minibatch int) error {
	before, err := b.State()
	if err != nil {
		return err
	}
	if err := b.Load(batch); err != nil {
		return err
	}
	parts, s := minibatches(minibatch), ppo.DefaultConfig().StepSettings(0)
	var steps []policy.Diagnostics
	for i := range told {
		if err := b.Step(parts[i%len(parts)], s); err != nil {
			return err
		}
		d, err := b.Diagnostics()
		if err != nil {
			return err
		}
		steps = append(steps, d)
	}
	after, err := b.State()
	if err != nil {
		return err
	}
	text, err := json.Marshal(map[string]any{
		"batch": batch, "settings": s, "policy": net, "minibatch": minibatch, "flops": b.Flops(),
		"before": before.Params, "steps": steps, "after": after.Params,
	})
	if err != nil {
		return err
	}
	return os.WriteFile(path, text, 0o644)
}
