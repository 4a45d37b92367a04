package measure

import (
	"context"
	"fmt"

	"paspo/cmd/experiments/internal/output"
	"paspo/internal/plots"
	"paspo/internal/rng"
	"paspo/internal/stats"
	"paspo/lp"
	"paspo/lp/constraints"
	"paspo/lp/interval"
	"paspo/lp/uniform"
	"paspo/policy"
	"paspo/policy/cpu"
	"paspo/policy/debias"
)

type uniformityOptions struct {
	entities    []int
	rows, seeds int
}

// uniformCell is the distance of one distribution from the uniform one on one
// polytope.
type uniformCell struct {
	Entities     int
	Seed         uint64
	Distribution string
	KSMean       float64 // over the marginals of the entities
	KSMax        float64
	Energy       float64 // as a share of its largest possible value
	Method       string  // how uniform points were drawn
}

const (
	ksPoints     = 20_000
	energyPoints = 2000
	fitPoints    = 20_000 // as with linear programs; they give the parameters to about 3 %
)

// uniformityNames are the distributions that are compared with uniform points;
// the last are other uniform points, which show the noise.
var uniformityNames = []string{"de-biased", "de-biased, added to random biases", "plain", "uniform again"}

// uniformity compares initial policies with the uniform distribution.
func uniformity(ctx context.Context, out *output.Folder, o uniformityOptions) error {
	var cells []uniformCell
	for _, n := range o.entities {
		for seed := range o.seeds {
			if err := ctx.Err(); err != nil {
				return err
			}
			more, err := uniformityOf(n, o.rows, uint64(seed+1))
			if err != nil {
				return fmt.Errorf("%d entities, seed %d: %w", n, seed+1, err)
			}
			cells = append(cells, more...)
			for _, c := range more {
				out.Progress("n = %d seed %d %-34s KS %.4f (largest %.4f)  energy %.5f  %s", n, seed+1, c.Distribution, c.KSMean, c.KSMax, c.Energy, c.Method)
			}
		}
	}
	raw := [][]string{{"entities", "seed", "distribution", "ks_mean", "ks_max", "energy", "uniform_points"}}
	for _, c := range cells {
		raw = append(raw, []string{
			fmt.Sprint(c.Entities), fmt.Sprint(c.Seed), c.Distribution,
			fmt.Sprintf("%.6g", c.KSMean), fmt.Sprintf("%.6g", c.KSMax), fmt.Sprintf("%.6g", c.Energy), c.Method,
		})
	}
	if err := out.CSV("uniformity", raw); err != nil {
		return err
	}

	table := [][]string{{"entities", "distribution", "KS, mean of the marginals", "KS, worst marginal", "energy distance, share"}}
	plot := plots.Chart{Title: "distance of initial policies from the uniform distribution", XLabel: "entities", YLabel: "KS distance, mean of the marginals", LogX: true, LogY: true}
	for _, name := range uniformityNames {
		k := plots.Curve{Name: name, Points: true}
		for _, n := range o.entities {
			var ks []float64
			for _, c := range cells {
				if c.Entities == n && c.Distribution == name {
					ks = append(ks, c.KSMean)
				}
			}
			k.X, k.Y = append(k.X, float64(n)), append(k.Y, stats.Mean(ks))
		}
		plot.Curves = append(plot.Curves, k)
	}
	for _, n := range o.entities {
		for _, name := range uniformityNames {
			var ks, worst, energy []float64
			for _, c := range cells {
				if c.Entities == n && c.Distribution == name {
					ks, worst, energy = append(ks, c.KSMean), append(worst, c.KSMax), append(energy, c.Energy)
				}
			}
			table = append(table, []string{fmt.Sprint(n), name, fmt.Sprintf("%.4f", stats.Mean(ks)), fmt.Sprintf("%.4f", stats.Mean(worst)), fmt.Sprintf("%.5f", stats.Mean(energy))})
		}
	}
	if err := out.Plot("uniformity", plot); err != nil {
		return err
	}
	return out.Table("uniformity", table)
}

func uniformityOf(n, rows int, seed uint64) ([]uniformCell, error) {
	p, err := constraints.GenerateRejection(n, rows, seed)
	if err != nil {
		return nil, err
	}
	solver, err := interval.New(p, interval.DefaultConfig())
	if err != nil {
		return nil, err
	}
	defer solver.Close()
	sampler, err := uniform.New(p, uniform.DefaultConfig())
	if err != nil {
		return nil, err
	}
	// One after the other: hit-and-run takes what it costs to prepare once.
	both, _, err := sampler.Sample(2*ksPoints, rng.New(seed, "experiments", "uniform"))
	if err != nil {
		return nil, err
	}
	uniform, again := both[:ksPoints*n], both[ksPoints*n:]
	start := debias.DefaultConfig()
	start.Points = fitPoints
	fit, err := debias.Fit(p, solver, start, debiasSeed)
	if err != nil {
		return nil, err
	}
	var cells []uniformCell
	for _, name := range uniformityNames {
		points := again
		if name != "uniform again" {
			cfg := policy.DefaultConfig()
			start := fit
			switch name {
			case "plain":
				start = nil
			case "de-biased, added to random biases":
				cfg.AddFit = true
			}
			if points, err = initialActions(solver, cfg, start, ksPoints, seed); err != nil {
				return nil, err
			}
		}
		c := uniformCell{Entities: n, Seed: seed, Distribution: name, Method: sampler.Method()}
		x, y := make([]float64, ksPoints), make([]float64, ksPoints)
		for j := range n {
			for i := range ksPoints {
				x[i], y[i] = points[i*n+j], uniform[i*n+j]
			}
			d := stats.KolmogorovSmirnov(x, y)
			c.KSMean += d / float64(n)
			c.KSMax = max(c.KSMax, d)
		}
		c.Energy = stats.EnergyDistance(points[:energyPoints*n], uniform[:energyPoints*n], n)
		cells = append(cells, c)
	}
	return cells, nil
}

// initialActions samples an untrained policy, whose observations here are zeros.
func initialActions(solver lp.Solver, cfg policy.Config, fit *policy.Fit, rows int, seed uint64) ([]float64, error) {
	b, err := cpu.New(solver, 1, 1, cfg, fit, seed)
	if err != nil {
		return nil, err
	}
	defer b.Close()
	var s policy.Samples
	err = b.Sample(&policy.Request{Rows: rows, Obs: make([]float64, rows), Streams: streams(rows, seed)}, &s)
	return s.Actions, err
}

func streams(rows int, seed uint64) []*rng.Stream {
	all := make([]*rng.Stream, rows)
	for r := range all {
		all[r] = rng.New(seed, "experiments", "actions").Split(uint64(r))
	}
	return all
}
