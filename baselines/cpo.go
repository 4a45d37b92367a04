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
//	max g'x   subject to   c + b'x <= 0,  x'H x / 2 <= delta      (equation 11),
//
// with g the gradient of the surrogate of rewards, b that of costs, c the mean cost of a
// step less the limit, and H the Fisher information plus damping. Then the critics learn.
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
	rows := unskipped(r)
	mean := l.meanCosts(r, rows)
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

	g, b := l.gradient(rows, rewards), l.gradient(rows, costs)
	hg, err := l.solveFisher(g)
	if err != nil {
		return err
	}
	hb, err := l.solveFisher(b)
	if err != nil {
		return err
	}
	step := solveDual(dot(g, hg), dot(g, hb), dot(b, hb), c, l.config.TargetKL, l.config.has(flippedSign))
	l.lineSearch(step, rows, hg, hb, rewards, costs, c, m)
	measure(m, mean, nil)
	m.Algo = append(m.Algo, envs.Mean{Name: "cpo_case", Value: float64(step.kind)})
	return l.learnCritics(ctx, r, progress, m)
}

// gradient returns the gradient of the mean of rho A, with rho the probability of an action over
// that under the old policy and A its advantage.
func (l *cpo) gradient(rows []int32, advantages []float64) []float64 {
	t := l.backend.Forward(rows)
	for i, row := range rows {
		t.DLogProb[i] = advantages[row] / float64(len(rows))
	}
	clear(l.backend.Gradient())
	l.backend.Backward(t)
	return takeGradient(l.backend.Gradient())
}

// takeGradient returns a gradient in float64 and clears it.
func takeGradient(grad []float32) []float64 {
	g := make([]float64, len(grad))
	for i, x := range grad {
		g[i] = float64(x)
	}
	clear(grad)
	return g
}

// solveFisher returns H^-1 g by the method of conjugate gradients.
func (l *cpo) solveFisher(g []float64) ([]float64, error) {
	const iterations, enough = 15, 1e-10 // enough bounds the squared norm of the residual
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
		h := takeGradient(l.backend.Gradient())
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

// solution is the step x = reward H^-1 g - cost H^-1 b.
type solution struct {
	reward, cost float64
	kind         int
}

// Kinds of solutions. The boundary is that of c + b'x <= 0, the trust region x'H x / 2 <= delta.
const (
	recovers    = iota // the trust region has no feasible step: x lowers the cost most
	returns            // x = 0 is infeasible, the boundary crosses the trust region
	borders            // x = 0 is feasible, the boundary crosses the trust region
	unbounded          // the whole trust region is feasible
	indifferent        // the cost does not depend on x
)

// solveDual solves the program by its dual (appendix 10.2), given
//
//	q = g'H^-1 g,  r = g'H^-1 b,  s = b'H^-1 b.
//
// The step is x = H^-1 (g - nu b) / lambda with nu = max(0, (lambda c + r) / s), and lambda is the
// better of the minimisers of the dual where nu > 0 and where nu = 0. flipped is the fault of the
// published code.
func solveDual(q, r, s, c, delta float64, flipped bool) solution {
	const tiny = 1e-12
	free := solution{reward: math.Sqrt(2 * delta / max(q, tiny)), kind: unbounded}
	if s <= tiny {
		free.kind = indifferent
		return free // costs do not depend on the step
	}
	capB := 2*delta - c*c/s // B of the paper; capA, below, is its A
	switch {
	case capB < 0 && c > 0:
		return solution{cost: math.Sqrt(2 * delta / s), kind: recovers}
	case capB < 0:
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
	capA := max(0, q-r*r/s)
	// The dual as a function of lambda, where nu > 0 and where nu = 0. It is infinite where lambda
	// is 0 and the numerator is not.
	dualA := func(l float64) float64 { return capA/(2*l) + l*capB/2 - r*c/s }
	dualB := func(l float64) float64 { return q/(2*l) + l*delta }
	clamp := func(x, lo, hi float64) float64 { return max(lo, min(hi, x)) }
	lambdaA, lambdaB := clamp(math.Sqrt(capA/max(capB, tiny)), loA, hiA), clamp(math.Sqrt(q/(2*delta)), loB, hiB)
	lambda := lambdaB
	if lambdaB <= 0 || lambdaA > 0 && dualA(lambdaA) < dualB(lambdaB) {
		lambda = lambdaA
	}
	lambda = max(lambda, tiny)
	nu := max(0, (lambda*c+r)/s)
	return solution{1 / lambda, nu / lambda, kind}
}

// lineSearch tries ever smaller shares of the step, and moves the parameters by the first that
// keeps the divergence and the cost within their limits and, where the policy is feasible, does
// not lower the reward. Where none does, the parameters stay. hg and hb are H^-1 g and H^-1 b.
func (l *cpo) lineSearch(step solution, rows []int32, hg, hb, rewards, costs []float64, c float64, m *rl.Metrics) {
	const tries, shrink = 20, 0.8
	params := l.backend.Actor()
	start := append([]float32(nil), params...)
	share := 1.
	for range tries {
		for i, w := range start {
			params[i] = w + float32(share*(step.reward*hg[i]-step.cost*hb[i]))
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

// learnCritics fits the critics to the returns.
func (l *cpo) learnCritics(ctx context.Context, r *rl.Rollout, progress float64, m *rl.Metrics) error {
	s := l.ppo.StepSettings(progress)
	s.WeightDecay = 0 // otherwise it would move the actor
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
