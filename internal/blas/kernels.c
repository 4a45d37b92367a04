//go:build cgo

#include "kernels.h"

#include <math.h>
#include <string.h>

// Eight doubles, which the compiler splits where registers are narrower.
typedef double vec8 __attribute__((vector_size(64)));
typedef long long ivec8 __attribute__((vector_size(64)));

#define SPLAT8(x) ((vec8){(x), (x), (x), (x), (x), (x), (x), (x)})
#define pick8(mask, yes, no) ((vec8)(((ivec8)(mask) & (ivec8)(yes)) | (~(ivec8)(mask) & (ivec8)(no))))
#define load8(p) (*(const vec8u *)(p))
typedef double vec8u __attribute__((vector_size(64), aligned(8), may_alias));

#if defined(__x86_64__) && defined(__GNUC__)
#define X86 1
#include <immintrin.h>
#endif

#ifdef X86

#pragma GCC push_options
#pragma GCC target("avx512f,avx512dq,avx512vl,avx512bw,avx2,fma")
#define NAME(x) x##_avx512
#define VEC __m512
#define LANES 16
#define MR 8
#define MASK(n) ((__mmask16)((1u << (n)) - 1))
#define ZERO() _mm512_setzero_ps()
#define SPLAT(x) _mm512_set1_ps(x)
#define LOAD(p) _mm512_loadu_ps(p)
#define STORE(p, v) _mm512_storeu_ps(p, v)
#define LOADN(p, n) _mm512_maskz_loadu_ps(MASK(n), p)
#define STOREN(p, v, n) _mm512_mask_storeu_ps(p, MASK(n), v)
#define FMA(a, b, c) _mm512_fmadd_ps(a, b, c)
#define ADD(a, b) _mm512_add_ps(a, b)
#define MUL(a, b) _mm512_mul_ps(a, b)
#define DIV(a, b) _mm512_div_ps(a, b)
#define SQRT(x) _mm512_sqrt_ps(x)
// The second operand is returned where one is NaN.
#define RELU(x) _mm512_max_ps(_mm512_setzero_ps(), x)
#define SELECT(y, g) _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(y, _mm512_setzero_ps(), _CMP_GT_OQ), g)
#include "kernels_tile.h"
#include "kernels_beta.h"
#include "kernels_undef.h"
#pragma GCC pop_options

#pragma GCC push_options
#pragma GCC target("avx2,fma")
static const int maskbits[16] = {-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0};
#define NAME(x) x##_avx2
#define VEC __m256
#define LANES 8
#define MR 4
#define MASK(n) _mm256_loadu_si256((const __m256i *)(maskbits + 8 - (n)))
#define ZERO() _mm256_setzero_ps()
#define SPLAT(x) _mm256_set1_ps(x)
#define LOAD(p) _mm256_loadu_ps(p)
#define STORE(p, v) _mm256_storeu_ps(p, v)
#define LOADN(p, n) _mm256_maskload_ps(p, MASK(n))
#define STOREN(p, v, n) _mm256_maskstore_ps(p, MASK(n), v)
#define FMA(a, b, c) _mm256_fmadd_ps(a, b, c)
#define ADD(a, b) _mm256_add_ps(a, b)
#define MUL(a, b) _mm256_mul_ps(a, b)
#define DIV(a, b) _mm256_div_ps(a, b)
#define SQRT(x) _mm256_sqrt_ps(x)
#define RELU(x) _mm256_max_ps(_mm256_setzero_ps(), x)
#define SELECT(y, g) _mm256_and_ps(_mm256_cmp_ps(y, _mm256_setzero_ps(), _CMP_GT_OQ), g)
#include "kernels_tile.h"
#include "kernels_beta.h"
#include "kernels_undef.h"
#pragma GCC pop_options

#endif

// Four lanes suit every machine at hand: SSE and NEON.
typedef float vec4 __attribute__((vector_size(16)));
typedef int ivec4 __attribute__((vector_size(16)));

