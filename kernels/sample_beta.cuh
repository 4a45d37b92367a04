// Draws of Beta variates, as policy/dist/beta.go has them.
#pragma once
#include "philox.cuh"
#include "special.cuh"

// cos_turn is cos(2 pi u).
__device__ inline double cos_turn(double u)
{
#ifdef PASPO_HOST
	return cos(6.283185307179586476925286766559 * u);
#else
	return cospi(2 * u);
#endif
}

// uniform maps a word into (0, 1].
__device__ inline double uniform(u64 w) { return ((double)(w >> 11) + 0.5) * 0x1p-53; }

// log_gamma draws the logarithm of a Gamma(shape, 1) variate by the method of
// Marsaglia and Tsang (ACM TOMS 26, 2000), with normal variates of Box and Muller
// (Annals of Mathematical Statistics 29, 1958). Attempt j takes blocks
// first + 4j and first + 4j + 1 of the stream; tries counts the attempts. A shape
// below 1 is raised by 1 and multiplied by U^(1/shape), as a logarithm.
__device__ inline double log_gamma(double shape, u64 key, u64 id, u64 first, int *tries)
{
	const bool small = shape < 1;
	const double d = (small ? shape + 1 : shape) - 1.0 / 3, c = 1 / (3 * sqrt(d));
	for (;; first += 4) {
		u64 w0, w1, w2, w3;
		philox_block(key, id, first, &w0, &w1);
		philox_block(key, id, first + 1, &w2, &w3);
		++*tries;
		const double x = sqrt(-2 * log(uniform(w0))) * cos_turn(uniform(w1)), v = 1 + c * x;
		if (v <= 0)
			continue;
		const double v3 = v * v * v, u = uniform(w2), x2 = x * x;
		if (u < 1 - 0.0331 * x2 * x2 || log(u) < 0.5 * x2 + d * (1 - v3 + log(v3)))
			return log(d * v3) + (small ? log(uniform(w3)) / shape : 0);
	}
}

// Variate is x with its logarithms ln x and ln(1-x), which are accurate even where
// x rounds to 0 or 1.
struct Variate {
	double log_x, log_1mx;
};

// of_logit returns the x with ln x - ln(1-x) = t.
__device__ inline Variate of_logit(double t)
{
	const double l = -log1p(exp(-fabs(t)));
	return t >= 0 ? Variate{l, l - t} : Variate{l + t, l};
}

// point_logit is ln x - ln(1-x) for the mean, or for the mode where there is one.
__device__ inline double point_logit(double a, double b, bool mean)
{
	return log(!mean && a > 1 && b > 1 ? (a - 1) / (b - 1) : a / b);
}

// between is lo + (hi-lo) x, measured from the nearer endpoint.
__device__ inline double between(double lo, double hi, Variate v)
{
	return v.log_x <= v.log_1mx ? fmin(lo + (hi - lo) * exp(v.log_x), hi) : fmax(hi - (hi - lo) * exp(v.log_1mx), lo);
}

// middle is the value of an entity whose interval is fixed.
__device__ inline double middle(double lo, double hi) { return fmin(fmax(lo + (hi - lo) / 2, lo), hi); }
