// Layers and their gradients by inputs.
#include "tile.cuh"

struct dense_args {
	const Control *ctl;
	const float *x, *w, *b;
	float *y;
	i64 rows, heads, n, k, relu, stride;
};

KERNEL(128, 6, dense)
{
	const bool stop = idle(a.ctl, a.stride);
	const int n = a.n, depth = a.k, tiles = (n + TILE - 1) / TILE, head = blockIdx.y / tiles;
	const int col = blockIdx.y % tiles * TILE;
	const int width = a.heads * depth, out = a.heads * n;
	const i64 row = (i64)blockIdx.x * TILE, rows = a.rows;
	const int left = least(rows - row, (i64)TILE);
	const float *x = own(a.x, a.stride) + row * width + (i64)head * depth;
	const float *w = own(a.w, a.stride) + ((i64)head * n + col) * depth;
	const float *b = own(a.b, a.stride) + (i64)head * n;
	float *y = own(a.y, a.stride) + row * out + (i64)head * n, acc[2][4], bias[4];
	columns(b, col, n, bias);
	const bool done = multiply<true>(
		stop, depth, [&](int r, int k) { return r < left ? __ldg(x + r * width + k) : 0.0f; },
		[&](int k, int c) { return col + c < n ? __ldg(w + c * depth + k) : 0.0f; }, acc);
	const bool relu = a.relu;
	if (done)
		store(acc, left, col, n, [&](int r, int c, int j, float v) { y[r * out + c] = activate(v, bias[j], relu); });
}

struct masked_args {
	const Control *ctl;
	const float *latent, *prefix, *w, *b;
	float *y;
	i64 rows, heads, n, l, p, relu, stride;
};

KERNEL(128, 6, masked)
{
	const bool stop = idle(a.ctl, a.stride);
	const int n = a.n, l = a.l, p = a.p, tiles = (n + TILE - 1) / TILE, head = blockIdx.y / tiles;
	const int col = blockIdx.y % tiles * TILE, k_all = l + (int)a.heads - 1;
	const int out = a.heads * n;
	const i64 row = (i64)blockIdx.x * TILE, rows = a.rows;
	const int left = least(rows - row, (i64)TILE);
	const float *latent = own(a.latent, a.stride) + row * l, *prefix = own(a.prefix, a.stride) + row * p - l;
	const float *w = own(a.w, a.stride) + ((i64)head * n + col) * k_all, *b = own(a.b, a.stride) + (i64)head * n;
	float *y = own(a.y, a.stride) + row * out + (i64)head * n, acc[2][4], bias[4];
	columns(b, col, n, bias);
	const bool done = multiply<true>(
		stop, l + head,
		[&](int r, int k) {
			if (r >= left)
				return 0.0f;
			return __ldg(k < l ? latent + r * l + k : prefix + r * p + k);
		},
		[&](int k, int c) { return col + c < n ? __ldg(w + c * k_all + k) : 0.0f; }, acc);
	const bool relu = a.relu;
	if (done)
		store(acc, left, col, n, [&](int r, int c, int j, float v) { y[r * out + c] = activate(v, bias[j], relu); });
}

struct dense_grad_x_args {
	const Control *ctl;
	const float *gz, *gate, *w;
	float *gx;
	i64 rows, heads, n, k, stride;
};

KERNEL(128, 6, dense_grad_x)
{
	const bool stop = idle(a.ctl, a.stride);
	const int n = a.n, width = a.k, tiles = (width + TILE - 1) / TILE, head = blockIdx.y / tiles;
	const int col = blockIdx.y % tiles * TILE;
	const int in = a.heads * n, out = a.heads * width;
	const i64 row = (i64)blockIdx.x * TILE, rows = a.rows, from = row * in + (i64)head * n;
	const int left = least(rows - row, (i64)TILE);
	const float *gz = own(a.gz, a.stride) + from, *gate = a.gate ? own(a.gate, a.stride) + from : 0;
	const float *w = own(a.w, a.stride) + (i64)head * n * width + col;
	float *gx = own(a.gx, a.stride) + row * out + (i64)head * width, acc[2][4];
	const bool done = multiply<false>(
		stop, n,
		[&](int r, int k) {
			if (r >= left)
				return 0.0f;
			const int i = r * in + k;
			return !gate || __ldg(gate + i) > 0 ? __ldg(gz + i) : 0.0f;
		},
		[&](int k, int c) { return col + c < width ? __ldg(w + k * width + c) : 0.0f; }, acc);
	if (done)
		store(acc, left, col, width, [&](int r, int c, int, float v) { gx[r * out + c] = v; });
}

