package measure

import (
	"context"
	"fmt"
	"math"

	"paspo/cmd/experiments/internal/entropy"
	"paspo/cmd/experiments/internal/output"
	"paspo/envs/synthetic"
	"paspo/internal/plots"
	"paspo/internal/rng"
	"paspo/internal/stats"
	"paspo/lp"
	"paspo/lp/constraints"
	"paspo/lp/interval"
	"paspo/policy"
	"paspo/policy/cpu"
	"paspo/policy/debias"
	"paspo/ppo"
	"paspo/rl"
)

type entropyOptions struct {
	samples, nodes int
	steps          int64
}

// entropyCell is what was found of one policy at one observation.
type entropyCell struct {
	Entities int
	Policy   string

	Exact                *float64 `json:",omitempty"` // by quadrature
	OneSample, OneStd    float64
	Conditional, CondStd float64

	Used, Full    *float64 `json:",omitempty"` // norms of the gradients
	Bias          *float64 `json:",omitempty"` // |full - used| / |full|
	Cosine        *float64 `json:",omitempty"`
	SlopeFull     *float64 `json:",omitempty"` // of the exact entropy along the full gradient, by differences
	SlopeUsed     *float64 `json:",omitempty"`
	GradientsFrom string   `json:",omitempty"`
}

// entropySizes are entities and rows; the first two have chains that are short
// enough for quadrature.
var entropySizes = [][2]int{{2, 1}, {3, 2}, {5, 3}, {10, 5}, {20, 5}}

var entropyPolicies = []string{"plain", "de-biased", "trained"}

// entropyExperiment compares estimates of the entropy, and of its gradient, with
// exact values and with one another.
func entropyExperiment(ctx context.Context, out *output.Folder, o entropyOptions) error {
	if o.nodes < 1 || o.samples < 4*o.nodes {
		return fmt.Errorf("--nodes is %d and --samples %d: at least 1 and 4 times the nodes are allowed", o.nodes, o.samples)
	}
	var cells []*entropyCell
	for _, size := range entropySizes {
		problem, solver, err := entropyProblem(size[0], size[1])
		if err != nil {
			return err
		}
		for _, name := range entropyPolicies {
			if err := ctx.Err(); err != nil {
				return err
			}
			c, err := entropyOf(ctx, problem, solver, name, o)
			if err != nil {
				return fmt.Errorf("%d entities, %s: %w", size[0], name, err)
			}
			cells = append(cells, c)
			out.Progress("%v", c.row())
		}
		if err := solver.Close(); err != nil {
			return err
		}
	}
	if err := out.JSON("entropy", cells); err != nil {
		return err
	}
	return showEntropy(out, cells)
}

// showEntropy writes table and plots.
func showEntropy(out *output.Folder, cells []*entropyCell) error {
	table := [][]string{{"entities", "policy", "exact entropy", "one sample: mean", "std", "conditional: mean", "std", "ratio of variances"}}
	gradients := [][]string{{
		"entities", "policy", "gradient used", "full", "left out / full", "cosine", "slope along the full gradient", "along the used one", "gradients by",
	}}
	plot := plots.Chart{Title: "noise of the estimates of the entropy from one action", XLabel: "entities", YLabel: "standard deviation, nats", LogX: true, LogY: true}
	for _, c := range cells {
		r := c.row()
		table, gradients = append(table, r[:8]), append(gradients, append(r[:2:2], r[8:]...))
	}
	for _, name := range entropyPolicies {
		one, cond := plots.Curve{Name: name + ", one sample", Points: true}, plots.Curve{Name: name + ", conditional", Points: true, Like: name + ", one sample"}
		for _, c := range cells {
			if c.Policy == name {
				one.X, one.Y = append(one.X, float64(c.Entities)), append(one.Y, c.OneStd)
				// That of one free entity does not vary but by rounding.
				if c.CondStd > 1e-4 {
					cond.X, cond.Y = append(cond.X, float64(c.Entities)), append(cond.Y, c.CondStd)
				}
			}
		}
		plot.Curves = append(plot.Curves, one, cond)
	}
	if err := out.Plot("entropy", plot); err != nil {
		return err
	}
	if err := out.Plot("entropy-gradient", gradientPlot(cells)); err != nil {
		return err
	}
	if err := out.Table("gradients", gradients); err != nil {
		return err
	}
	return out.Table("entropy", table)
}

func gradientPlot(cells []*entropyCell) plots.Chart {
	plot := plots.Chart{Title: "gradients of the entropy", XLabel: "entities", YLabel: "norm", LogX: true, LogY: true}
	for _, name := range entropyPolicies {
		used, full := plots.Curve{Name: name + ", used in training", Points: true}, plots.Curve{Name: name + ", full", Points: true, Like: name + ", used in training"}
		for _, c := range cells {
			if c.Policy == name && c.Full != nil {
				n := float64(c.Entities)
				used.X, used.Y = append(used.X, n), append(used.Y, *c.Used)
				full.X, full.Y = append(full.X, n), append(full.Y, *c.Full)
			}
		}
		plot.Curves = append(plot.Curves, used, full)
	}
	return plot
}

func entropyProblem(n, rows int) (*synthetic.Problem, lp.Solver, error) {
	p, err := constraints.GenerateRejection(n, rows, 2)
	if err != nil {
		return nil, nil, err
	}
	problem, err := synthetic.New(synthetic.Config{Entities: n, States: 2, Seed: 1, Polytope: p})
	if err != nil {
		return nil, nil, err
	}
	s, err := interval.New(p, interval.DefaultConfig())
	return problem, s, err
}

