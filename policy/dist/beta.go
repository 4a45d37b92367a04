package dist

import (
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/mathext"

	"paspo/internal/special"
)

// Beta is the distribution on [0, 1] with density
//
//	x^(alpha-1) (1-x)^(beta-1) / B(alpha, beta),   alpha, beta > 0.
//
// Its methods are accurate for alpha and beta from 1e-3 to 1e5. Where these are small, x
// rounds to 0 or 1 while ln x and ln(1-x) are still accurate: keep the logarithms, as
// Rand returns them.
type Beta struct {
	Alpha, Beta float64
}

// Around returns the distribution with a mean and the standard deviation
// spread sqrt(mean (1 - mean)):
//
//	alpha + beta = 1 / spread^2 - 1.
//
// sqrt(mean (1 - mean)) is the largest standard deviation on [0, 1] with this mean.
//
// The mean is kept so far from 0 and 1 that alpha and beta are at least 1, so that the
// density is finite at 0 and at 1. spread is above 0 and at most 0.5.
func Around(mean, spread float64) Beta {
	sum := 1/(spread*spread) - 1
	alpha := min(max(mean*sum, 1), sum-1)
	return Beta{alpha, sum - alpha}
}

// LogProb returns the logarithm of the density at x, -Inf outside [0, 1].
func (d Beta) LogProb(x float64) float64 {
	if x < 0 || x > 1 {
		return math.Inf(-1)
	}
	return d.LogProbLogs(math.Log(x), math.Log1p(-x))
}

// LogProbLogs returns the logarithm of the density at x, given ln x and ln(1-x).
func (d Beta) LogProbLogs(lnX, ln1mX float64) float64 {
	return times(d.Alpha-1, lnX) + times(d.Beta-1, ln1mX) - special.LogBeta(d.Alpha, d.Beta)
}

// times returns c l, and 0 where c is 0 even if l is infinite.
func times(c, l float64) float64 {
	if c == 0 {
		return 0
	}
	return c * l
}

// LogProbGrad returns the derivatives of the log-density with respect to alpha and beta,
//
//	ln x - psi(alpha) + psi(alpha+beta),   ln(1-x) - psi(beta) + psi(alpha+beta).
func (d Beta) LogProbGrad(lnX, ln1mX float64) (dAlpha, dBeta float64) {
	return lnX + special.DigammaDiff(d.Alpha, d.Beta), ln1mX + special.DigammaDiff(d.Beta, d.Alpha)
}

// Entropy returns the differential entropy in nats,
//
//	ln B - (alpha-1) psi(alpha) - (beta-1) psi(beta) + (alpha+beta-2) psi(alpha+beta).
func (d Beta) Entropy() float64 {
	return special.LogBeta(d.Alpha, d.Beta) +
		(d.Alpha-1)*special.DigammaDiff(d.Alpha, d.Beta) + (d.Beta-1)*special.DigammaDiff(d.Beta, d.Alpha)
}

// EntropyGrad returns the derivatives of the entropy with respect to alpha and beta,
//
//	(alpha+beta-2) psi'(alpha+beta) - (alpha-1) psi'(alpha), likewise for beta.
func (d Beta) EntropyGrad() (dAlpha, dBeta float64) {
	_, _, _, _, triA, triB, triAB := special.BetaTerms(d.Alpha, d.Beta)
	t := (d.Alpha + d.Beta - 2) * triAB
	return t - (d.Alpha-1)*triA, t - (d.Beta-1)*triB
}

// Mean returns E x.
func (d Beta) Mean() float64 { return d.Alpha / (d.Alpha + d.Beta) }

// MeanLogs returns E ln x and E ln(1-x).
func (d Beta) MeanLogs() (lnX, ln1mX float64) {
	return -special.DigammaDiff(d.Alpha, d.Beta), -special.DigammaDiff(d.Beta, d.Alpha)
}

