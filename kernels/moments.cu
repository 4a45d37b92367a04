// Running statistics of observations: see MomentsArgs in moments.go.
#include "moments.cuh"

struct MomentsPart {
	i64 agent, first, rows, index, count;
};

struct moments_args {
	const double *obs;
	const MomentsPart *parts;
	double *mean, *squares;
	Normalizer *normalizer;
	i64 obs_dim, part_count, stride;
};

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

// A block takes 32 components of a part, a warp every eighth row. The last block
// of an agent merges.
KERNEL(256, 3, moments)
{
	enum { WARPS = 8 };
	SHARED(double, sums, [WARPS][32]);
	SHARED(double, squares, [WARPS][32]);
	SHARED(int, ticket, [1]);
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
	if (warp == 0 && k < o) {
		for (int w = 1; w < WARPS; w++) {
			sum += sums[w][lane];
			square += squares[w][lane];
		}
		const double mean = sum / (double)part.rows;
		a.mean[blockIdx.x * o + k] = first + mean;
		a.squares[blockIdx.x * o + k] = fma(-sum, mean, square);
	}

	Normalizer *seen = of_agent(a.normalizer, part.agent, a.stride);
	const int blocks = (int)(part.count * gridDim.y);
	__syncthreads();
	if (threadIdx.x == 0) {
		__threadfence(); // what the block has written comes before its ticket
		ticket[0] = blocks > 1 ? atomicAdd(&seen->blocks, 1) : 0;
		__threadfence();
	}
	__syncthreads();
	if (ticket[0] != blocks - 1)
		return;

	// Other blocks' results are read past the cache of this multiprocessor.
	const volatile double *part_mean = a.mean, *part_squares = a.squares;
	const i64 from = blockIdx.x - part.index;
	const double before = seen->count;
	double *mean = seen->means(), *m2 = mean + o;
	double after = 0;
	for (i64 c = threadIdx.x; c < o; c += blockDim.x) {
		Seen all = {(double)a.parts[from].rows, part_mean[from * o + c], part_squares[from * o + c]};
		for (i64 p = from + 1; p < from + part.count; p++)
			all.merge({(double)a.parts[p].rows, part_mean[p * o + c], part_squares[p * o + c]});
		Seen total = {before, mean[c], m2[c]};
		total.merge(all);
		mean[c] = total.mean;
		m2[c] = total.squares;
		after = total.count;
	}
	__syncthreads();
	if (threadIdx.x == 0) {
		seen->count = after;
		seen->blocks = 0;
	}
}
