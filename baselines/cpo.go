package baselines

import (
	"context"
	"math"

	"paspo/envs"
	"paspo/rl"
)

// cpo is constrained policy optimization (Achiam, Held, Tamar and Abbeel, arXiv 1705.10528,
// algorithm 1) for the sum of all costs. An iteration takes the step x that solves
//
//	max g'x   subject to   c + b'x <= 0,  x'H x / 2 <= delta,
//
// with g the gradient of the rewards' surrogate, b that of the costs', c the mean cost of a
// step less the limit, and H the Fisher information with damping. Then critics learn.
type cpo struct{ constrained }

func newCPO(b *base) rl.Learner {
	b.backend.ComputeKL()
	return &cpo{constrained{b}}
}

// Learn implements rl.Learner.
func (l *cpo) Learn(ctx context.Context, r *rl.Rollout, progress float64, m *rl.Metrics) error {
	n, k := r.Batch.Rows, len(l.costs)
	r.Standardise(r.Batch.Advantage, r.Advantages)
	rewards, costs := make([]float64, n), make([]float64, n)
	mean := l.meanCosts(r, learned(r))
	for i := range rewards {
		rewards[i] = float64(r.Batch.Advantage[i])
		for j := range k {
			if mean[j] > 0 {
				costs[i] += r.CostAdvantages[i*k+j]
			}
		}
	}
	var c float64 // the mean cost of a step, or of an episode as published, less the limit
	for _, j := range mean {
		c += j
	}
	if l.config.has(episodeCost) {
		c *= r.EpisodeLength()
	}
	c -= l.config.CostLimit
	if err := l.backend.Load(&r.Batch); err != nil {
		return err
	}

	rows := learned(r)
	g, b := l.gradient(rows, rewards), l.gradient(rows, costs)
	x, err := l.conjugate(g)
	if err != nil {
		return err
	}
	p, err := l.conjugate(b)
	if err != nil {
		return err
	}
	step := solve(dot(g, x), dot(g, p), dot(b, p), c, l.config.TargetKL, l.config.has(flippedSign))
	l.search(step, rows, x, p, rewards, costs, c, m)
	measure(m, mean, nil)
	m.Algo = append(m.Algo, envs.Mean{Name: "cpo_case", Value: float64(step.kind)})
	return l.learnCritics(ctx, r, progress, m)
}

// gradient returns the gradient of the mean of rho times the advantages, with rho the new
// probability of an action over the old one.
func (l *cpo) gradient(rows []int32, advantages []float64) []float64 {
	t := l.backend.Forward(rows)
	for i, row := range rows {
		t.DLogProb[i] = advantages[row] / float64(len(rows))
	}
	clear(l.backend.Gradient())
	l.backend.Backward(t)
	return taken(l.backend.Gradient())
}

// taken returns a gradient in float64 and clears it.
func taken(grad []float32) []float64 {
	g := make([]float64, len(grad))
	for i, x := range grad {
		g[i] = float64(x)
	}
	clear(grad)
	return g
}

// conjugate returns H^-1 g by conjugate gradients.
func (l *cpo) conjugate(g []float64) ([]float64, error) {
	const iterations, enough = 15, 1e-10
	x, r, d := make([]float64, len(g)), append([]float64(nil), g...), append([]float64(nil), g...)
	v := make([]float32, len(g))
	rr := dot(r, r)
	for range iterations {
		if rr < enough {
			break
		}
		for i, y := range d {
			v[i] = float32(y)
		}
		if err := l.backend.Fisher(v); err != nil {
			return nil, err
		}
		h := taken(l.backend.Gradient())
		for i, y := range d {
			h[i] += l.config.Damping * y
		}
		a := rr / dot(d, h)
		for i := range x {
			x[i] += a * d[i]
			r[i] -= a * h[i]
		}
		last := rr
		rr = dot(r, r)
		for i := range d {
			d[i] = r[i] + rr/last*d[i]
		}
	}
	return x, nil
}

// solution is x = (reward H^-1 g - cost H^-1 b).
type solution struct {
	reward, cost float64
	kind         int
}

// Cases of the quadratic program.
const (
	recovers    = iota // no step is feasible: the one that lowers the cost most
	returns            // infeasible, and the border is within reach
	borders            // feasible, and the border is within reach
	unbounded          // feasible wherever the step ends
	indifferent        // feasible, and the cost does not move
)

