// What the loss leaves behind for the kernels that end a step.
#pragma once
#include "common.cuh"

// Sums of a block of rows; their order is that of ops.Diagnostic.
struct LossSums {
	double policy, value, entropy, kl, clip, deviation;
};

// StepSums is what a minibatch comes to.
struct StepSums {
	LossSums loss;
	double total, norm;
	i64 bad; // 0, 1 for the loss, 2 for the norm
};

// step_sums adds up what loss and grad_norm wrote, in a fixed order, for all
// threads of a block. s has room for one number of each.
__device__ inline StepSums step_sums(const Control *c, const double *squares, i64 n, const LossSums *sums, i64 m, double *s)
{
	StepSums r;
	double v = 0;
	for (i64 i = threadIdx.x; i < n; i += blockDim.x)
		v += squares[i];
	r.norm = sqrt(block_sum(v, s));
	LossSums l = {};
	for (i64 i = threadIdx.x; i < m; i += blockDim.x) {
		l.policy += sums[i].policy;
		l.value += sums[i].value;
		l.entropy += sums[i].entropy;
		l.kl += sums[i].kl;
		l.clip += sums[i].clip;
		l.deviation = sums[i].deviation > l.deviation ? sums[i].deviation : l.deviation;
	}
	r.loss.policy = block_sum(l.policy, s);
	r.loss.value = block_sum(l.value, s);
	r.loss.entropy = block_sum(l.entropy, s);
	r.loss.kl = block_sum(l.kl, s);
	r.loss.clip = block_sum(l.clip, s);
	r.loss.deviation = block_max(l.deviation, s);
	r.total = r.loss.policy + (float)c->value_coef * r.loss.value - (float)c->entropy_coef * r.loss.entropy;
	r.bad = !is_finite((float)r.total) ? 1 : !is_finite(r.norm) ? 2 : 0;
	return r;
}
