// Running statistics of observations: see MomentsArgs in moments.go.
#include "moments.cuh"

struct MomentsPart {
	i64 agent, first, rows, index, count;
	double before;
};

struct moments_args {
	const double *obs;
	const MomentsPart *parts;
	double *mean, *squares;
	Normalizer *normalizer;
	i64 obs_dim, part_count, stride;
};

typedef moments_args merge_moments_args;

// Seen are the moments of some rows of a component.
struct Seen {
	double count, mean, squares;

	__device__ void merge(const Seen &b)
	{
		const double n = count + b.count, d = b.mean - mean, share = b.count / n;
		mean = fma(d, share, mean);
		squares = fma(product(d, d), product(count, share), squares + b.squares);
		count = n;
	}
};

// learn merges moments of a component into what was seen of it before. The count
// is not read: another block may have written it already.
__device__ inline void learn(Normalizer *n, i64 dim, i64 k, double before, const Seen &b)
{
	double *mean = n->means() + k, *squares = mean + dim;
	Seen all = {before, *mean, *squares};
	all.merge(b);
	*mean = all.mean;
	*squares = all.squares;
	if (k == 0)
		n->count = all.count;
}

// A block takes 32 components of a part, a warp every eighth row.
KERNEL(256, 3, moments)
{
	enum { WARPS = 8 };
	SHARED(double, sums, [WARPS][32]);
	SHARED(double, squares, [WARPS][32]);
	const MomentsPart part = a.parts[blockIdx.x];
	const i64 o = a.obs_dim, k = (i64)blockIdx.y * 32 + (threadIdx.x & 31);
	const int warp = threadIdx.x / 32, lane = threadIdx.x & 31;
	double first = 0, sum = 0, square = 0;
	if (k < o) {
		const double *x = a.obs + part.first * o + k;
		first = x[0];
#pragma unroll 8
		for (int r = warp; r < (int)part.rows; r += WARPS) {
			const double d = x[r * o] - first;
			sum += d;
			square = fma(d, d, square);
		}
	}
	sums[warp][lane] = sum;
	squares[warp][lane] = square;
	__syncthreads();
	if (warp > 0 || k >= o)
		return;
	for (int w = 1; w < WARPS; w++) {
		sum += sums[w][lane];
		square += squares[w][lane];
	}
	const double rows = (double)part.rows, mean = sum / rows;
	const Seen seen = {rows, first + mean, fma(-sum, mean, square)};
	if (part.count == 1)
		learn(of_agent(a.normalizer, part.agent, a.stride), o, k, part.before, seen);
	else {
		a.mean[blockIdx.x * o + k] = seen.mean;
		a.squares[blockIdx.x * o + k] = seen.squares;
	}
}

// A block takes 256 components of the agent whose first part is its own.
KERNEL(256, 3, merge_moments)
{
	const i64 from = blockIdx.x, o = a.obs_dim, k = (i64)blockIdx.y * 256 + threadIdx.x;
	const MomentsPart part = a.parts[from];
	if (part.index > 0 || part.count == 1 || k >= o)
		return;
	Seen all = {(double)part.rows, a.mean[from * o + k], a.squares[from * o + k]};
#pragma unroll 4
	for (i64 p = from + 1; p < from + part.count; p++)
		all.merge({(double)a.parts[p].rows, a.mean[p * o + k], a.squares[p * o + k]});
	learn(of_agent(a.normalizer, part.agent, a.stride), o, k, part.before, all);
}