// Variance returns the variance of x.
func (d Beta) Variance() float64 {
	s := d.Alpha + d.Beta
	return d.Alpha / s * (d.Beta / s) / (s + 1)
}

// Mode returns the x of the largest density where alpha, beta > 1, else NaN.
func (d Beta) Mode() float64 {
	if d.Alpha > 1 && d.Beta > 1 {
		return (d.Alpha - 1) / (d.Alpha - 1 + (d.Beta - 1))
	}
	return math.NaN()
}

// MeanLogit returns the logit ln x - ln(1-x) of the mean, for FromLogit: x and 1-x
// themselves may round to 0.
func (d Beta) MeanLogit() float64 { return math.Log(d.Alpha / d.Beta) }

// ModeLogit returns the logit of the mode where alpha, beta > 1, else of the mean.
func (d Beta) ModeLogit() float64 {
	if d.Alpha > 1 && d.Beta > 1 {
		return math.Log((d.Alpha - 1) / (d.Beta - 1))
	}
	return d.MeanLogit()
}

// CDFLogs returns the probability of at most x, given ln x and ln(1-x). It is accurate where
// x underflows too: the density there is x^(alpha-1) / B(alpha, beta).
func (d Beta) CDFLogs(lnX, ln1mX float64) float64 {
	small := 1e-9 / max(1, d.Alpha, d.Beta)
	switch {
	case lnX < math.Log(small):
		return math.Exp(d.Alpha*lnX - math.Log(d.Alpha) - special.LogBeta(d.Alpha, d.Beta))
	case ln1mX < math.Log(small):
		return 1 - Beta{d.Beta, d.Alpha}.CDFLogs(ln1mX, lnX)
	}
	return mathext.RegIncBeta(d.Alpha, d.Beta, math.Exp(lnX))
}

// Rand draws x, as the ratio of two Gamma variates that are kept as logarithms:
// ln x and ln(1-x) are accurate even where x rounds to 0 or 1.
func (d Beta) Rand(r *rand.Rand) (x, lnX, ln1mX float64) {
	return FromLogit(logGamma(d.Alpha, r) - logGamma(d.Beta, r))
}

// FromLogit returns x, ln x and ln(1-x), given the logit t = ln x - ln(1-x).
func FromLogit(t float64) (x, lnX, ln1mX float64) {
	e := math.Exp(-math.Abs(t))
	l := -math.Log1p(e)
	if t >= 0 {
		return 1 / (1 + e), l, l - t
	}
	return e / (1 + e), l + t, l
}

// Between returns lo + (hi-lo) x, given ln x and ln(1-x). It measures from the nearer
// endpoint, so that neither a small x nor a small 1-x is rounded away and the result is
// within [lo, hi].
func Between(lo, hi, lnX, ln1mX float64) float64 {
	if lnX <= ln1mX {
		return min(lo+(hi-lo)*math.Exp(lnX), hi)
	}
	return max(hi-(hi-lo)*math.Exp(ln1mX), lo)
}

// logGamma draws the logarithm of a Gamma(shape, 1) variate by the method of
// Marsaglia and Tsang (A simple method for generating gamma variables, ACM TOMS
// 26, 2000). A shape below 1 is raised by 1 and multiplied by U^(1/shape), here
// the addition of ln U / shape, which cannot underflow.
func logGamma(shape float64, r *rand.Rand) float64 {
	boost := 0.
	if shape < 1 {
		boost = r.ExpFloat64() / shape // -ln U / shape
		shape++
	}
	d := shape - 1./3
	c := 1 / (3 * math.Sqrt(d))
	for {
		x := r.NormFloat64()
		v := 1 + c*x
		if v <= 0 {
			continue
		}
		v3 := v * v * v
		u := r.Float64()
		x2 := x * x
		if u < 1-0.0331*x2*x2 {
			return math.Log(d*v3) - boost
		}
		if lnV3 := math.Log(v3); math.Log(u) < 0.5*x2+d*(1-v3+lnV3) {
			return math.Log(d) + lnV3 - boost
		}
	}
}
