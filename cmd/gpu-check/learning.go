package main

import (
	"context"
	"fmt"
	"io"
	"math"
	"time"

	"gonum.org/v1/gonum/stat/distuv"

	"paspo/cuda"
	"paspo/envs"
	"paspo/internal/bench"
	"paspo/internal/run/agent"
	"paspo/internal/run/config"
)

// configs are trainings of the portfolio benchmark with the paper's settings,
// each with its seed.
func (o *options) configs(device string, n int) ([]*config.Config, error) {
	var all []*config.Config
	for seed := range n {
		c, err := config.Load("", []string{
			"device=" + device, fmt.Sprintf("seed=%d", seed+1), fmt.Sprintf("steps=%d", o.steps),
			"ppo.eval_every=0", "ppo.checkpoint_every=0",
		}, nil)
		if err != nil {
			return nil, err
		}
		all = append(all, c)
	}
	return all, nil
}

func (o *options) device() string { return fmt.Sprintf("gpu:%d", o.gpu) }

// returns trains and returns the mean return of the last tenth of each training.
func returns(ctx context.Context, configs []*config.Config) (final []float64, seconds float64, err error) {
	start := time.Now()
	trained, err := agent.Together(ctx, configs)
	if err != nil {
		return nil, 0, err
	}
	seconds = time.Since(start).Seconds()
	for _, t := range trained {
		if t.Err != nil {
			return nil, 0, t.Err
		}
		sum, n := 0., 0
		for _, m := range t.Metrics[len(t.Metrics)*9/10:] {
			if m.Episodes > 0 {
				sum += m.Return * float64(m.Episodes)
				n += m.Episodes
			}
			if m.Violations > 0 {
				return nil, 0, fmt.Errorf("%d violations in iteration %d", m.Violations, m.Iteration)
			}
		}
		final = append(final, sum/float64(n))
	}
	return final, seconds, nil
}

// learning compares what CPU and GPU learn from the same seeds. They sample
// different actions, so that only the distributions can agree.
func (o *options) learning(ctx context.Context, w io.Writer) error {
	fmt.Fprintf(w, "Portfolio, the paper's settings, %d steps; mean return of the last tenth of training, sampled actions.\n\n", o.steps)
	fmt.Fprintf(w, "| device | seeds | mean | standard error | each | seconds, all seeds side by side |\n|---|---|---|---|---|---|\n")
	var mean, stderr [2]float64
	for i, device := range []string{config.DeviceCPU, o.device()} {
		c, err := o.configs(device, o.seeds)
		if err != nil {
			return err
		}
		x, seconds, err := returns(ctx, c)
		if err != nil {
			return fmt.Errorf("%s: %w", device, err)
		}
		mean[i], stderr[i] = envs.MeanAndError(x)
		fmt.Fprintf(w, "| %s | %d | %.4f | %.4f | %.3f | %.1f |\n", device, o.seeds, mean[i], stderr[i], x, seconds)
	}
	gap := math.Abs(mean[0]-mean[1]) / math.Hypot(stderr[0], stderr[1])
	fmt.Fprintf(w, "\nThe means differ by %.2f standard errors of their difference.\n", gap)
	// What Student's t exceeds once in a hundred times.
	most := distuv.StudentsT{Sigma: 1, Nu: float64(2 * (o.seeds - 1))}.Quantile(0.995)
	if !(gap < most) {
		return fmt.Errorf("the means differ by %.2f standard errors, more than %.2f", gap, most)
	}
	return nil
}

// sweep times many trainings on one card, against its target.
func (o *options) sweep(ctx context.Context, w io.Writer) error {
	fmt.Fprintf(w, "| trainings of %d steps | seconds, de-biased fits included | environment steps/s |\n|---|---|---|\n", o.steps)
	for _, k := range bench.DevicePolicies {
		c, err := o.configs(o.device(), k)
		if err != nil {
			return err
		}
		_, seconds, err := returns(ctx, c)
		if err != nil {
			return err
		}
		fmt.Fprintf(w, "| %d | %.1f | %.0f |\n", k, seconds, float64(k)*float64(o.steps)/seconds)
	}
	return nil
}

// timings measures CPU and GPU at the same sizes.
func (o *options) timings(ctx context.Context, w io.Writer) error {
	gpu, err := cuda.Open(o.gpu)
	if err != nil {
		return err
	}
	fmt.Fprintln(w, "```")
	defer fmt.Fprintln(w, "```")
	var results []*bench.DeviceResult
	for _, maker := range []bench.Maker{bench.CPUs, bench.GPUs(gpu)} {
		r, err := bench.Device(ctx, maker, o.each)
		if err != nil {
			return err
		}
		results = append(results, r)
	}
	return bench.WriteDevices(w, results...)
}
