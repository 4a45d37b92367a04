package baselines

import "math"

// multipliers are the Lagrange multipliers lambda >= 0 of the constraints' costs. They ascend
// by Adam (Kingma and Ba, arXiv 1412.6980) on
//
//	sum_k lambda_k (J_k - d)
//
// and are projected onto lambda >= 0. Checkpoints keep, in this order, the number of steps,
// lambda, and the first and second moments.
type multipliers struct {
	rate   float64
	steps  float64
	lambda []float64
	m, v   []float64
}

func newMultipliers(n int, c Config) *multipliers {
	l := &multipliers{rate: c.MultiplierLR, lambda: make([]float64, n), m: make([]float64, n), v: make([]float64, n)}
	for i := range l.lambda {
		l.lambda[i] = c.MultiplierInit
	}
	return l
}

// ascend takes a step, given the mean cost of a step for each constraint.
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

// Kept implements rl.Keeper.
func (l *multipliers) Kept() []float64 {
	kept := append([]float64{l.steps}, l.lambda...)
	return append(append(kept, l.m...), l.v...)
}

// Keep implements rl.Keeper.
func (l *multipliers) Keep(kept []float64) {
	n := len(l.lambda)
	l.steps = kept[0]
	copy(l.lambda, kept[1:])
	copy(l.m, kept[1+n:])
	copy(l.v, kept[1+2*n:])
}