struct masked_grad_latent_args {
	const Control *ctl;
	const float *gz, *gate, *w;
	float *gl;
	i64 rows, heads, n, l, stride;
};

// The sum is long and the result small: the four warps of a block take every
// fourth tile of terms each, and their sums are added in the order of the warps.
enum { LATENT_ROWS = 16 };

KERNEL(128, 5, masked_grad_latent)
{
	SHARED(float4, as, [4 * TILE * LATENT_ROWS / 4]);
	SHARED(float4, bs, [4 * TILE * TILE / 4]);
	const bool stop = idle(a.ctl, a.stride);
	const int l = a.l, width = l + (int)a.heads - 1, depth = a.heads * a.n;
	const int warp = threadIdx.x >> 5, lane = threadIdx.x & 31, col = blockIdx.y * TILE;
	const i64 row = (i64)blockIdx.x * LATENT_ROWS, rows = a.rows;
	const float *gz = own(a.gz, a.stride), *gate = a.gate ? own(a.gate, a.stride) : 0, *w = own(a.w, a.stride);
	float *sa = (float *)as + warp * TILE * LATENT_ROWS, *sb = (float *)bs + warp * TILE * TILE;
	float acc[4][4] = {};
	for (int base = 0; base < depth; base += 4 * TILE) {
		const int from = base + warp * TILE;
		__syncthreads();
#pragma unroll
		for (int r = 0; r < LATENT_ROWS; r++) {
			float v = 0;
			if (row + r < rows && from + lane < depth) {
				const i64 i = (row + r) * depth + from + lane;
				v = !gate || __ldg(gate + i) > 0 ? __ldg(gz + i) : 0.0f;
			}
			sa[lane * LATENT_ROWS + (((r >> 2) ^ (lane >> 1 & 3)) << 2) + (r & 3)] = v;
		}
#pragma unroll 16
		for (int k = 0; k < TILE; k++)
			sb[k * TILE + lane] =
				from + k < depth && col + lane < l ? __ldg(w + (i64)(from + k) * width + col + lane) : 0.0f;
		if (stop)
			return;
		__syncthreads();
		const int end = least(depth - from, (int)TILE);
		for (int k = 0; k < end; k++) {
			const float4 x = *(const float4 *)(sa + k * LATENT_ROWS + (((lane >> 3) ^ (k >> 1 & 3)) << 2));
			const float xs[4] = {x.x, x.y, x.z, x.w};
			outer<4>(acc, xs, *(const float4 *)(sb + k * TILE + (lane & 7) * 4));
		}
	}
	__syncthreads();
	// Sums of the warps: element (i, j) of lane t of warp v at (v*16 + 4i+j)*32 + t.
	float *sums = (float *)bs;
#pragma unroll
	for (int i = 0; i < 4; i++)
#pragma unroll
		for (int j = 0; j < 4; j++)
			sums[(warp * 16 + 4 * i + j) * 32 + lane] = acc[i][j];
	__syncthreads();
	float *gl = own(a.gl, a.stride);
	for (int e = warp; e < 16; e += 4) {
		float v = sums[e * 32 + lane];
		for (int other = 1; other < 4; other++)
			v += sums[(other * 16 + e) * 32 + lane];
		const i64 r = row + (lane >> 3) * 4 + e / 4;
		const int c = col + (lane & 7) * 4 + e % 4;
		if (r < rows && c < l)
			gl[r * l + c] = v;
	}
}
