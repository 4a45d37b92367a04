package special

import "math"

// minAsymptotic is the smallest argument that the asymptotic series are
// summed at. With the eight terms of asymptotic the first one left out is below
// 4e-16 there.
const minAsymptotic = 8

// halfLn2Pi is ln(2 pi) / 2.
const halfLn2Pi = 0.918938533204672741780329736405617639861397473637783412817

// asymptotic sums the series in Bernoulli numbers, for x >= minAsymptotic, of
//
//	lnGamma(x) = (x - 1/2) ln x - x + ln(2 pi)/2 + c    (NIST DLMF 5.11.1)
//	psi(x)     = ln x - d                               (DLMF 5.11.2)
//	psi'(x)    = t                                      (its derivative)
func asymptotic(x float64) (c, d, t float64) {
	y := 1 / x
	z := y * y
	c = y * (1./12 - z*(1./360-z*(1./1260-z*(1./1680-z*(1./1188-z*(691./360360-z*(1./156-z*(3617./122400))))))))
	d = 0.5*y + z*(1./12-z*(1./120-z*(1./252-z*(1./240-z*(1./132-z*(691./32760-z*(1./12-z*(3617./8160))))))))
	t = y + 0.5*z + y*z*(1./6-z*(1./30-z*(1./42-z*(1./30-z*(5./66-z*(691./2730-z*(7./6-z*(3617./510))))))))
	return c, d, t
}

// shift returns, over k = 0..7, the product of x+k, the sum of 1/(x+k) and the
// sum of 1/(x+k)^2: what the recurrences of lnGamma, psi and psi' (DLMF 5.5.1,
// 5.5.2, 5.15.5) need to move x beyond minAsymptotic. Terms are taken in pairs,
// which halves the divisions.
func shift(x float64) (prod, inv, inv2 float64) {
	x1, x2, x3 := x+1, x+2, x+3
	x4, x5, x6, x7 := x+4, x+5, x+6, x+7
	p0, p1, p2, p3 := x*x7, x1*x6, x2*x5, x3*x4
	// x0 + x7 = x1 + x6 = ... = s, and x0^2 + x7^2 = s^2 - 2 p0: the squares are
	// summed directly because that difference cancels.
	s := x + x7
	q0, q1, q2, q3 := 1/p0, 1/p1, 1/p2, 1/p3
	inv = s * ((q3 + q2) + (q1 + q0))
	inv2 = ((x3*x3+x4*x4)*(q3*q3) + (x2*x2+x5*x5)*(q2*q2)) + ((x1*x1+x6*x6)*(q1*q1) + (x*x+x7*x7)*(q0*q0))
	return (p0 * p1) * (p2 * p3), inv, inv2
}

// Trigamma returns psi'(x) for x > 0, NaN elsewhere.
func Trigamma(x float64) float64 {
	if !(x > 0) {
		return math.NaN()
	}
	if math.IsInf(x, 1) {
		return 0
	}
	inv2 := 0.
	if x < minAsymptotic {
		_, _, inv2 = shift(x)
		x += 8
	}
	_, _, t := asymptotic(x)
	return t + inv2
}

// DigammaDiff returns psi(x+h) - psi(x) for x > 0, h >= 0 to full relative
// accuracy, which the difference of two digammas loses where h is small beside
// x. It is minus the mean of ln X of a Beta(x, h) variate.
func DigammaDiff(x, h float64) float64 {
	if !(x > 0) || !(h >= 0) {
		return math.NaN()
	}
	sum := 0.
	if x < minAsymptotic {
		for k := range 8 {
			xk := x + float64(k)
			sum += h / (xk + h) / xk
		}
		x += 8
	}
	// The series of DLMF 5.11.2 as divided differences over z = 1/x^2 and
	// w = 1/(x+h)^2.
	y := x + h
	u, v := 1/x, 1/y
	z, w := u*u, v*v
	f, df := 0., 0.
	for _, c := range digammaSeries {
		df = df*w + f
		f = f*z + c
	}
	// f is the series at z without its factor z, so that z f(z) - w f(w) =
	// (z - w) (f(z) + w df).
	uv := h / x * v // u - v
	return sum + math.Log1p(h/x) + 0.5*uv + uv*(u+v)*(f+w*df)
}

