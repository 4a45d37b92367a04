// What a minibatch starts and ends with.
#include "loss.cuh"

struct gather_args {
	const Control *ctl;
	const int *perm, *count;
	const float *obs, *prefix, *log_x, *log_1mx, *log_width, *mask, *old, *advantage, *target;
	float *to_obs, *to_prefix, *to_log_x, *to_log_1mx, *to_log_width, *to_mask;
	float *to_old, *to_advantage, *to_target, *to_weight;
	i64 rows, total, obs_dim, entities, heads, stride;
};

// copy_row copies a row with the lanes of a warp.
__device__ inline void copy_row(float *to, i64 i, const float *from, i64 row, i64 width, i64 stride)
{
	to = own(to, stride) + i * width;
	from = own(from, stride) + row * width;
	for (i64 c = threadIdx.x & 31; c < width; c += 32)
		to[c] = from[c];
}

// One warp a row.
KERNEL(256, 4, gather)
{
	const Control *c = own(a.ctl, a.stride);
	if (idle(a.ctl, a.stride))
		return;
	const i64 i = (i64)blockIdx.x * (blockDim.x / 32) + threadIdx.x / 32, at = c->at;
	if (i >= a.rows)
		return;
	i64 row = at * a.rows + i;
	bool padding;
	float weight = 1;
	if (a.perm) {
		row = own(a.perm, a.stride)[row];
		weight = 1 / (float)own(a.count, a.stride)[at];
		padding = row < 0;
	} else {
		padding = row >= a.total;
	}
	if (padding)
		row = 0;
	copy_row(a.to_obs, i, a.obs, row, a.obs_dim, a.stride);
	copy_row(a.to_prefix, i, a.prefix, row, a.entities, a.stride);
	copy_row(a.to_log_x, i, a.log_x, row, a.heads, a.stride);
	copy_row(a.to_log_1mx, i, a.log_1mx, row, a.heads, a.stride);
	copy_row(a.to_log_width, i, a.log_width, row, a.heads, a.stride);
	copy_row(a.to_mask, i, a.mask, row, a.heads, a.stride);
	if ((threadIdx.x & 31) == 0) {
		own(a.to_old, a.stride)[i] = own(a.old, a.stride)[row];
		own(a.to_advantage, a.stride)[i] = own(a.advantage, a.stride)[row];
		own(a.to_target, a.stride)[i] = own(a.target, a.stride)[row];
		own(a.to_weight, a.stride)[i] = padding ? 0 : weight;
	}
}

struct store_old_args {
	Control *ctl;
	const float *terms;
	float *old;
	i64 rows, total, stride;
};

KERNEL(256, 1, store_old)
{
	Control *c = own(a.ctl, a.stride);
	if (idle(a.ctl, a.stride))
		return;
	const i64 first = c->at * a.rows;
	for (i64 i = threadIdx.x; i < a.rows && first + i < a.total; i += blockDim.x)
		own(a.old, a.stride)[first + i] = own(a.terms, a.stride)[2 * i];
	__syncthreads();
	if (threadIdx.x == 0)
		c->at++;
}

struct grad_norm_args {
	const Control *ctl;
	float *g;
	double *squares;
	i64 size, copies, copy, stride;
};

enum { NORM_PARAMS = 1024 };

KERNEL(256, 4, grad_norm)
{
	SHARED(double, s, [8]);
	const bool stop = idle(a.ctl, a.stride);
	const i64 first = (i64)blockIdx.x * NORM_PARAMS, end = least(first + NORM_PARAMS, a.size);
	float *g = own(a.g, a.stride);
	double squares = 0;
	for (i64 i = first + threadIdx.x; i < end; i += blockDim.x) {
		float v = g[i];
		for (i64 j = 1; j < a.copies; j++)
			v += *(const float *)((const char *)(g + i) + j * a.copy);
		if (a.copies > 1 && !stop)
			g[i] = v;
		squares += (double)v * v;
	}
	squares = block_sum(squares, s);
	if (threadIdx.x == 0 && !stop)
		own(a.squares, a.stride)[blockIdx.x] = squares;
}

struct adam_args {
	Control *ctl;
	float *w;
	const float *g;
	float *m, *v;
	const double *squares;
	const LossSums *sums;
	i64 size, norm_blocks, loss_blocks, stride;
};

// Factors of a step, see blas.AdamStep.
struct AdamStep {
	float scale, decay, beta1, beta2, gain1, gain2, rate, root_scale, epsilon;
};

enum { EACH = 4 };