// solve solves the program by its dual (appendix 10.2), given
//
//	q = g'H^-1 g,  r = g'H^-1 b,  s = b'H^-1 b:   x = H^-1 (g - nu b) / lambda,
//
// nu = max(0, (lambda c + r) / s), and lambda the better of the minimisers of the dual where
// nu > 0 and where nu = 0.
func solve(q, r, s, c, delta float64, flipped bool) solution {
	const tiny = 1e-12
	free := solution{reward: math.Sqrt(2 * delta / max(q, tiny)), kind: unbounded}
	if s <= tiny {
		free.kind = indifferent
		return free // costs do not depend on the step
	}
	margin := 2*delta - c*c/s // B of the paper; a, below, is its A
	switch {
	case margin < 0 && c > 0:
		return solution{cost: math.Sqrt(2 * delta / s), kind: recovers}
	case margin < 0:
		return free
	}
	kind := returns
	if c < 0 {
		kind = borders
	}
	if flipped {
		r = -r
	}
	// nu > 0 where lambda c + r > 0: above -r/c for c > 0, below for c < 0.
	loA, hiA, loB, hiB := 0., math.Inf(1), 0., math.Inf(1)
	switch {
	case c > 0:
		loA, hiB = max(0, -r/c), max(0, -r/c)
	case c < 0:
		hiA, loB = max(0, -r/c), max(0, -r/c)
	case r > 0:
		hiB = 0
	default:
		hiA = 0
	}
	a := max(0, q-r*r/s)
	// The duals, infinite where lambda is 0 and their numerator is not.
	dualA := func(l float64) float64 { return a/(2*l) + l*margin/2 - r*c/s }
	dualB := func(l float64) float64 { return q/(2*l) + l*delta }
	at := func(least, lo, hi float64) float64 { return max(lo, min(hi, least)) }
	lambdaA, lambdaB := at(math.Sqrt(a/max(margin, tiny)), loA, hiA), at(math.Sqrt(q/(2*delta)), loB, hiB)
	lambda := lambdaB
	if lambdaB <= 0 || lambdaA > 0 && dualA(lambdaA) < dualB(lambdaB) {
		lambda = lambdaA
	}
	lambda = max(lambda, tiny)
	nu := max(0, (lambda*c+r)/s)
	return solution{1 / lambda, nu / lambda, kind}
}

// search tries ever smaller shares of the step, and moves the parameters by the first that
// keeps the divergence and the cost within their limits and, where the policy is feasible,
// loses no reward. Where none does, the parameters stay.
func (l *cpo) search(step solution, rows []int32, x, p, rewards, costs []float64, c float64, m *rl.Metrics) {
	const tries, shrink = 20, 0.8
	params := l.backend.Actor()
	start := append([]float32(nil), params...)
	share := 1.
	for range tries {
		for i, w := range start {
			params[i] = w + float32(share*(step.reward*x[i]-step.cost*p[i]))
		}
		l.backend.ParamsChanged()
		t := l.backend.Forward(rows)
		var kl, reward, cost, entropy float64
		w := 1 / float64(len(rows))
		for i, ratio := range t.Ratio {
			kl += w * t.KL[i]
			reward += w * (ratio - 1) * rewards[rows[i]]
			cost += w * (ratio - 1) * costs[rows[i]]
			entropy += w * t.Entropy[i]
		}
		if kl <= l.config.TargetKL && cost <= max(-c, 0) && (step.kind <= returns || reward >= 0) {
			m.ApproxKL, m.PolicyLoss, m.Entropy = kl, -reward, entropy
			return
		}
		share *= shrink
	}
	copy(params, start)
	l.backend.ParamsChanged()
	for _, h := range l.backend.Forward(rows).Entropy {
		m.Entropy += h / float64(len(rows))
	}
}

// learnCritics regresses the critics on the returns.
func (l *cpo) learnCritics(ctx context.Context, r *rl.Rollout, progress float64, m *rl.Metrics) error {
	s := l.ppo.StepSettings(progress)
	s.WeightDecay = 0 // it would move the actor
	m.LR, m.EntropyCoef, m.Epochs = s.LearningRate, 0, l.ppo.Epochs
	var steps float64
	defer func() { m.ValueLoss /= max(1, steps) }()
	return l.minibatches(ctx, r, func(rows []int32) error {
		t := l.backend.Forward(rows)
		m.ValueLoss += critics(t, rows, &r.Batch, s.ValueCoef)
		l.backend.Backward(t)
		norm, err := l.backend.Update(s)
		m.GradNorm += (norm - m.GradNorm) / (steps + 1)
		steps++
		return err
	})
}

func dot(a, b []float64) (sum float64) {
	for i, x := range a {
		sum += x * b[i]
	}
	return sum
}
