package walkforward

import (
	"errors"
	"math"

	"paspo/lp"
)

// minimise returns the point of p, under limits, with the least value of a convex function, up
// to gap. It begins at x, which is in p. f returns the value and writes the gradient.
//
// It is the accelerated projected gradient method with backtracking (Beck and Teboulle, SIAM
// J. Imaging Sci. 2, 2009, section 4), started anew where the value rises. The function is
// convex, so that its value is above the least one by at most max g . (x - s) over s in P,
// which a linear program gives: this bound is the gap.
func minimise(p *lp.Polytope, lim *lp.Limits, x []float64, gap float64, f func(x, gradient []float64) float64) ([]float64, error) {
	n := p.Dim()
	x, y, g := append([]float64(nil), x...), append([]float64(nil), x...), make([]float64, n)
	to, momentum, lipschitz := make([]float64, n), 1., 1.
	value := f(x, g)
	const most = 20_000
	for k := range most {
		if k%10 == 0 {
			f(x, g)
			s, _, err := p.Minimize(g, lim)
			if err != nil {
				return nil, err
			}
			distance := 0.
			for i := range g {
				distance += g[i] * (x[i] - s[i])
			}
			if distance <= gap {
				return x, nil
			}
		}
		at := f(y, g)
		var next []float64
		var reached float64
		for {
			for i := range to {
				to[i] = y[i] - g[i]/lipschitz
			}
			var err error
			if next, err = lp.ProjectWithin(p, lim, to); err != nil {
				return nil, err
			}
			reached = f(next, to)
			model, curved, squares := at, 0., 0.
			for i := range next {
				d := next[i] - y[i]
				model += g[i]*d + lipschitz/2*d*d
				curved += (to[i] - g[i]) * d
				squares += d * d
			}
			// The second says as much of a convex function, and of differences that are lost in
			// the rounding of values.
			if reached <= model || curved <= lipschitz/2*squares || lipschitz > 1e18 {
				break
			}
			lipschitz *= 2
		}
		if reached > value && momentum > 1 { // without momentum nothing but rounding lets it rise
			copy(y, x)
			momentum = 1
			continue
		}
		m := (1 + math.Sqrt(1+4*momentum*momentum)) / 2
		for i := range y {
			y[i] = next[i] + (momentum-1)/m*(next[i]-x[i])
		}
		x, value, momentum = next, reached, m
		lipschitz *= 0.9
	}
	return nil, errors.New("an optimum was not reached in 20 000 steps")
}

// bestConstant returns the allocation that grows most over periods if it is restored in each
// of them at no costs of trading, the best constantly rebalanced portfolio in hindsight (Cover,
// Mathematical Finance 1, 1991). growth is periods x entities, and a is in p.
func bestConstant(p *borrowed, a []float64, growth [][]float64) ([]float64, error) {
	growth = p.growth(growth)
	x, err := minimise(p.Polytope, nil, p.with(a), 1e-9, func(x, g []float64) (value float64) {
		clear(g)
		count := float64(len(growth))
		for _, row := range growth {
			s := 0.
			for i, v := range row {
				s += v * x[i]
			}
			value -= math.Log(s) / count
			for i, v := range row {
				g[i] -= v / s / count
			}
		}
		return value
	})
	if err != nil {
		return nil, err
	}
	return x[:p.assets:p.assets], nil
}

// minimumVariance returns the allocation a with the least a' S a - 2 w (m' a - b(a)), where m and S are the
// means less 1 and the covariances of growth, periods x entities, and b(a) is what borrowing costs. With w = 1 it has the most of m' a - a' S a / 2,
// the mean logarithmic return up to terms of the third order (Markowitz, Portfolio Selection, 1959, chapter 6). It
// begins at a, which is in p.
func minimumVariance(p *borrowed, lim *lp.Limits, a []float64, growth [][]float64, w float64) ([]float64, error) {
	n, count := p.assets, float64(len(growth))
	mean := make([]float64, n)
	for _, row := range growth {
		for i, r := range row {
			mean[i] += r / count
		}
	}
	cov, trace := make([]float64, n*n), 0.
	for _, row := range growth {
		for i := range n {
			for j := range n {
				cov[i*n+j] += (row[i] - mean[i]) * (row[j] - mean[j]) / count
			}
		}
	}
	for i := range n {
		trace += cov[i*n+i] / float64(n)
	}
	if trace == 0 {
		return a, nil
	}
	// It is in units of the assets' mean variance, so that the gap means the same for all periods.
	x, err := minimise(p.Polytope, p.limits(lim), p.with(a), 1e-7, func(x, g []float64) (value float64) {
		for i := range n {
			s := 0.
			for j, v := range x[:n] {
				s += cov[i*n+j] / trace * v
			}
			m := w * (mean[i] - 1) / trace
			g[i] = 2 * (s - m)
			value += x[i] * (s - 2*m)
		}
		for k, c := range p.costs {
			g[n+k] = 2 * w * c / trace
			value += x[n+k] * g[n+k]
		}
		return value
	})
	if err != nil {
		return nil, err
	}
	return x[:n:n], nil
}
