package baselines

import "math"

// multipliers are the Lagrange multipliers lambda >= 0 of the costs. Steps of Adam (Kingma and Ba,
// arXiv 1412.6980) raise
//
//	sum_k lambda_k (J_k - d)
//
// in lambda, and a negative lambda_k is then set to 0. The state in checkpoints is, in this order,
// the number of steps, lambda, and the first and second moments.
type multipliers struct {
	rate   float64 // learning rate
	steps  float64 // steps taken
	lambda []float64
	m, v   []float64 // moments
}

func newMultipliers(n int, c Config) *multipliers {
	l := &multipliers{rate: c.MultiplierLR, lambda: make([]float64, n), m: make([]float64, n), v: make([]float64, n)}
	for i := range l.lambda {
		l.lambda[i] = c.MultiplierInit
	}
	return l
}

// ascend takes one step of Adam, given the mean cost J_k of a step of the environment for each
// constraint.
func (l *multipliers) ascend(mean []float64, limit float64) {
	const beta1, beta2, epsilon = 0.9, 0.999, 1e-8
	l.steps++
	for k, j := range mean {
		g := j - limit
		l.m[k] = beta1*l.m[k] + (1-beta1)*g
		l.v[k] = beta2*l.v[k] + (1-beta2)*g*g
		first, second := l.m[k]/(1-math.Pow(beta1, l.steps)), l.v[k]/(1-math.Pow(beta2, l.steps))
		l.lambda[k] = max(0, l.lambda[k]+l.rate*first/(math.Sqrt(second)+epsilon))
	}
}

// LearnerState implements rl.Stateful.
func (l *multipliers) LearnerState() []float64 {
	state := append([]float64{l.steps}, l.lambda...)
	return append(append(state, l.m...), l.v...)
}

// SetLearnerState implements rl.Stateful.
func (l *multipliers) SetLearnerState(state []float64) {
	n := len(l.lambda)
	l.steps = state[0]
	copy(l.lambda, state[1:])
	copy(l.m, state[1+n:])
	copy(l.v, state[1+2*n:])
}