KERNEL(256, 3, adam)
{
	SHARED(double, s, [8]);
	SHARED(AdamStep, step, [1]);
	SHARED(double, rest, [2]); // 1 - beta^t
	Control *c = own(a.ctl, a.stride);
	const bool stop = idle(a.ctl, a.stride);
	// All is read before the sums are waited for.
	const i64 first = (i64)blockIdx.x * EACH * blockDim.x + threadIdx.x;
	float *w = own(a.w, a.stride), *ms = own(a.m, a.stride), *vs = own(a.v, a.stride), x[EACH], g[EACH], m[EACH], v[EACH];
#pragma unroll
	for (int j = 0; j < EACH; j++) {
		const i64 i = first + j * blockDim.x;
		const bool in = i < a.size;
		x[j] = in ? w[i] : 0;
		g[j] = in ? own(a.g, a.stride)[i] : 0;
		m[j] = in ? ms[i] : 0;
		v[j] = in ? vs[i] : 0;
	}
	// A power takes long: a warp each, while the others wait for memory.
	if (threadIdx.x == 32 || threadIdx.x == 64)
		rest[threadIdx.x / 64] = 1 - pow(threadIdx.x == 32 ? c->beta1 : c->beta2, (double)(c->time + 1));
	const Outcome sums = outcome(c, own(a.squares, a.stride), a.norm_blocks, own(a.sums, a.stride), a.loss_blocks, s);
	if (stop || sums.bad)
		return;
	if (threadIdx.x == 0) {
		const double most = c->max_norm / (sums.norm + 1e-6);
		step->scale = c->max_norm > 0 && most < 1 ? most : 1;
		step->decay = c->decay;
		step->beta1 = c->beta1;
		step->beta2 = c->beta2;
		step->gain1 = 1 - c->beta1;
		step->gain2 = 1 - c->beta2;
		step->rate = c->rate / rest[0];
		step->root_scale = 1 / sqrt(rest[1]);
		step->epsilon = c->epsilon;
	}
	__syncthreads();
	const AdamStep f = *step;
	bool good = true;
#pragma unroll
	for (int j = 0; j < EACH; j++) {
		const i64 i = first + j * blockDim.x;
		if (i >= a.size)
			break;
		const float d = f.scale * g[j] + f.decay * x[j];
		m[j] = f.beta1 * m[j] + f.gain1 * d;
		v[j] = f.beta2 * v[j] + f.gain2 * d * d;
		x[j] -= f.rate * m[j] / (sqrtf(v[j]) * f.root_scale + f.epsilon);
		ms[i] = m[j];
		vs[i] = v[j];
		w[i] = x[j];
		good = good && is_finite(x[j]);
	}
	if (!good)
		atomicExch((u64 *)&c->broken, 1);
}

struct finish_args {
	Control *ctl;
	const double *squares;
	const LossSums *sums;
	i64 norm_blocks, loss_blocks, stride;
};

KERNEL(256, 1, finish)
{
	SHARED(double, s, [8]);
	Control *c = own(a.ctl, a.stride);
	if (idle(a.ctl, a.stride))
		return;
	const LossSums *parts = own(a.sums, a.stride);
	const Outcome sums = outcome(c, own(a.squares, a.stride), a.norm_blocks, parts, a.loss_blocks, s);
	LossSums l = {};
	for (i64 i = threadIdx.x; i < a.loss_blocks; i += blockDim.x) {
		l.policy += parts[i].policy;
		l.value += parts[i].value;
		l.entropy += parts[i].entropy;
		l.kl += parts[i].kl;
		l.clip += parts[i].clip;
		l.deviation = parts[i].deviation > l.deviation ? parts[i].deviation : l.deviation;
	}
	l.policy = block_sum(l.policy, s);
	l.value = block_sum(l.value, s);
	l.entropy = block_sum(l.entropy, s);
	l.kl = block_sum(l.kl, s);
	l.clip = block_sum(l.clip, s);
	l.deviation = block_max(l.deviation, s);
	__syncthreads();
	if (threadIdx.x != 0)
		return;
	c->loss = sums.loss;
	c->norm = sums.norm;
	if (!sums.bad)
		c->time++;
	c->bad = sums.bad ? sums.bad : c->broken ? 3 : 0;
	if (c->bad)
		return;
	c->policy_loss += l.policy;
	c->value_loss += l.value;
	c->entropy += l.entropy;
	c->kl += l.kl;
	c->clip_fraction += l.clip;
	if (c->at == 0)
		c->deviation = l.deviation;
	c->grad_norm += sums.norm;
	c->at++;
}
