// Gradients of layers by weights and biases.
#include "tile.cuh"

enum { CHUNK = 256, STAGE = 64, GROUPS = 4, PART = STAGE / GROUPS };

// gradients sums, over the rows of the block's chunk, gz(row, o) x(row, k) for
// o and k of the block's tile. The block's four groups of threads take every
// fourth run of PART rows each; their sums are added in the order of the groups.
// Sums go to put_w(o, k, value) and, where bias is set, those of gz alone to
// put_b(o, value).
template <class Z, class X, class W, class B>
__device__ inline void gradients(
	bool stop, i64 first, i64 rows, int n, int width, int o0, int k0, bool bias, Z gz, X x, W put_w, B put_b)
{
	SHARED(float4, zs, [STAGE * 32 / 4]);
	SHARED(float4, xs, [STAGE * 32 / 4]);
	float *sz = (float *)zs, *sx = (float *)xs;
	const int group = threadIdx.x >> 6, t = threadIdx.x & 63, o = t >> 3, k = t & 7;
	float acc[4][4] = {}, acc_b[4] = {};
	const i64 end = least(first + CHUNK, rows);
	for (i64 from = first; from < end; from += STAGE) {
		__syncthreads();
#pragma unroll
		for (int i = threadIdx.x; i < STAGE * 32; i += 256) {
			const int r = i >> 5, c = i & 31;
			const bool in = from + r < end;
			sz[i] = in && o0 + c < n ? gz(from + r, o0 + c) : 0.0f;
			sx[i] = in && k0 + c < width ? x(from + r, k0 + c) : 0.0f;
		}
		if (stop)
			return;
		__syncthreads();
#pragma unroll 4
		for (int r = group * PART; r < (group + 1) * PART; r++) {
			const float4 z = zs[r * 8 + o];
			const float zr[4] = {z.x, z.y, z.z, z.w};
			outer<4>(acc, zr, xs[r * 8 + k]);
			if (bias)
#pragma unroll
				for (int i = 0; i < 4; i++)
					acc_b[i] += zr[i];
		}
	}
	// The groups take turns at the shared memory: element e of thread t at e*64 + t.
	float total[4][4], total_b[4];
#pragma unroll
	for (int g = 0; g < GROUPS; g++) {
		__syncthreads();
		if (group == g) {
#pragma unroll
			for (int i = 0; i < 4; i++) {
#pragma unroll
				for (int j = 0; j < 4; j++)
					sz[(4 * i + j) * 64 + t] = acc[i][j];
				sx[i * 64 + t] = acc_b[i];
			}
		}
		__syncthreads();
		if (group == 0) {
#pragma unroll
			for (int i = 0; i < 4; i++) {
#pragma unroll
				for (int j = 0; j < 4; j++)
					total[i][j] = g == 0 ? acc[i][j] : total[i][j] + sz[(4 * i + j) * 64 + t];
				total_b[i] = g == 0 ? acc_b[i] : total_b[i] + sx[i * 64 + t];
			}
		}
	}
	if (group != 0)
		return;
#pragma unroll
	for (int i = 0; i < 4; i++) {
		if (o0 + 4 * o + i >= n)
			break;
		if (bias && k == 0)
			put_b(o0 + 4 * o + i, total_b[i]);
#pragma unroll
		for (int j = 0; j < 4; j++)
			if (k0 + 4 * k + j < width)
				put_w(o0 + 4 * o + i, k0 + 4 * k + j, total[i][j]);
	}
}

struct dense_grad_w_args {
	const Control *ctl;
	const float *x, *gz, *gate;
	float *gw, *gb;
	i64 rows, heads, n, k, copy, stride;
};

KERNEL(256, 3, dense_grad_w)
{
	const bool stop = idle(a.ctl, a.stride);
	const int n = a.n, k = a.k, heads = a.heads, tiles = (k + 31) / 32;
	const int head = blockIdx.y % heads, chunk = blockIdx.y / heads, tile = blockIdx.x % tiles;
	const i64 in = (i64)heads * n, width = (i64)heads * k, copy = chunk * a.copy;
	const float *x = own(a.x, a.stride) + (i64)head * k, *gz = own(a.gz, a.stride) + (i64)head * n;
	const float *gate = a.gate ? own(a.gate, a.stride) + (i64)head * n : 0;
	float *gw = own(a.gw, a.stride) + (i64)head * n * k, *gb = a.gb ? own(a.gb, a.stride) + (i64)head * n : 0;
	gradients(stop, (i64)chunk * CHUNK, a.rows, n, k, blockIdx.x / tiles * 32, tile * 32, gb && tile == 0,
		[&](i64 r, int o) { return !gate || __ldg(gate + r * in + o) > 0 ? __ldg(gz + r * in + o) : 0.0f; },
		[&](i64 r, int c) { return __ldg(x + r * width + c); },
		[&](int o, int c, float v) { *(float *)((char *)(gw + (i64)o * k + c) + copy) = v; },
		[&](int o, float v) { *(float *)((char *)(gb + o) + copy) = v; });
}

struct masked_grad_w_args {
	const Control *ctl;
	const float *latent, *prefix, *gz, *gate;
	float *gw, *gb;
	i64 rows, heads, n, l, p, copy, stride;
};

KERNEL(256, 3, masked_grad_w)
{
	const bool stop = idle(a.ctl, a.stride);
	const int n = a.n, l = a.l, p = a.p, heads = a.heads, k = l + heads - 1, tiles = (k + 31) / 32;
	const int head = blockIdx.y % heads, chunk = blockIdx.y / heads, tile = blockIdx.x % tiles, seen = l + head;
	const i64 in = (i64)heads * n, copy = chunk * a.copy;
	const float *latent = own(a.latent, a.stride), *prefix = own(a.prefix, a.stride);
	const float *gz = own(a.gz, a.stride) + (i64)head * n;
	const float *gate = a.gate ? own(a.gate, a.stride) + (i64)head * n : 0;
	float *gw = own(a.gw, a.stride) + (i64)head * n * k, *gb = a.gb ? own(a.gb, a.stride) + (i64)head * n : 0;
	gradients(stop, (i64)chunk * CHUNK, a.rows, n, k, blockIdx.x / tiles * 32, tile * 32, gb && tile == 0,
		[&](i64 r, int o) { return !gate || __ldg(gate + r * in + o) > 0 ? __ldg(gz + r * in + o) : 0.0f; },
		[&](i64 r, int c) {
			return c < l ? __ldg(latent + r * l + c) : c < seen ? __ldg(prefix + r * p + (c - l)) : 0.0f;
		},
		[&](int o, int c, float v) { *(float *)((char *)(gw + (i64)o * k + c) + copy) = c < seen ? v : 0.0f; },
		[&](int o, float v) { *(float *)((char *)(gb + o) + copy) = v; });
}
