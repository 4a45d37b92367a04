package uniform

import (
	"math"

	"paspo/lp/internal/parallel"
)

// convergence returns the worst split R-hat and effective sample size over
// every coordinate of the points and its squared deviation from the mean. Point
// i*chains + c is draw i of chain c. Coordinates that do not vary are left out.
func convergence(points []float64, chains, dim, workers int) (rhat, ess float64) {
	draws := len(points) / dim / chains
	rs, es := make([]float64, 2*dim), make([]float64, 2*dim)
	_ = parallel.Do(dim, workers, func(j int) error {
		x := make([][]float64, chains)
		mean := 0.
		for c := range x {
			x[c] = make([]float64, draws)
			for i := range x[c] {
				x[c][i] = points[(i*chains+c)*dim+j]
				mean += x[c][i] / float64(draws*chains)
			}
		}
		rs[2*j], es[2*j] = splitRHat(x)
		for c := range x {
			for i, v := range x[c] {
				x[c][i] = (v - mean) * (v - mean)
			}
		}
		rs[2*j+1], es[2*j+1] = splitRHat(x)
		return nil
	})
	rhat, ess = 1, math.Inf(1)
	for k := range rs {
		rhat, ess = max(rhat, rs[k]), min(ess, es[k])
	}
	return rhat, ess
}

// splitRHat returns the split R-hat and the effective sample size of draws of
// several chains of equal length (Gelman et al., Bayesian Data Analysis, third
// edition, sections 11.4 and 11.5; sums of autocorrelations truncated by Geyer's
// initial monotone sequence, Statistical Science 7, 1992). Draws that do not
// vary beyond rounding give 1 and +Inf, draws that are not finite NaN.
func splitRHat(chains [][]float64) (rhat, ess float64) {
	n := len(chains[0]) / 2
	var halves [][]float64
	for _, c := range chains {
		halves = append(halves, c[:n], c[len(c)-n:])
	}
	m := float64(len(halves))
	mean := make([]float64, len(halves))
	grand, within, largest := 0., 0., 0.
	for i, h := range halves {
		for _, v := range h {
			mean[i] += v / float64(n)
			largest = max(largest, math.Abs(v))
		}
		grand += mean[i] / m
		for _, v := range h {
			within += (v - mean[i]) * (v - mean[i]) / float64(n-1) / m
		}
	}
	between := 0. // variance of the means of the halves
	for _, v := range mean {
		between += (v - grand) * (v - grand) / (m - 1)
	}
	total := within*float64(n-1)/float64(n) + between
	const rounding = 1e-13
	if math.Sqrt(total) <= rounding*largest {
		return 1, math.Inf(1)
	}
	rhat = math.Sqrt(total / within)

	// rho_t = 1 - (W - mean autocovariance at t) / total
	rho := func(t int) float64 {
		cov := 0.
		for i, h := range halves {
			for k := range n - t {
				cov += (h[k] - mean[i]) * (h[k+t] - mean[i])
			}
		}
		return 1 - (within-cov/float64(n)/m)/total
	}
	sum, last := 0., math.Inf(1)
	for t := 0; t+1 < n; t += 2 {
		r0 := 1.
		if t > 0 {
			r0 = rho(t)
		}
		pair := r0 + rho(t+1)
		if !(pair > 0) {
			break
		}
		last = min(last, pair)
		sum += last
	}
	// The sum holds rho_0; antithetic chains may not claim more than the
	// logarithm allows (Vehtari et al., Bayesian Analysis 16, 2021).
	tau := max(2*sum-1, 1/math.Log10(m*float64(n)))
	return rhat, m * float64(n) / tau
}
