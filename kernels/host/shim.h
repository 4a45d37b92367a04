// CUDA on the host, for tests: every thread of a block is a fiber on the
// operating-system thread that runs the block; blocks are spread over all cores.
// What it finds: barriers that not all threads reach, shared memory that is read
// before it is written (it starts as NaN) or written beyond its end, and most
// missing barriers, since odd blocks run their threads backwards, or in an order
// of PASPO_FAKE_ORDER, a number. What it cannot find: races, unless the kernels
// are compiled for the check of race.cpp.
#pragma once
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#ifdef PASPO_RACE
#include "race.h"
#endif

struct uint3 {
	unsigned x, y, z;
};

struct alignas(16) float4 {
	float x, y, z, w;
};

struct alignas(8) float2 {
	float x, y;
};

namespace cuhost {

enum { MOST_THREADS = 1024, MOST_SHARED = 48 << 10, GUARD = 64 };

// Fiber is a CUDA thread.
struct Fiber {
	void *stack; // where it goes on
	int state;
	int line; // of the barrier it waits at
	uint3 index;
};

// Block is a CUDA block.
struct Block {
	uint3 grid, size, index;
	const char *name;
	unsigned threads, dynamic_size;
	size_t shared;     // in use
	Fiber *fibers;
	unsigned now;      // the running thread
	void *scheduler;   // its stack
	void (*body)(const void *);
	const void *args;
	char *dynamic;
	const void *seen[32]; // static arrays that hold NaN already
	unsigned seen_count;
	unsigned long long exchange[MOST_THREADS];
	unsigned warp_phase[MOST_THREADS / 32]; // barriers that were passed
};

// What a thread waits for, which says also what the wait orders.
enum Wait { READY, AT_BLOCK, AT_WARP, AT_SHUFFLE, DONE };

extern __thread Block *current;

[[noreturn]] void fail(const char *what);
void barrier(int at, unsigned mask, int line);
void prepare(void *array, size_t bytes);
void launch(const char *name, void (*body)(const void *), const void *args, const unsigned grid[3], const unsigned block[3],
	unsigned shared, unsigned most);

inline Fiber &self() { return current->fibers[current->now]; }

// exchange passes a value to the lane that asks for it, which has to take part.
template <class T> __attribute__((no_sanitize("thread"))) T exchange(T v, unsigned from, unsigned mask, int line)
{
	static_assert(sizeof v <= 8, "a shuffle moves 8 bytes at most");
	Block &b = *current;
	const unsigned me = b.now, source = (me & ~31u) + from;
	memcpy(&b.exchange[me], &v, sizeof v);
	barrier(AT_SHUFFLE, mask, line);
	if (source >= b.threads || b.fibers[source].state == DONE)
		fail("a shuffle from a lane that does not take part");
	T r;
	memcpy(&r, &b.exchange[source], sizeof r);
	barrier(AT_SHUFFLE, mask, line);
	return r;
}

} // namespace cuhost

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline
#define __restrict__ __restrict
#define __constant__ static const

#define threadIdx (cuhost::self().index)
#define blockIdx (cuhost::current->index)
#define blockDim (cuhost::current->size)
#define gridDim (cuhost::current->grid)
#define warpSize 32

// KERNEL also exports the kernel to the fake driver, see host/all.cpp.
#define KERNEL(threads, blocks, name) \
	static void name##_body(const name##_args a); \
	extern "C" { \
	extern const size_t name##_args_size; \
	const size_t name##_args_size = sizeof(name##_args); \
	void host_##name(const void *args, const unsigned grid[3], const unsigned block[3], unsigned shared) \
	{ \
		name##_args a; \
		memcpy(&a, args, sizeof a); \
		cuhost::launch( \
			#name, [](const void *p) { name##_body(*(const name##_args *)p); }, &a, grid, block, shared, threads); \
	} \
	} \
	static void name##_body(const name##_args a)

// One block runs at a time on a thread of the operating system.
#define SHARED(type, name, dims) \
	static thread_local type name dims; \
	cuhost::prepare(&name, sizeof name)
#define DYNAMIC(type, name) type *name = (type *)cuhost::current->dynamic

// The line of the call tells barriers apart.
#define LINE int line = __builtin_LINE()

static inline void __syncthreads(LINE) { cuhost::barrier(cuhost::AT_BLOCK, ~0u, line); }
static inline void __syncwarp(unsigned mask = ~0u, LINE) { cuhost::barrier(cuhost::AT_WARP, mask, line); }
template <class T> T __shfl_sync(unsigned mask, T v, unsigned from, LINE) { return cuhost::exchange(v, from & 31, mask, line); }
template <class T> T __shfl_xor_sync(unsigned mask, T v, unsigned m, LINE)
{
	return cuhost::exchange(v, (cuhost::current->now & 31) ^ m, mask, line);
}
template <class T> T __shfl_down_sync(unsigned mask, T v, unsigned d, LINE)
{
	const unsigned lane = cuhost::current->now & 31;
	return cuhost::exchange(v, lane + d < 32 ? lane + d : lane, mask, line);
}
template <class T> T __shfl_up_sync(unsigned mask, T v, unsigned d, LINE)
{
	const unsigned lane = cuhost::current->now & 31;
	return cuhost::exchange(v, lane >= d ? lane - d : lane, mask, line);
}
#undef LINE
#ifdef PASPO_RACE
template <class T> T __ldg(const T *p)
{
	race_constant(p, sizeof *p);
	return *p;
}
#else
template <class T> T __ldg(const T *p) { return *p; }
#endif
static inline int atomicAdd(int *p, int v) { return __atomic_fetch_add(p, v, __ATOMIC_RELAXED); }
static inline int atomicMax(int *p, int v)
{
	int old = __atomic_load_n(p, __ATOMIC_RELAXED);
	while (old < v && !__atomic_compare_exchange_n(p, &old, v, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
	}
	return old;
}
static inline unsigned long long atomicExch(unsigned long long *p, unsigned long long v) { return __atomic_exchange_n(p, v, __ATOMIC_RELAXED); }
