// Log-probability and entropy of actions.
#include "special.cuh"

struct beta_terms_args {
	const Control *ctl;
	const float *logits, *log_x, *log_1mx, *log_width, *mask;
	float *terms;
	double *slopes;
	i64 rows, heads;
	double low, high;
	i64 stride;
};

KERNEL(128, 4, beta_terms)
{
	DYNAMIC(double, part); // log-probability and entropy of a block's entries
	const bool stop = idle(a.ctl, a.stride);
	const i64 heads = a.heads, block = heads < blockDim.x ? blockDim.x / heads : 1, first = blockIdx.x * block;
	const i64 all = a.rows * heads, rows = least(block, a.rows - first), entries = rows * heads;
	const float *logits = own(a.logits, a.stride), *log_x = own(a.log_x, a.stride), *log_1mx = own(a.log_1mx, a.stride);
	const float *log_width = own(a.log_width, a.stride), *mask = own(a.mask, a.stride);
	double *slopes = a.slopes ? own(a.slopes, a.stride) : 0;
	for (i64 e = threadIdx.x; e < entries; e += blockDim.x) {
		const i64 i = first * heads + e;
		const double la = logits[2 * i], lb = logits[2 * i + 1], x = log_x[i], y = log_1mx[i], w = log_width[i];
		double lp = 0, entropy = 0, s[4] = {};
		// A fixed entity adds 0 whatever was stored with it.
		const bool free = mask[i] != 0;
		if (stop)
			return;
		if (free) {
			double da, db;
			const double alpha = shape_of(la, a.low, a.high, &da), beta = shape_of(lb, a.low, a.high, &db);
			const BetaTerms t = beta_terms_of(alpha, beta, x, y);
			lp = t.log_prob - w;
			entropy = t.entropy + w;
			s[0] = da * t.log_prob_a;
			s[1] = db * t.log_prob_b;
			s[2] = da * t.entropy_a;
			s[3] = db * t.entropy_b;
		}
		part[2 * e] = lp;
		part[2 * e + 1] = entropy;
		if (slopes)
			for (int j = 0; j < 4; j++)
				slopes[j * all + i] = s[j];
	}
	if (stop)
		return;
	__syncthreads();
	float *terms = own(a.terms, a.stride);
	for (i64 r = threadIdx.x; r < rows; r += blockDim.x) {
		double lp = 0, entropy = 0;
		for (i64 e = r * heads; e < (r + 1) * heads; e++) {
			lp += part[2 * e];
			entropy += part[2 * e + 1];
		}
		terms[2 * (first + r)] = lp;
		terms[2 * (first + r) + 1] = entropy;
	}
}

struct beta_terms_grad_args {
	const Control *ctl;
	const float *g_terms;
	const double *slopes;
	float *g_logits;
	i64 rows, heads, stride;
};

KERNEL(256, 4, beta_terms_grad)
{
	const bool stop = idle(a.ctl, a.stride);
	const i64 i = (i64)blockIdx.x * blockDim.x + threadIdx.x, n = a.rows * a.heads;
	if (i >= n)
		return;
	const float *g = own(a.g_terms, a.stride) + i / a.heads * 2;
	const double *s = own(a.slopes, a.stride) + i, lp = g[0], entropy = g[1];
	float *out = own(a.g_logits, a.stride) + 2 * i;
	if (stop)
		return;
	out[0] = lp * s[0] + entropy * s[2 * n];
	out[1] = lp * s[n] + entropy * s[3 * n];
}
