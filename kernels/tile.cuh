// Products of matrices by tiles in shared memory and registers.
#pragma once
#include "common.cuh"

// A tile has TILE terms of TILE rows or columns. In shared memory element (k, c)
// is at place(k, c): four neighbours along c stay together, which a thread reads
// at once, and groups of four are permuted from row to row, so that storing
// eight k times four c meets every bank once.
enum { TILE = 32, PRODUCT_THREADS = 128, SHARE = TILE * TILE / PRODUCT_THREADS };

__device__ inline int place(int k, int c) { return k * TILE + (((c >> 2) ^ (k & 7)) << 2) + (c & 3); }

// Corner is where the thread's j-th element of a tile is: along k in a source
// that is contiguous along k, else along c.
template <bool along_k> __device__ inline void corner(int j, int *k, int *c)
{
	const int lane = threadIdx.x & 31, warp = threadIdx.x >> 5;
	*k = along_k ? warp * 8 + (lane & 7) : warp + 4 * j;
	*c = along_k ? (lane >> 3) + 4 * j : lane;
}

// outer adds the outer product of x and four elements.
template <int n> __device__ inline void outer(float acc[n][4], const float x[n], float4 b)
{
	const float y[4] = {b.x, b.y, b.z, b.w};
#pragma unroll
	for (int i = 0; i < n; i++)
#pragma unroll
		for (int j = 0; j < 4; j++)
			acc[i][j] = fmaf(x[i], y[j], acc[i][j]);
}

// multiply leaves in acc, for rows 2*(t/8).. and columns 4*(t%8).. of thread t's
// block of TILE x TILE, the sums over k < depth of a(row, k) b(k, column), from
// k = 0 up; a is contiguous along k, and along_k says whether b is too. It
// returns false, with nothing in acc, where stop is set, which it looks at only
// once the first tile is on its way.
template <bool along_k, class A, class B>
__device__ inline bool multiply(bool stop, int depth, A a, B b, float acc[2][4])
{
	SHARED(float4, as, [TILE * TILE / 4]);
	SHARED(float4, bs, [TILE * TILE / 4]);
	float *sa = (float *)as, *sb = (float *)bs, next_a[SHARE], next_b[SHARE];
	const int row = threadIdx.x >> 3, col = threadIdx.x & 7;
	auto load = [&](int from) {
#pragma unroll
		for (int j = 0; j < SHARE; j++) {
			int k, c;
			corner<true>(j, &k, &c);
			next_a[j] = from + k < depth ? a(c, from + k) : 0.0f;
			corner<along_k>(j, &k, &c);
			next_b[j] = from + k < depth ? b(from + k, c) : 0.0f;
		}
	};
#pragma unroll
	for (int i = 0; i < 8; i++)
		acc[i / 4][i % 4] = 0;
	load(0);
	if (stop)
		return false;
	for (int from = 0; from < depth; from += TILE) {
		__syncthreads();
#pragma unroll
		for (int j = 0; j < SHARE; j++) {
			int k, c;
			corner<true>(j, &k, &c);
			sa[place(k, c)] = next_a[j];
			corner<along_k>(j, &k, &c);
			sb[place(k, c)] = next_b[j];
		}
		__syncthreads();
		if (from + TILE < depth)
			load(from + TILE);
		const int end = least(depth - from, (int)TILE);
		for (int k = 0; k < end; k += 8)
#pragma unroll
			for (int j = 0; j < 8; j++) {
				const float2 x = *(const float2 *)(sa + place(k + j, 2 * row));
				const float xs[2] = {x.x, x.y};
				outer<2>(acc, xs, *(const float4 *)(sb + place(k + j, 4 * col)));
			}
	}
	return true;
}

// store passes the thread's results to put(row, column, j, value), j the column's
// number among the thread's four, where row and column are below their ends.
// Rows are counted from the block's first, columns from the matrix's; col is the
// block's first.
template <class F> __device__ inline void store(const float acc[2][4], int rows, int col, int cols, F put)
{
	const int row = (threadIdx.x >> 3) * 2;
	col += (threadIdx.x & 7) * 4;
#pragma unroll
	for (int i = 0; i < 2; i++)
#pragma unroll
		for (int j = 0; j < 4; j++)
			if (row + i < rows && col + j < cols)
				put(row + i, col + j, j, acc[i][j]);
}

// columns reads what belongs to the thread's four columns, so that it is there
// when the sums are.
__device__ inline void columns(const float *from, int col, int cols, float to[4])
{
	col += (threadIdx.x & 7) * 4;
#pragma unroll
	for (int j = 0; j < 4; j++)
		to[j] = col + j < cols ? __ldg(from + col + j) : 0.0f;
}

// Result of a layer before and after its activation. A NaN stays one.
__device__ inline float activate(float x, float bias, bool relu)
{
	x += bias;
	return relu && x < 0 ? 0.0f : x;
}
