package dist

import (
	"math"
	"math/rand/v2"

	"paspo/internal/special"
)

// Dirichlet is the distribution on the simplex with density
//
//	prod_i x_i^(alpha_i - 1) / B(alpha),   alpha_i > 0,
//
// with respect to the first n-1 components. A value holds the concentrations alpha, two or
// more. As with Beta, ln x is accurate where x rounds to 0, and methods are accurate for
// concentrations from 1e-3 to 1e5.
type Dirichlet []float64

// sum returns the sum of the concentrations from i on.
func (d Dirichlet) sum(i int) (s float64) {
	for _, a := range d[i:] {
		s += a
	}
	return s
}

// logNorm returns ln B(alpha) = sum_i ln B(alpha_i, alpha_i+1 + .. + alpha_n), whose terms
// do not cancel as those of the Gamma functions do.
func (d Dirichlet) logNorm() (l float64) {
	n := len(d)
	rest := d[n-1]
	for i := n - 2; i >= 0; i-- {
		l += special.LogBeta(d[i], rest)
		rest += d[i]
	}
	return l
}

// MeanLogs writes E ln x_i = psi(alpha_i) - psi(sum alpha).
func (d Dirichlet) MeanLogs(out []float64) {
	s := d.sum(0)
	for i, a := range d {
		out[i] = -special.DigammaDiff(a, max(0, s-a))
	}
}

// LogProb returns the log-density at x, given ln x.
func (d Dirichlet) LogProb(lnX []float64) float64 {
	l := -d.logNorm()
	for i, a := range d {
		l += times(a-1, lnX[i])
	}
	return l
}

// LogProbGrad writes the derivatives of the log-density with respect to alpha, ln x_i - E ln x_i.
func (d Dirichlet) LogProbGrad(lnX, grad []float64) {
	d.MeanLogs(grad)
	for i := range grad {
		grad[i] = lnX[i] - grad[i]
	}
}

// Entropy returns the differential entropy in nats, ln B - sum_i (alpha_i - 1) E ln x_i.
func (d Dirichlet) Entropy() float64 {
	h, s := d.logNorm(), d.sum(0)
	for _, a := range d {
		h += (a - 1) * special.DigammaDiff(a, max(0, s-a))
	}
	return h
}

// EntropyGrad writes the derivatives of the entropy with respect to alpha,
//
//	(sum alpha - n) psi'(sum alpha) - (alpha_i - 1) psi'(alpha_i).
func (d Dirichlet) EntropyGrad(grad []float64) {
	s := d.sum(0)
	t := (s - float64(len(d))) * special.Trigamma(s)
	for i, a := range d {
		grad[i] = t - (a-1)*special.Trigamma(a)
	}
}

// KL returns KL(d || e) in nats,
//
//	ln B(e) - ln B(d) + sum_i (d_i - e_i) E_d ln x_i.
func (d Dirichlet) KL(e Dirichlet) float64 {
	k, s := e.logNorm()-d.logNorm(), d.sum(0)
	for i, a := range d {
		k -= (a - e[i]) * special.DigammaDiff(a, max(0, s-a))
	}
	return k
}

// KLGrad writes the derivatives of KL(d || e) with respect to e, E_e ln x_i - E_d ln x_i.
func (d Dirichlet) KLGrad(e Dirichlet, grad []float64) {
	e.MeanLogs(grad)
	s := d.sum(0)
	for i, a := range d {
		grad[i] += special.DigammaDiff(a, max(0, s-a))
	}
}

// Fisher writes F v with F = diag(psi'(alpha_i)) - psi'(sum alpha) 1 1', the Fisher
// information with respect to alpha.
func (d Dirichlet) Fisher(v, out []float64) {
	var sum float64
	for _, x := range v {
		sum += x
	}
	t := special.Trigamma(d.sum(0)) * sum
	for i, a := range d {
		out[i] = special.Trigamma(a)*v[i] - t
	}
}

// MeanLog writes ln E x_i.
func (d Dirichlet) MeanLog(out []float64) {
	s := math.Log(d.sum(0))
	for i, a := range d {
		out[i] = math.Log(a) - s
	}
}

// ModeLog writes the logarithms of the mode where all concentrations exceed 1, else of
// the mean.
func (d Dirichlet) ModeLog(out []float64) {
	s := math.Log(d.sum(0) - float64(len(d)))
	for i, a := range d {
		if !(a > 1) {
			d.MeanLog(out)
			return
		}
		out[i] = math.Log(a-1) - s
	}
}

// Rand draws x and writes ln x: the logarithms of Gamma variates less that of their sum.
func (d Dirichlet) Rand(r *rand.Rand, lnX []float64) {
	top := math.Inf(-1)
	for i, a := range d {
		lnX[i] = logGamma(a, r)
		top = max(top, lnX[i])
	}
	var sum float64
	for _, l := range lnX {
		sum += math.Exp(l - top)
	}
	top += math.Log(sum)
	for i := range lnX {
		lnX[i] -= top
	}
}
