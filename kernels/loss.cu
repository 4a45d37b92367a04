// The loss of PPO, its gradients and diagnostics.
#include "loss.cuh"

struct loss_args {
	const Control *ctl;
	const float *terms, *value, *old, *advantage, *target, *weight, *g;
	float *g_terms, *g_value;
	LossSums *sums;
	i64 rows, stride;
};

KERNEL(128, 4, loss)
{
	SHARED(double, s, [4]);
	const Control *c = own(a.ctl, a.stride);
	const bool stop = idle(a.ctl, a.stride);
	const i64 r = (i64)blockIdx.x * blockDim.x + threadIdx.x;
	LossSums d = {};
	if (r < a.rows) {
		const float *terms = own(a.terms, a.stride) + 2 * r;
		const double w = own(a.weight, a.stride)[r], lp = terms[0], entropy = terms[1], old = own(a.old, a.stride)[r];
		const double adv = own(a.advantage, a.stride)[r], e = (double)own(a.value, a.stride)[r] - own(a.target, a.stride)[r];
		double g_lp = 0, g_entropy = 0, g_v = 0;
		if (w != 0) {
			const double g = a.g ? w * (double)*own(a.g, a.stride) : w;
			const double eps = (float)c->clip, value_coef = (float)c->value_coef, entropy_coef = (float)c->entropy_coef;
			// Beyond exp(40) the ratio is constant: see ops.maxLogRatio.
			const double change = lp - old, rho = exp(change > 40 ? 40.0 : change);
			const double low = rho < 1 - eps ? 1 - eps : rho, clipped = low > 1 + eps ? 1 + eps : low;
			// Written so that a NaN of the ratio is not clipped away.
			const bool free = !(rho * adv > clipped * adv);
			const double surrogate = free ? rho * adv : clipped * adv;
			const double off = fabs(rho - 1);
			g_lp = -g * (free ? rho * adv : 0);
			g_entropy = -g * entropy_coef;
			g_v = 2 * g * value_coef * e;
			d.policy = -w * surrogate;
			d.value = w * e * e;
			d.entropy = w * entropy;
			d.kl = w * (rho - 1 - change);
			d.clip = off > eps ? w : 0;
			d.deviation = off;
		}
		if (stop)
			return;
		own(a.g_terms, a.stride)[2 * r] = g_lp;
		own(a.g_terms, a.stride)[2 * r + 1] = g_entropy;
		own(a.g_value, a.stride)[r] = g_v;
	}
	if (stop)
		return;
	d.policy = block_sum(d.policy, s);
	d.value = block_sum(d.value, s);
	d.entropy = block_sum(d.entropy, s);
	d.kl = block_sum(d.kl, s);
	d.clip = block_sum(d.clip, s);
	d.deviation = block_max(d.deviation, s);
	if (threadIdx.x == 0)
		own(a.sums, a.stride)[blockIdx.x] = d;
}