func entropyOf(ctx context.Context, problem *synthetic.Problem, solver lp.Solver, name string, o entropyOptions) (*entropyCell, error) {
	spec := problem.Spec()
	cfg := ppo.DefaultConfig()
	cfg.Steps, cfg.EvalEvery, cfg.CheckpointEvery = o.steps, 0, 0
	var fit *policy.Fit
	if name != "plain" {
		var err error
		if fit, err = debias.Fit(spec.Polytope, solver, debias.DefaultConfig(), debiasSeed); err != nil {
			return nil, err
		}
	}
	b, err := cpu.New(solver, spec.ObsDim, cfg.Minibatch, policy.DefaultConfig(), fit, 1)
	if err != nil {
		return nil, err
	}
	defer b.Close()
	if name == "trained" {
		t, err := ppo.New(problem, b, cfg, 1)
		if err != nil {
			return nil, err
		}
		if err := t.Run(ctx, rl.Hooks{}); err != nil {
			return nil, err
		}
	}
	state, err := b.State()
	if err != nil {
		return nil, err
	}
	obs := make([]float32, spec.ObsDim)
	obs[0] = 1
	q, err := entropy.NewProbe(solver, obs, policy.DefaultConfig(), state, o.nodes)
	if err != nil {
		return nil, err
	}
	defer q.Close()

	c := &entropyCell{Entities: spec.Polytope.Dim(), Policy: name}
	stream := rng.New(1, "experiments", "entropy", name)
	one, cond, err := q.Estimates(o.samples, stream)
	if err != nil {
		return nil, err
	}
	c.OneSample, c.OneStd = stats.MeanStd(one)
	c.Conditional, c.CondStd = stats.MeanStd(cond)
	if policy.Heads(spec.Polytope) > 2 {
		return c, c.sampledGradients(q, o, stream)
	}
	return c, c.exactGradients(q)
}

func (c *entropyCell) exactGradients(q *entropy.Probe) error {
	h, err := q.Exact()
	if err != nil {
		return err
	}
	used, full, err := q.Gradients()
	if err != nil {
		return err
	}
	c.Exact, c.GradientsFrom = &h, "quadrature"
	c.compare(entropy.Dot(used, used), entropy.Dot(used, full), entropy.Dot(full, full))
	const step = 0.003
	sf, err := q.Slope(full, step)
	if err != nil {
		return err
	}
	su, err := q.Slope(used, step)
	c.SlopeFull, c.SlopeUsed = &sf, &su
	return err
}

// compare fills in what follows from the scalar products of the gradients.
func (c *entropyCell) compare(usedUsed, usedFull, fullFull float64) {
	used, full := math.Sqrt(usedUsed), math.Sqrt(fullFull)
	bias := math.Sqrt(max(0, usedUsed-2*usedFull+fullFull)) / full
	cosine := usedFull / (used * full)
	c.Used, c.Full, c.Bias, c.Cosine = &used, &full, &bias, &cosine
}

// sampledGradients takes products of independent blocks of actions, which noise
// leaves unbiased.
func (c *entropyCell) sampledGradients(q *entropy.Probe, o entropyOptions, stream *rng.Stream) error {
	blocks := o.samples / o.nodes
	var used, full [][]float64
	for k := range blocks {
		u, f, err := q.SampledGradients(o.nodes, c.OneStd < c.CondStd, stream.Split(uint64(k+1)))
		if err != nil {
			return err
		}
		used, full = append(used, u), append(full, f)
	}
	c.GradientsFrom = fmt.Sprintf("%d actions", blocks*o.nodes)
	uu, _ := blockProduct(used, used)
	ff, noise := blockProduct(full, full)
	uf, _ := blockProduct(used, full)
	if ff < 2*noise {
		u, f := math.Sqrt(uu), math.Sqrt(max(0, ff)+2*noise)
		c.Used = &u
		c.GradientsFrom += fmt.Sprintf("; the full gradient is below its noise, %.2g", f)
		return nil
	}
	c.compare(uu, uf, ff)
	return nil
}

// blockProduct returns the mean of x_j . y_k over different blocks j and k, and
// its standard error by the jackknife.
func blockProduct(x, y [][]float64) (product, noise float64) {
	n := len(x)
	p := make([][]float64, n)
	rest, total := make([]float64, n), 0.
	for j := range n {
		p[j] = make([]float64, n)
		for k := range n {
			if j != k {
				p[j][k] = entropy.Dot(x[j], y[k])
				total += p[j][k]
				rest[j] += p[j][k]
				rest[k] += p[j][k]
			}
		}
	}
	product = total / float64(n*(n-1))
	for _, r := range rest {
		d := (total-r)/float64((n-1)*(n-2)) - product
		noise += d * d * float64(n-1) / float64(n)
	}
	return product, math.Sqrt(noise)
}

func (c *entropyCell) row() []string {
	number := func(x *float64) string {
		if x == nil {
			return ""
		}
		return fmt.Sprintf("%.4g", *x)
	}
	ratio := "all of it"
	if c.CondStd > 1e-4 {
		ratio = fmt.Sprintf("%.3g", math.Pow(c.OneStd/c.CondStd, 2))
	}
	return []string{
		fmt.Sprint(c.Entities), c.Policy, number(c.Exact), fmt.Sprintf("%.4f", c.OneSample), fmt.Sprintf("%.4f", c.OneStd),
		fmt.Sprintf("%.4f", c.Conditional), fmt.Sprintf("%.4f", c.CondStd), ratio,
		number(c.Used), number(c.Full), number(c.Bias), number(c.Cosine), number(c.SlopeFull), number(c.SlopeUsed), c.GradientsFrom,
	}
}