static inline vec4 load4(const float *p)
{
	vec4 v;
	memcpy(&v, p, sizeof v);
	return v;
}

static inline void store4(float *p, vec4 v) { memcpy(p, &v, sizeof v); }

static inline vec4 loadn4(const float *p, ptrdiff_t n)
{
	vec4 v = {0, 0, 0, 0};
	for (ptrdiff_t i = 0; i < n; i++)
		v[i] = p[i];
	return v;
}

static inline void storen4(float *p, vec4 v, ptrdiff_t n)
{
	for (ptrdiff_t i = 0; i < n; i++)
		p[i] = v[i];
}

static inline vec4 sqrt4(vec4 v)
{
	for (int i = 0; i < 4; i++)
		v[i] = sqrtf(v[i]);
	return v;
}

#define NAME(x) x##_any
#define VEC vec4
#define LANES 4
#define MR 4
#define ZERO() ((vec4){0, 0, 0, 0})
#define SPLAT(x) ((vec4){(x), (x), (x), (x)})
#define LOAD(p) load4(p)
#define STORE(p, v) store4(p, v)
#define LOADN(p, n) loadn4(p, n)
#define STOREN(p, v, n) storen4(p, v, n)
#define FMA(a, b, c) ((a) * (b) + (c))
#define ADD(a, b) ((a) + (b))
#define MUL(a, b) ((a) * (b))
#define DIV(a, b) ((a) / (b))
#define SQRT(x) sqrt4(x)
#define RELU(x) ((vec4)((ivec4)(x) & ~((x) < (vec4){0, 0, 0, 0})))
#define SELECT(y, g) ((vec4)((ivec4)(g) & ((y) > (vec4){0, 0, 0, 0})))
#include "kernels_tile.h"
#include "kernels_beta.h"
#include "kernels_undef.h"

// The instructions in use: 0 any, 1 AVX2, 2 AVX-512.
static int isa;

static int best(void)
{
	int level = 0;
#ifdef X86
	__builtin_cpu_init();
	if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
		level = 1;
	if (level && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
		__builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw"))
		level = 2;
#endif
	return level;
}

__attribute__((constructor)) static void start(void) { isa = best(); }

int paspo_limit_isa(int level)
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

void paspo_mul(const product *p, const float *a, const float *b, const float *bias, float *c)
{
	DISPATCH(mul, p, a, b, bias, c);
}

void paspo_transpose(ptrdiff_t count, ptrdiff_t rows, ptrdiff_t cols, const float *src, ptrdiff_t srow,
	ptrdiff_t sbatch, float *dst, ptrdiff_t drow, ptrdiff_t dbatch)
{
	for (ptrdiff_t i = 0; i < count; i++)
		for (ptrdiff_t r = 0; r < rows; r++)
			for (ptrdiff_t c = 0; c < cols; c++)
				dst[i * dbatch + c * drow + r] = src[i * sbatch + r * srow + c];
}

void paspo_relu_grad(ptrdiff_t n, float *dst, const float *y, const float *gy)
{
	DISPATCH(relu_grad, n, dst, y, gy);
}

void paspo_column_sums(ptrdiff_t rows, ptrdiff_t n, float *dst, const float *x)
{
	DISPATCH(column_sums, rows, n, dst, x);
}

double paspo_sum_squares(ptrdiff_t n, const float *x)
{
	DISPATCH(sum_squares, n, x);
}

int paspo_adam(const adamstep *s, ptrdiff_t n, float *w, const float *g, float *m, float *v)
{
	DISPATCH(adam, s, n, w, g, m, v);
}

void paspo_beta_terms(const betashape *shape, ptrdiff_t rows, ptrdiff_t heads, const float *logits, const float *logx,
	const float *log1mx, const float *logwidth, const float *mask, float *terms, double *slopes)
{
	DISPATCH(beta_terms, shape, rows, heads, logits, logx, log1mx, logwidth, mask, terms, slopes);
}
