package baselines

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"

	"paspo/lp"
	"paspo/policy"
	"paspo/rl"
)

// What OptLayer learns from: unconstrained predictions u, their projections s, or both.
const (
	learnPredicted = "cp"  // u, rewarded as its projection was
	learnCorrected = "cc"  // the projection
	learnBoth      = "cpc" // u, rewarded less its cost, and then the projection
)

// corrected is a family whose actions are the projections of draws u of another one onto
// the polytope: argmin |s - u|. A draw of it holds the draw of u, the draw that would have given s
// itself, and the cost of u, the sum of its excesses.
type corrected struct {
	policy.Divergent
	projector *lp.Projector
	polytope  *lp.Polytope
	total     float64
	lower     []float64
	mirrored  bool // projects -u, as published

	second   bool // log-probabilities are those of s
	u        []float64
	excesses []float64
	costs    []int
}

func newCorrected(p *lp.Polytope, net policy.Config, c Config) (policy.Family, error) {
	inner, err := dirichlet(p, net, c)
	if err != nil {
		return nil, err
	}
	lower, _ := p.Bounds()
	total := policy.Total(p)
	for _, l := range lower {
		total -= l
	}
	return &corrected{
		Divergent: inner.(policy.Divergent), projector: lp.NewProjector(p), polytope: p, total: total, lower: lower,
		mirrored: c.has(mirroredProjection), u: make([]float64, p.Dim()), excesses: make([]float64, p.Constraints()), costs: Costs(p),
	}, nil
}

// Confined implements policy.Confined.
func (c *corrected) Confined() {}

// DrawSize implements policy.Family.
func (c *corrected) DrawSize() int { return 2*c.Divergent.DrawSize() + 1 }

// Sample implements policy.Family.
func (c *corrected) Sample(z []float32, rule policy.Rule, limits *lp.Limits, source rand.Source, draw []float32, action []float64) error {
	n := c.Divergent.DrawSize()
	if err := c.Divergent.Sample(z, rule, limits, source, draw[:n], c.u); err != nil {
		return err
	}
	c.polytope.Excesses(c.u, limits, c.excesses)
	var cost float64
	for _, k := range c.costs {
		cost += c.excesses[k]
	}
	draw[2*n] = float32(cost)
	if c.mirrored {
		for i := range c.u {
			c.u[i] = -c.u[i]
		}
	}
	if err := c.projector.Project(action, c.u, limits); err != nil {
		return err
	}
	// An entity that is 0 has a density all the same: that of a share of 1e-6.
	const least = 1e-6
	var sum float64
	for i, a := range action {
		sum += max((a-c.lower[i])/c.total, least)
	}
	for i, a := range action {
		draw[n+i] = float32(math.Log(max((a-c.lower[i])/c.total, least) / sum))
	}
	return nil
}

// LogProb implements policy.Family.
func (c *corrected) LogProb(z, draw, grad []float32) float64 {
	n := c.Divergent.DrawSize()
	if c.second {
		return c.Divergent.LogProb(z, draw[n:2*n], grad)
	}
	return c.Divergent.LogProb(z, draw[:n], grad)
}

// optlayer is OptLayer (Pham, De Magistris and Tachibana, arXiv 1709.07643): the action is
// the projection s of what the policy predicts, u, and PPO learns from u, from s or from both.
type optlayer struct {
	*base
	family        *corrected
	first, second part
}

// part is what is learned from one of u and s.
type part struct {
	second     bool
	old        []float64
	advantages []float32
	returns    []float32
}

func newOptLayer(b *base) rl.Learner {
	return &optlayer{base: b, family: b.backend.Family().(*corrected), first: part{}, second: part{second: true}}
}

// Learn implements rl.Learner.
func (l *optlayer) Learn(ctx context.Context, r *rl.Rollout, progress float64, m *rl.Metrics) error {
	n := r.Batch.Rows
	if err := l.backend.Load(&r.Batch); err != nil {
		return err
	}
	// u earns what s did, and in cpc less the cost of u.
	size, draws := l.family.DrawSize(), l.backend.Draws()
	rewards := slices.Clone(r.Rewards)
	var cost float64
	for i := range rewards {
		k := float64(draws[i*size+size-1])
		cost += k / float64(n)
		if l.config.Correction == learnBoth {
			rewards[i] -= k
		}
	}
	measure(m, []float64{cost}, nil)
	parts := []*part{&l.first, &l.second}
	switch l.config.Correction {
	case learnPredicted:
		parts = parts[:1]
	case learnCorrected:
		parts = parts[1:]
	}
	for _, p := range parts {
		p.returns, p.advantages = slices.Grow(p.returns[:0], n)[:n], slices.Grow(p.advantages[:0], n)[:n]
		copy(p.returns, r.Batch.Return)
		advantages := r.Advantages
		if !p.second && l.config.Correction == learnBoth {
			advantages = make([]float64, n)
			r.Estimate(rewards, advantages, p.returns)
		}
		r.Standardise(p.advantages, advantages)
		l.family.second = p.second
		p.old = append(p.old[:0], l.backend.Forward(everything(n)).LogProb...)
	}
	defer func() { l.family.second = false }()

	s := l.ppo.StepSettings(progress)
	u := newUpdate(parts[0].old)
	if err := l.minibatches(ctx, r, func(rows []int32) error {
		for _, p := range parts {
			l.family.second = p.second
			t := l.backend.Forward(rows)
			loss := surrogate(t, rows, p.old, p.advantages, &s)
			value := critics(t, rows, &policy.Batch{Return: p.returns}, s.ValueCoef)
			l.backend.Backward(t)
			if p != parts[0] {
				if _, err := l.backend.Update(s); err != nil {
					return err
				}
				continue
			}
			u.see(t, rows, loss, value, s.Clip)
			if err := u.step(l.backend, s); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		return err
	}
	return u.report(l.base, m, &s)
}
