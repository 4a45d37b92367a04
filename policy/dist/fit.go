package dist

import (
	"errors"
	"fmt"
	"math"

	"paspo/internal/special"
)

const (
	// fitMinSpread is the least gap 1 - exp(E ln x) - exp(E ln(1-x)), relative to
	// 1 - exp(the larger of the two means), at which points count as spread. The gap is about
	// 1/(2(alpha+beta)).
	fitMinSpread = 1e-12
	fitMaxIter   = 200
)

// ErrNoSpread is the kind of the error of points that are all the same.
var ErrNoSpread = errors.New("the points do not spread")

// FitBeta returns the Beta distribution of maximum likelihood for points with
// the given means of ln x and ln(1-x), the sufficient statistics. It solves
//
//	psi(alpha) - psi(alpha+beta) = meanLogX,
//	psi(beta)  - psi(alpha+beta) = meanLog1mX
//
// by Newton's method, damped by backtracking. The likelihood is strictly
// concave in (alpha, beta) and falls to -Inf at the edge, so it converges from
// any start; that of Johnson, Kotz and Balakrishnan (Continuous Univariate
// Distributions 2, section 25.4) is used.
//
// It is an error where no such distribution exists: means that are not finite
// and negative, or points that do not spread.
func FitBeta(meanLogX, meanLog1mX float64) (Beta, error) {
	g, h := meanLogX, meanLog1mX
	if !(g < 0 && h < 0) || math.IsInf(g, 0) || math.IsInf(h, 0) {
		return Beta{}, fmt.Errorf("dist: no Beta distribution has mean ln x = %g and mean ln(1-x) = %g: both must be finite and negative", g, h)
	}
	// By Jensen's inequality exp(g) + exp(h) < 1 unless all points are equal.
	// The gap is taken from the larger of the two, where it does not cancel.
	big, small := max(g, h), min(g, h)
	rest := -math.Expm1(big)
	gap := rest - math.Exp(small)
	if !(gap > fitMinSpread*rest) {
		return Beta{}, fmt.Errorf("dist: no Beta distribution has mean ln x = %g and mean ln(1-x) = %g: %w", g, h, ErrNoSpread)
	}

	d := Beta{0.5 + 0.5*math.Exp(g)/gap, 0.5 + 0.5*math.Exp(h)/gap}
	value := func(d Beta) float64 { return d.LogProbLogs(g, h) }
	for range fitMaxIter {
		_, _, _, _, triA, triB, triAB := special.BetaTerms(d.Alpha, d.Beta)
		gradA, gradB := d.LogProbGrad(g, h)
		// The negated Hessian is [[triA-triAB, -triAB], [-triAB, triB-triAB]],
		// positive definite.
		haa, hbb := triA-triAB, triB-triAB
		det := triA*triB - triAB*(triA+triB)
		stepA := (hbb*gradA + triAB*gradB) / det
		stepB := (triAB*gradA + haa*gradB) / det
		if math.Abs(stepA) <= 1e-12*d.Alpha && math.Abs(stepB) <= 1e-12*d.Beta {
			return Beta{d.Alpha + stepA, d.Beta + stepB}, nil
		}

		decrement := gradA*stepA + gradB*stepB
		t := 1.
		for d.Alpha+t*stepA < 0.1*d.Alpha || d.Beta+t*stepB < 0.1*d.Beta {
			t /= 2
		}
		// Close to the optimum the gain is below the rounding of the likelihood, and
		// the full step is taken.
		if decrement > 1e-4 {
			before := value(d)
			for value(Beta{d.Alpha + t*stepA, d.Beta + t*stepB}) < before+1e-4*t*decrement && t > 1e-9 {
				t /= 2
			}
		} else if rel := max(math.Abs(stepA)/d.Alpha, math.Abs(stepB)/d.Beta); rel < 1e-7 && decrement < 1e-15 {
			// Quadratic convergence leaves only rounding after this step.
			return Beta{d.Alpha + stepA, d.Beta + stepB}, nil
		}
		d.Alpha += t * stepA
		d.Beta += t * stepB
	}
	return Beta{}, fmt.Errorf("dist: the fit of a Beta distribution to mean ln x = %g and mean ln(1-x) = %g does not converge", g, h)
}
