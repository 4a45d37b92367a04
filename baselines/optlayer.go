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

// Values of algo.correction: the actions that OptLayer learns from, unconstrained predictions u,
// their projections s, or both.
const (
	learnPredicted = "cp"  // u, with the reward that its projection got
	learnCorrected = "cc"  // s
	learnBoth      = "cpc" // u, with that reward less the cost of u, and then s
)

// corrected is a family whose actions s are the projections of draws u of another family onto
// the polytope: s = argmin |s - u|. A draw of it holds the draw of u, the draw that would have
// given s itself, and the cost of u, the sum of its excesses.
type corrected struct {
	policy.Divergent
	projector *lp.Projector
	polytope  *lp.Polytope
	total     float64 // the budget less the lower bounds
	lower     []float64
	mirrored  bool // projects -u, as published

	projected bool // log-probabilities are those of s, not of u
	u         []float64
	excesses  []float64
	costs     []int
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
	// The density at an amount of 0 is taken at a share of 1e-6, where it is finite.
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
	if c.projected {
		return c.Divergent.LogProb(z, draw[n:2*n], grad)
	}
	return c.Divergent.LogProb(z, draw[:n], grad)
}

// optlayer is OptLayer (Pham, De Magistris and Tachibana, arXiv 1709.07643): the policy draws a
// prediction u, the action is its projection s, and PPO learns from u, from s or from both.
type optlayer struct {
	*base
	family               *corrected
	predicted, projected part
}

// part holds what PPO learns from: u, or s where projected is true.
type part struct {
	projected  bool
	old        []float64 // log-probabilities under the old policy
	advantages []float32
	returns    []float32
}

func newOptLayer(b *base) rl.Learner {
	return &optlayer{base: b, family: b.backend.Family().(*corrected), projected: part{projected: true}}
}

// Learn implements rl.Learner.
func (l *optlayer) Learn(ctx context.Context, r *rl.Rollout, progress float64, m *rl.Metrics) error {
	n := r.Batch.Rows
	if err := l.backend.Load(&r.Batch); err != nil {
		return err
	}
	// u gets the reward of s, in cpc less the cost of u.
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
	parts := []*part{&l.predicted, &l.projected}
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
		if !p.projected && l.config.Correction == learnBoth {
			advantages = make([]float64, n)
			r.ComputeAdvantages(rewards, advantages, p.returns)
		}
		r.Standardise(p.advantages, advantages)
		l.family.projected = p.projected
		p.old = append(p.old[:0], l.backend.Forward(allRows(n)).LogProb...)
	}
	defer func() { l.family.projected = false }()

	s := l.ppo.StepSettings(progress)
	u := newUpdate(parts[0].old)
	if err := l.minibatches(ctx, r, func(rows []int32) error {
		for _, p := range parts {
			l.family.projected = p.projected
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
			u.add(t, rows, loss, value, s.Clip)
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
