// The special functions of the Beta distribution in double, for shapes from
// 1e-30 to 1e30: see package special, which has the same formulas.
#pragma once
#include "common.cuh"

// GammaParts is what ln Gamma, digamma and trigamma need of an argument x, which
// is moved to at = x+8 where it is below 8:
//   ln Gamma(x) = (at - 1/2) ln at - at + ln(2 pi)/2 + c - ln prod
//   psi(x) = ln at - d,  psi'(x) = t
// by the asymptotic series (NIST DLMF 5.11.1, 5.11.2) and the recurrences (DLMF
// 5.5.1, 5.5.2, 5.15.5).
struct GammaParts {
	double at, prod, c, d, t;
};

__device__ inline GammaParts gamma_parts(double x)
{
	GammaParts g = {x, 1, 0, 0, 0};
	double inv = 0, inv2 = 0;
	if (x < 8) {
		// Terms of the recurrences in pairs k, 7-k, whose sum is 2x+7 for all. The
		// inverses of the four products come from that of their product.
		const double x1 = x + 1, x2 = x + 2, x3 = x + 3, x4 = x + 4, x5 = x + 5, x6 = x + 6, x7 = x + 7;
		const double p0 = x * x7, p1 = x1 * x6, p2 = x2 * x5, p3 = x3 * x4, p01 = p0 * p1, p23 = p2 * p3;
		g.at = x + 8;
		g.prod = p01 * p23;
		const double all = 1 / g.prod, q01 = all * p23, q23 = all * p01;
		const double q0 = q01 * p1, q1 = q01 * p0, q2 = q23 * p3, q3 = q23 * p2;
		inv = (x + x7) * ((q3 + q2) + (q1 + q0));
		inv2 = ((x3 * x3 + x4 * x4) * (q3 * q3) + (x2 * x2 + x5 * x5) * (q2 * q2)) +
			((x1 * x1 + x6 * x6) * (q1 * q1) + (x * x + x7 * x7) * (q0 * q0));
	}
	const double y = 1 / g.at, z = y * y;
	double s = -3617.0 / 122400;
	s = s * z + 1.0 / 156;
	s = s * z - 691.0 / 360360;
	s = s * z + 1.0 / 1188;
	s = s * z - 1.0 / 1680;
	s = s * z + 1.0 / 1260;
	s = s * z - 1.0 / 360;
	g.c = (s * z + 1.0 / 12) * y;
	s = -3617.0 / 8160;
	s = s * z + 1.0 / 12;
	s = s * z - 691.0 / 32760;
	s = s * z + 1.0 / 132;
	s = s * z - 1.0 / 240;
	s = s * z + 1.0 / 252;
	s = s * z - 1.0 / 120;
	g.d = (s * z + 1.0 / 12) * z + 0.5 * y + inv;
	s = -3617.0 / 510;
	s = s * z + 7.0 / 6;
	s = s * z - 691.0 / 2730;
	s = s * z + 5.0 / 66;
	s = s * z - 1.0 / 30;
	s = s * z + 1.0 / 42;
	s = s * z - 1.0 / 30;
	g.t = (s * z + 1.0 / 6) * z * y + 0.5 * z + y + inv2;
	return g;
}

// shape_of maps a logit to a parameter and its derivative, see ops.Shape.
__device__ inline double shape_of(double logit, double low, double high, double *slope)
{
	const double e = exp(logit);
	if (high == 0) {
		*slope = e;
		return low + e;
	}
	const double c = high - low, f = 1 / (1 + e / c), u = isinf(e) ? c : e * f;
	*slope = u * f;
	return low + u;
}

// BetaTerms of one distribution: the logarithm of the density at an x with given
// ln x and ln(1-x), the entropy, and the derivatives of both by the two shapes.
struct BetaTerms {
	double log_prob, entropy, log_prob_a, log_prob_b, entropy_a, entropy_b;
};

__device__ inline BetaTerms beta_terms_of(double a, double b, double lnx, double ln1mx)
{
	// ln B of p <= q: ln Gamma(q) - ln Gamma(p+q) is taken together, where the
	// large terms cancel.
	const bool swap = a > b;
	const double p = swap ? b : a, q = swap ? a : b;
	const GammaParts gp = gamma_parts(p), gq = gamma_parts(q), gs = gamma_parts(p + q);
	// Where neither or both were moved they differ by p itself.
	const double apart = (q < 8) != (p + q < 8) ? gs.at - gq.at : p;
	const double lnp = log(gp.at), step = log1p(apart / gq.at), lns = log(gq.at) + step;
	const double log_beta = (gp.at * (lnp - lns) - 0.5 * lnp - (gq.at - 0.5) * step) + (gp.at - apart) * (lns - 1) +
		(gp.c + gq.c - gs.c + 0.918938533204672741780329736405617640) - log(gp.prod / gs.prod * gq.prod);

	const double psi = lns - gs.d, diff_p = psi - (lnp - gp.d), diff_q = psi - (log(gq.at) - gq.d);
	const double diff_a = swap ? diff_q : diff_p, diff_b = swap ? diff_p : diff_q; // psi(a+b) - psi(.)
	const double a1 = a - 1, b1 = b - 1, u = (a1 + b1) * gs.t;
	BetaTerms r;
	r.log_prob = a1 * lnx + b1 * ln1mx - log_beta;
	r.entropy = log_beta + a1 * diff_a + b1 * diff_b;
	r.log_prob_a = lnx + diff_a;
	r.log_prob_b = ln1mx + diff_b;
	r.entropy_a = u - a1 * (swap ? gq.t : gp.t);
	r.entropy_b = u - b1 * (swap ? gp.t : gq.t);
	return r;
}
