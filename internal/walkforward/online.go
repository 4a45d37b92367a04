package walkforward

import (
	"math"

	"paspo/lp"
)

// Settings of the portfolios that learn online, those of their papers.
const (
	gradientRate  = 0.05 // of EG
	meanWindow    = 5    // periods of the moving average of OLMAR
	meanReversion = 10   // growth that OLMAR aims at
	farthest      = 1e5  // times the wealth: of the points that OLMAR projects
)

// gradient is the portfolio EG of the exponentiated gradient (Helmbold, Schapire, Singer and
// Warmuth, Mathematical Finance 8, 1998), from equal weights on.
type gradient struct {
	weights []float64
	rate    float64
}

func newGradient(entities int, rate float64) *gradient {
	g := &gradient{make([]float64, entities), rate}
	for i := range g.weights {
		g.weights[i] = 1 / float64(entities)
	}
	return g
}

// learn takes 1 + r of the entities in a period: w_i becomes w_i exp(eta x_i / (w . x)) over the
// sum of these. No limits hold for w: the closest allocation to it that keeps them is traded.
func (g *gradient) learn(growth []float64) {
	earned, sum := 0., 0.
	for i, w := range g.weights {
		earned += w * growth[i]
	}
	for i := range g.weights {
		g.weights[i] *= math.Exp(g.rate * growth[i] / earned)
		sum += g.weights[i]
	}
	for i := range g.weights {
		g.weights[i] /= sum
	}
}

// revert returns the next allocation of the moving average reversion OLMAR-1 (Li and Hoi, ICML
// 2012) after allocation b and periods of growth, 1 + r by entity. It predicts that prices go to
// their mean over a window, x_i = (1 + 1/x_t + 1/(x_t x_t-1) + ..) / window, and takes the
// closest allocation to b + lambda (x - mean x) with
//
//	lambda = max(0, (10 - b . x) / |x - mean x|^2),
//
// which is b where too few periods have been.
func revert(p *lp.Polytope, lim *lp.Limits, b []float64, growth [][]float64, window int) ([]float64, error) {
	n := float64(len(b))
	to := append([]float64(nil), b...)
	if before := len(growth); before >= window-1 {
		predicted, mean, along, squares := make([]float64, len(b)), 0., 0., 0.
		for i := range b {
			price := 1. // in units of the last one
			predicted[i] = price
			for k := range window - 1 {
				price /= growth[before-1-k][i]
				predicted[i] += price
			}
			predicted[i] /= float64(window)
			mean += predicted[i] / n
			along += b[i] * predicted[i]
		}
		for _, x := range predicted {
			squares += (x - mean) * (x - mean)
		}
		if along < meanReversion && squares > 0 {
			// Where all predictions are about the same, lambda is so large that rounding of the point
			// would show. A nearer one in its direction has the same projection, unless predictions tie almost.
			step := min((meanReversion-along)/squares, farthest/math.Sqrt(squares))
			for i, x := range predicted {
				to[i] += step * (x - mean)
			}
		}
	}
	return lp.ProjectWithin(p, lim, to)
}