// digammaSeries holds B_2k / 2k from k = 8 down to 1.
var digammaSeries = [...]float64{
	-3617. / 8160, 1. / 12, -691. / 32760, 1. / 132, -1. / 240, 1. / 252, -1. / 120, 1. / 12,
}

// LogBeta returns ln B(a, b) = lnGamma(a) + lnGamma(b) - lnGamma(a+b) for
// a, b > 0, NaN elsewhere.
func LogBeta(a, b float64) float64 {
	logB, _, _, _, _, _, _ := BetaTerms(a, b)
	return logB
}

// BetaTerms returns what log-probability, entropy and their gradients need of a
// Beta(a, b): ln B(a, b), then digamma and trigamma of a, b and a+b. It shares
// logarithms, recurrences and series between the seven. Arguments that are not
// positive give NaN.
//
// ln B is taken from differences of Stirling series for a shape from 8 on
// (Didonato and Morris, Algorithm 708, ACM TOMS 18, 1992, has the idea), and
// from the recurrence of Gamma below.
func BetaTerms(a, b float64) (logB, psiA, psiB, psiAB, triA, triB, triAB float64) {
	if a > b {
		logB, psiB, psiA, psiAB, triB, triA, triAB = betaTerms(b, a)
		return
	}
	return betaTerms(a, b)
}

// betaTerms is BetaTerms for a <= b.
func betaTerms(a, b float64) (logB, psiA, psiB, psiAB, triA, triB, triAB float64) {
	if !(a > 0) || !(b <= math.MaxFloat64/2) {
		nan := math.NaN()
		return nan, nan, nan, nan, nan, nan, nan
	}
	s := a + b
	prodA, invA, inv2A := 1., 0., 0.
	as := a // the argument at which the series of a is summed; likewise bs, ss
	if a < minAsymptotic {
		prodA, invA, inv2A = shift(a)
		as += 8
	}
	ca, da, ta := asymptotic(as)
	lnA := math.Log(as)
	psiA, triA = lnA-da-invA, ta+inv2A

	if b >= minAsymptotic {
		cb, db, tb := asymptotic(b)
		cs, ds, ts := asymptotic(s)
		lnB, lnS := math.Log(b), math.Log(s)
		psiB, triB = lnB-db, tb
		psiAB, triAB = lnS-ds, ts
		log1p := math.Log1p(a / b)
		if a >= minAsymptotic {
			logB = a*(lnA-lnS) - b*log1p - 0.5*(lnA+lnB-lnS) + (ca + cb - cs + halfLn2Pi)
			return
		}
		lnGammaA := (as-0.5)*lnA - as + halfLn2Pi + ca - math.Log(prodA)
		// lnGamma(b) - lnGamma(b+a)
		logB = lnGammaA - a*lnS + (a - (b-0.5)*log1p) + (cb - cs)
		return
	}

	prodB, invB, inv2B := shift(b)
	bs := b + 8
	cb, db, tb := asymptotic(bs)
	lnB := math.Log(bs)
	psiB, triB = lnB-db-invB, tb+inv2B

	prodS, invS, inv2S := 1., 0., 0.
	ss, moved := s, 0.
	if s < minAsymptotic {
		prodS, invS, inv2S = shift(s)
		ss, moved = s+8, 8
	}
	cs, ds, ts := asymptotic(ss)
	lnS := math.Log(ss)
	psiAB, triAB = lnS-ds-invS, ts+inv2S
	logB = (as-0.5)*lnA + (bs-0.5)*lnB - (ss-0.5)*lnS + (moved - 16) +
		(ca + cb - cs + halfLn2Pi) - math.Log(prodA/prodS*prodB)
	return
}
