//go:build cgo

// Products and sums stay apart: in ISO C, as cgo.go asks for, GCC does not fuse
// them, and other compilers heed the pragma.
#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#endif

#include "kernels.h"

#include <math.h>
#include <string.h>

#if defined(__x86_64__) && defined(__GNUC__)
#define X86 1
#include <immintrin.h>
#endif

// GREATER(v, m) is v where v > m and m elsewhere, as the instruction has it.

#ifdef X86

#pragma GCC push_options
#pragma GCC target("avx512f,avx512dq,avx512vl,avx512bw,avx2")
#define NAME(x) x##_avx512
#define VEC __m512d
#define LANES 8
#define LOAD(p) _mm512_loadu_pd(p)
#define STORE(p, v) _mm512_storeu_pd(p, v)
#define SPLAT(x) _mm512_set1_pd(x)
#define MUL(a, b) _mm512_mul_pd(a, b)
#define ADD(a, b) _mm512_add_pd(a, b)
#define SUB(a, b) _mm512_sub_pd(a, b)
#define GREATER(v, m) _mm512_max_pd(v, m)
#define LESS(v, m) _mm512_min_pd(v, m)
#define ANYGREATER(a, b) (_mm512_cmp_pd_mask(a, b, _CMP_GT_OQ) != 0)
#include "kernels_tile.h"
#pragma GCC pop_options

#pragma GCC push_options
#pragma GCC target("avx2")
#define NAME(x) x##_avx2
#define VEC __m256d
#define LANES 4
#define LOAD(p) _mm256_loadu_pd(p)
#define STORE(p, v) _mm256_storeu_pd(p, v)
#define SPLAT(x) _mm256_set1_pd(x)
#define MUL(a, b) _mm256_mul_pd(a, b)
#define ADD(a, b) _mm256_add_pd(a, b)
#define SUB(a, b) _mm256_sub_pd(a, b)
#define GREATER(v, m) _mm256_max_pd(v, m)
#define LESS(v, m) _mm256_min_pd(v, m)
#define ANYGREATER(a, b) (_mm256_movemask_pd(_mm256_cmp_pd(a, b, _CMP_GT_OQ)) != 0)
#include "kernels_tile.h"
#pragma GCC pop_options

#endif

// Two lanes suit every machine at hand: SSE2 and NEON.
typedef double vec2 __attribute__((vector_size(16)));
typedef long long ivec2 __attribute__((vector_size(16)));

static inline vec2 load2(const double *p)
{
	vec2 v;
	memcpy(&v, p, sizeof v);
	return v;
}

static inline void store2(double *p, vec2 v) { memcpy(p, &v, sizeof v); }

static inline vec2 pick2(ivec2 mask, vec2 yes, vec2 no) { return (vec2)((mask & (ivec2)yes) | (~mask & (ivec2)no)); }

static inline int any2(ivec2 mask) { return (mask[0] | mask[1]) != 0; }

#define NAME(x) x##_any
#define VEC vec2
#define LANES 2
#define LOAD(p) load2(p)
#define STORE(p, v) store2(p, v)
#define SPLAT(x) ((vec2){(x), (x)})
#define MUL(a, b) ((a) * (b))
#define ADD(a, b) ((a) + (b))
#define SUB(a, b) ((a) - (b))
#define GREATER(v, m) greater2(v, m)
#define LESS(v, m) less2(v, m)
#define ANYGREATER(a, b) any2((a) > (b))

static inline vec2 greater2(vec2 v, vec2 m) { return pick2(v > m, v, m); }
static inline vec2 less2(vec2 v, vec2 m) { return pick2(v < m, v, m); }

#include "kernels_tile.h"

// The instructions in use: 0 any, 1 AVX2, 2 AVX-512.
static int isa;

static int best(void)
{
	int level = 0;
#ifdef X86
	__builtin_cpu_init();
	if (__builtin_cpu_supports("avx2"))
		level = 1;
	if (level && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
		__builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw"))
		level = 2;
#endif
	return level;
}

__attribute__((constructor)) static void start(void) { isa = best(); }

int paspo_pieces_limit_isa(int level)
{
	int have = best();
	isa = level < have ? level : have;
	return isa;
}

#ifdef X86
#define DISPATCH(f, ...) \
	switch (isa) { \
	case 2: \
		return f##_avx512(__VA_ARGS__); \
	case 1: \
		return f##_avx2(__VA_ARGS__); \
	} \
	return f##_any(__VA_ARGS__)
#else
#define DISPATCH(f, ...) return f##_any(__VA_ARGS__)
#endif

int paspo_pieces_wide(const piecesshape *s, const double *lower, const double *upper, const double *col, double *rho,
	const double *z, const double *base, double *lo, double *hi)
{
	DISPATCH(wide, s, lower, upper, col, rho, z, base, lo, hi);
}

int paspo_pieces_narrow(const piecesshape *s, const double *lower, const double *upper, const double *col, double *rho,
	const double *z, const double *base, double *lo, double *hi)
{
	DISPATCH(narrow, s, lower, upper, col, rho, z, base, lo, hi);
}
