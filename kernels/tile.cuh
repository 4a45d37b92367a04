// Products of matrices by tiles in shared memory and registers.
#pragma once
#include "common.cuh"

// A tile of K_TILE x n floats in shared memory holds element (k, c) at
// place<n>(k, c): four neighbours along c stay together, which a thread reads at
// once, and groups of four are permuted from row to row so that storing along
// k, eight at a time, meets every bank once.
enum { K_TILE = 32, ROWS = 64, COLS = 32 };

template <int n> __device__ inline int place(int k, int c) { return k * n + (((c >> 2) ^ (k & 7)) << 2) + (c & 3); }

// read4 reads the four elements (k, 4g..4g+3).
template <int n> __device__ inline float4 read4(const float *s, int k, int g)
{
	return *(const float4 *)(s + k * n + ((g ^ (k & 7)) << 2));
}

// fill_along_k fills a tile from a source that is contiguous along k, with
// element(k, c). Eight k times four c make a warp's read.
template <int n, int threads, class F> __device__ inline void fill_along_k(float *s, F element)
{
	const int lane = threadIdx.x & 31, warp = threadIdx.x >> 5;
	const int tasks = K_TILE / 8 * (n / 4);
#pragma unroll 4
	for (int i = warp; i < tasks; i += threads / 32) {
		int k = (i & 3) * 8 + (lane & 7), c = (i >> 2) * 4 + (lane >> 3);
		s[place<n>(k, c)] = element(k, c);
	}
}

// fill_along_c fills a tile from a source that is contiguous along c.
template <int n, int threads, class F> __device__ inline void fill_along_c(float *s, F element)
{
#pragma unroll 4
	for (int i = threadIdx.x; i < K_TILE * n; i += threads) {
		int k = i / n, c = i % n;
		s[place<n>(k, c)] = element(k, c);
	}
}

// outer adds the outer product of four and four elements.
__device__ inline void outer(float acc[4][4], float4 a, float4 b)
{
	const float x[4] = {a.x, a.y, a.z, a.w}, y[4] = {b.x, b.y, b.z, b.w};
#pragma unroll
	for (int i = 0; i < 4; i++)
#pragma unroll
		for (int j = 0; j < 4; j++)
			acc[i][j] = fmaf(x[i], y[j], acc[i][j]);
}

// multiply leaves in acc, for rows 4*(t/8).. and columns 4*(t%8).. of thread t's
// block of ROWS x COLS, the sums over k < depth of A(row, k) B(k, column), from
// k = 0 up. along_k says how B lies. 128 threads.
template <bool along_k, class A, class B> __device__ inline void multiply(int depth, A a, B b, float acc[4][4])
{
	SHARED(float4, as, [K_TILE * ROWS / 4]);
	SHARED(float4, bs, [K_TILE * COLS / 4]);
	float *sa = (float *)as, *sb = (float *)bs;
	const int row = threadIdx.x >> 3, col = threadIdx.x & 7;
#pragma unroll
	for (int i = 0; i < 4; i++)
#pragma unroll
		for (int j = 0; j < 4; j++)
			acc[i][j] = 0;
	for (int from = 0; from < depth; from += K_TILE) {
		__syncthreads();
		fill_along_k<ROWS, 128>(sa, [&](int k, int r) { return from + k < depth ? a(r, from + k) : 0.0f; });
		auto element = [&](int k, int c) { return from + k < depth ? b(from + k, c) : 0.0f; };
		if (along_k)
			fill_along_k<COLS, 128>(sb, element);
		else
			fill_along_c<COLS, 128>(sb, element);
		__syncthreads();
		const int end = least(depth - from, (int)K_TILE);
		for (int k = 0; k < end; k += 8)
#pragma unroll
			for (int j = 0; j < 8; j++)
				outer(acc, read4<ROWS>(sa, k + j, row), read4<COLS>(sb, k + j, col));
	}
}

// store passes the thread's results to put(row, column, value), the row counted
// from the block's first of the given number, where the column is below cols.
template <class F> __device__ inline void store(const float acc[4][4], int rows, int col, int cols, F put)
{
	const int row = (threadIdx.x >> 3) * 4;
	col += (threadIdx.x & 7) * 4;
#pragma unroll
	for (int i = 0; i < 4; i++)
#pragma unroll
		for (int j = 0; j < 4; j++)
			if (row + i < rows && col + j < cols)
				put(row + i, col + j, acc[i][j]);
}
