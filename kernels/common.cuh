// What every kernel starts from. The same sources compile for the device and,
// with PASPO_HOST defined, for the host (host/shim.h).
#pragma once

#ifdef PASPO_HOST
#include "host/shim.h"
#else
// KERNEL starts the definition of a kernel that takes the struct NAME_args as a.
// Its blocks have at most the given number of threads, and a multiprocessor
// holds the given number of them at least, which bounds the registers.
#define KERNEL(threads, blocks, name) \
	extern "C" __global__ void __launch_bounds__(threads, blocks) name(const name##_args a)
// SHARED declares an array in the block's shared memory; DYNAMIC names the part
// whose size the launch gives.
#define SHARED(type, name, dims) __shared__ type name dims
#define DYNAMIC(type, name) \
	extern __shared__ double paspo_dynamic[]; \
	type *name = (type *)paspo_dynamic
#endif

typedef long long i64;
typedef unsigned long long u64;
typedef unsigned int u32;

// Control mirrors the Go type.
struct Control {
	i64 at, steps, time, bad;
	double rate, clip, value_coef, entropy_coef, max_norm, decay, beta1, beta2, epsilon;
	double policy_loss, value_loss, entropy, kl, clip_fraction, deviation, grad_norm;
	double loss, norm;
	i64 broken;
	i64 spare[9];
};

// of_agent moves an address from agent 0 to an agent, own to the block's.
template <class T> __device__ inline T *of_agent(T *p, i64 agent, i64 stride) { return (T *)((char *)p + agent * stride); }
template <class T> __device__ inline T *own(T *p, i64 stride) { return of_agent(p, blockIdx.z, stride); }

// idle reports whether the agent has nothing left to do. Without a control block
// it always has.
__device__ inline bool idle(const Control *c, i64 stride)
{
	if (!c)
		return false;
	c = own(c, stride);
	return c->at >= c->steps || c->bad != 0;
}

template <class T> __device__ inline T least(T a, T b) { return b < a ? b : a; }

// is_finite is false for NaN too.
__device__ inline bool is_finite(double x) { return x - x == 0; }

// product is x y, rounded.
__device__ inline double product(double x, double y)
{
#ifdef PASPO_HOST
	double p = x * y;
	__asm__("" : "+m"(p));
	return p;
#else
	return __dmul_rn(x, y);
#endif
}

// combine folds v over the threads of a block, always in the same order, for all
// of them. Warps are full; s has room for one number of each.
template <class F> __device__ inline double combine(double v, double *s, F f)
{
	const int warps = blockDim.x / 32;
#pragma unroll
	for (int lane = 16; lane > 0; lane /= 2)
		v = f(v, __shfl_xor_sync(0xFFFFFFFFu, v, lane));
	__syncthreads();
	if ((threadIdx.x & 31) == 0)
		s[threadIdx.x / 32] = v;
	__syncthreads();
	v = s[0];
	for (int i = 1; i < warps; i++)
		v = f(v, s[i]);
	return v;
}

__device__ inline double block_sum(double v, double *s)
{
	return combine(v, s, [](double x, double y) { return x + y; });
}

__device__ inline double block_max(double v, double *s)
{
	return combine(v, s, [](double x, double y) { return y > x ? y : x; });
}
