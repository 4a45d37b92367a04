// What the loss leaves behind for the kernels that end a step.
#pragma once
#include "common.cuh"

// Sums of a block of rows; their order is that of ops.Diagnostic.
struct LossSums {
	double policy, value, entropy, kl, clip, deviation;
};

// Outcome is what decides whether a step is taken.
struct Outcome {
	double loss, norm;
	i64 bad; // 0, 1 for the loss, 2 for the norm
};

// outcome adds up what loss and grad_norm wrote, in a fixed order, for all
// threads of a block. s has room for one number of each warp.
__device__ inline Outcome outcome(const Control *c, const double *squares, i64 n, const LossSums *sums, i64 m, double *s)
{
	double square = 0, loss = 0;
	for (i64 i = threadIdx.x; i < n; i += blockDim.x)
		square += squares[i];
	for (i64 i = threadIdx.x; i < m; i += blockDim.x)
		loss += sums[i].policy + (float)c->value_coef * sums[i].value - (float)c->entropy_coef * sums[i].entropy;
	Outcome r;
	r.norm = sqrt(block_sum(square, s));
	r.loss = block_sum(loss, s);
	r.bad = !is_finite((float)r.loss) ? 1 : !is_finite(r.norm) ? 2 : 0;
	return r;
}
