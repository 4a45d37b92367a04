//go:build cgo

#include "kernels.h"

#include <math.h>
#include <string.h>

// Vectors of n numbers of 64 bits, and the same where they are not aligned.
#define WIDE(n) \
	typedef double dvec##n __attribute__((vector_size(8 * n))); \
	typedef long long ivec##n __attribute__((vector_size(8 * n))); \
	typedef uint64_t uvec##n __attribute__((vector_size(8 * n))); \
	typedef double dvecu##n __attribute__((vector_size(8 * n), aligned(8), may_alias)); \
	typedef uint64_t uvecu##n __attribute__((vector_size(8 * n), aligned(8), may_alias));
WIDE(2)
WIDE(4)
WIDE(8)
#undef WIDE

#define dsplat2(x) ((dvec2){(x), (x)})
#define dsplat4(x) ((dvec4){(x), (x), (x), (x)})
#define dsplat8(x) ((dvec8){(x), (x), (x), (x), (x), (x), (x), (x)})

// Those of DLANES numbers: what a register holds, since a compiler takes wider ones apart number by number
// where they are compared.
#define PASTE(a, b) a##b
#define OF(a, b) PASTE(a, b)
#define DVEC OF(dvec, DLANES)
#define IVEC OF(ivec, DLANES)
#define UVEC OF(uvec, DLANES)
#define DVECU OF(dvecu, DLANES)
#define UVECU OF(uvecu, DLANES)
#define DSPLAT(x) OF(dsplat, DLANES)(x)
#define DLOAD(p) (*(const DVECU *)(p))
#define PICK(mask, yes, no) ((DVEC)(((IVEC)(mask) & (IVEC)(yes)) | (~(IVEC)(mask) & (IVEC)(no))))

// The numbers of the lanes.
static const long long counted[8] __attribute__((aligned(64))) = {0, 1, 2, 3, 4, 5, 6, 7};

#define INLINE static inline __attribute__((always_inline))

// Calls BODY(nv, c) for all columns c of n, nv vectors at once.
#define COLUMNS(n, BODY) \
	for (ptrdiff_t c = 0; c < (n);) { \
		ptrdiff_t left = (n) - c; \
		if (left > LANES) { \
			BODY(2, c); \
			c += 2 * LANES; \
		} else { \
			BODY(1, c); \
			c += LANES; \
		} \
	}

// Columns in whole panels.
#define WHOLE(n) (((n) + PANEL - 1) / PANEL * PANEL)

#define EACH(mr, nv) \
	_Pragma("GCC unroll 8") for (int i = 0; i < (mr); i++) \
	_Pragma("GCC unroll 2") for (int j = 0; j < (nv); j++)

// Where column c of a panel of rows begins.
#define AT(c, rows) ((c) / PANEL * PANEL * (rows) + (c) % PANEL)

static const layer *head_layers(const network *n, const layer *ls, ptrdiff_t h)
{
	return ls + n->encoder + n->critic + h * n->head;
}

static input observation(const network *n, const float *act)
{
	return (input){{act + n->x, 0}, {n->obs, 0}};
}

static input seen(const network *n, const layer *ls, ptrdiff_t h, const float *act)
{
	return (input){{act + ls[n->encoder - 1].y, act + n->prefix}, {n->latent, h}};
}

// Log-probabilities of rows of a batch from at on: see old in kernels_policy.h.
typedef struct {
	const network *net;
	const layer *layers;
	batch batch;
	ptrdiff_t at, count;
	const float *w;
	float *act;
	double *d;
	float *old;
} before;

// The first head of member id of count, to which heads are given in order by what they cost. Back,
// member 0 does the rest too.
static ptrdiff_t heads_of(const network *n, int id, int count, int back)
{
	double heads = (double)n->heads, head = n->cost[back].head, more = n->cost[back].more, rest = n->cost[back].rest;
	double before = (rest + (head + more * heads / 2) * heads) * id / count;
	ptrdiff_t h = 0;
	if (id == count)
		return n->heads;
	for (double middle = rest + head / 2; id && h < n->heads && middle < before; h++)
		middle += head + more * h;
	return h;
}

// Sections of tasks, see team.h.
static inline void barrier(member *me)
{
	if (me->count > 1)
		paspo_barrier(me);
}

#if defined(__x86_64__) && defined(__GNUC__)
#define X86 1
#include <immintrin.h>
#endif

#ifdef X86

#pragma GCC push_options
#pragma GCC target("avx512f,avx512dq,avx512vl,avx512bw,avx2,fma")
// The sums of the elements of sixteen vectors: four by four within quarters, then across.
static inline __attribute__((always_inline)) __m512 quarters(__m512 a, __m512 b, __m512 c, __m512 d)
{
	__m512 ab = _mm512_add_ps(_mm512_unpacklo_ps(a, b), _mm512_unpackhi_ps(a, b));
	__m512 cd = _mm512_add_ps(_mm512_unpacklo_ps(c, d), _mm512_unpackhi_ps(c, d));
	return _mm512_add_ps(_mm512_shuffle_ps(ab, cd, 0x44), _mm512_shuffle_ps(ab, cd, 0xEE));
}

static inline __attribute__((always_inline)) __m512 sums16(const __m512 *x)
{
	__m512 a = quarters(x[0], x[1], x[2], x[3]), b = quarters(x[4], x[5], x[6], x[7]);
	__m512 c = quarters(x[8], x[9], x[10], x[11]), d = quarters(x[12], x[13], x[14], x[15]);
	__m512 ab = _mm512_add_ps(_mm512_shuffle_f32x4(a, b, 0x44), _mm512_shuffle_f32x4(a, b, 0xEE));
	__m512 cd = _mm512_add_ps(_mm512_shuffle_f32x4(c, d, 0x44), _mm512_shuffle_f32x4(c, d, 0xEE));
	return _mm512_add_ps(_mm512_shuffle_f32x4(ab, cd, 0x88), _mm512_shuffle_f32x4(ab, cd, 0xDD));
}

// Sixteen vectors as the rows of a matrix become its columns.
static inline __attribute__((always_inline)) void turn16(__m512 *x)
{
	__m512 s[16];
	for (int i = 0; i < 16; i += 4) {
		__m512 a = _mm512_unpacklo_ps(x[i], x[i + 1]), b = _mm512_unpackhi_ps(x[i], x[i + 1]);
		__m512 c = _mm512_unpacklo_ps(x[i + 2], x[i + 3]), d = _mm512_unpackhi_ps(x[i + 2], x[i + 3]);
		s[i] = _mm512_shuffle_ps(a, c, 0x44);
		s[i + 1] = _mm512_shuffle_ps(a, c, 0xEE);
		s[i + 2] = _mm512_shuffle_ps(b, d, 0x44);
		s[i + 3] = _mm512_shuffle_ps(b, d, 0xEE);
	}
	for (int i = 0; i < 4; i++) {
		__m512 a = _mm512_shuffle_f32x4(s[i], s[i + 4], 0x44), b = _mm512_shuffle_f32x4(s[i], s[i + 4], 0xEE);
		__m512 c = _mm512_shuffle_f32x4(s[i + 8], s[i + 12], 0x44), d = _mm512_shuffle_f32x4(s[i + 8], s[i + 12], 0xEE);
		x[i] = _mm512_shuffle_f32x4(a, c, 0x88);
		x[i + 4] = _mm512_shuffle_f32x4(a, c, 0xDD);
		x[i + 8] = _mm512_shuffle_f32x4(b, d, 0x88);
		x[i + 12] = _mm512_shuffle_f32x4(b, d, 0xDD);
	}
}

#define DLANES 8
#define MUL32(x, k) ((UVEC)_mm512_mul_epu32((__m512i)(x), _mm512_set1_epi64(k)))
#define DSQRT(x) ((DVEC)_mm512_sqrt_pd((__m512d)(x)))
#define ANY(m) _mm512_test_epi64_mask((__m512i)(m), (__m512i)(m))
#define TURN(x) turn16(x)
#define SUMS(x) sums16(x)
#define WIDEN(p) ((DVEC)_mm512_cvtps_pd(_mm256_loadu_ps(p)))
#define NAME(x) x##_avx512
#define VEC __m512
#define LANES 16
#define MR 8
#define UNIT 8
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
#include "kernels_layer.h"
#include "kernels_policy.h"
#include "kernels_draw.h"
#include "kernels_peak.h"
#include "kernels_undef.h"
#pragma GCC pop_options

#pragma GCC push_options
#pragma GCC target("avx2,fma")
static const int maskbits[16] = {-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0};

static inline __attribute__((always_inline)) __m256 sums8(const __m256 *x)
{
	__m256 a = _mm256_hadd_ps(_mm256_hadd_ps(x[0], x[1]), _mm256_hadd_ps(x[2], x[3]));
	__m256 b = _mm256_hadd_ps(_mm256_hadd_ps(x[4], x[5]), _mm256_hadd_ps(x[6], x[7]));
	return _mm256_add_ps(_mm256_permute2f128_ps(a, b, 0x20), _mm256_permute2f128_ps(a, b, 0x31));
}

// Eight vectors as the rows of a matrix become its columns.
static inline __attribute__((always_inline)) void turn8(__m256 *x)
{
	__m256 s[8];
	for (int i = 0; i < 8; i += 4) {
		__m256 a = _mm256_unpacklo_ps(x[i], x[i + 1]), b = _mm256_unpackhi_ps(x[i], x[i + 1]);
		__m256 c = _mm256_unpacklo_ps(x[i + 2], x[i + 3]), d = _mm256_unpackhi_ps(x[i + 2], x[i + 3]);
		s[i] = _mm256_shuffle_ps(a, c, 0x44);
		s[i + 1] = _mm256_shuffle_ps(a, c, 0xEE);
		s[i + 2] = _mm256_shuffle_ps(b, d, 0x44);
		s[i + 3] = _mm256_shuffle_ps(b, d, 0xEE);
	}
	for (int i = 0; i < 4; i++) {
		x[i] = _mm256_permute2f128_ps(s[i], s[i + 4], 0x20);
		x[i + 4] = _mm256_permute2f128_ps(s[i], s[i + 4], 0x31);
	}
}

#define DLANES 4
#define MUL32(x, k) ((UVEC)_mm256_mul_epu32((__m256i)(x), _mm256_set1_epi64x(k)))
#define DSQRT(x) ((DVEC)_mm256_sqrt_pd((__m256d)(x)))
#define ANY(m) (!_mm256_testz_si256((__m256i)(m), (__m256i)(m)))
#define TURN(x) turn8(x)
#define SUMS(x) sums8(x)
#define WIDEN(p) ((DVEC)_mm256_cvtps_pd(_mm_loadu_ps(p)))
#define NAME(x) x##_avx2
#define VEC __m256
#define LANES 8
#define MR 6
#define UNIT 4
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
#include "kernels_layer.h"
#include "kernels_policy.h"
#include "kernels_draw.h"
#include "kernels_peak.h"
#include "kernels_undef.h"
#pragma GCC pop_options

#endif

// Four lanes suit every machine at hand: SSE and NEON.
typedef float vec4 __attribute__((vector_size(16)));
typedef float vecu4 __attribute__((vector_size(16), aligned(4), may_alias));
typedef int bits4 __attribute__((vector_size(16)));

static inline vec4 loadn4(const float *p, ptrdiff_t n)
{
	vec4 v = {0, 0, 0, 0};
	for (ptrdiff_t i = 0; i < 4; i++)
		if (i < n)
			v[i] = p[i];
	return v;
}

static inline void storen4(float *p, vec4 v, ptrdiff_t n)
{
	for (ptrdiff_t i = 0; i < 4; i++)
		if (i < n)
			p[i] = v[i];
}

static inline vec4 low4(vec4 a, vec4 b) { return (vec4){a[0], b[0], a[1], b[1]}; }
static inline vec4 high4(vec4 a, vec4 b) { return (vec4){a[2], b[2], a[3], b[3]}; }

// Four vectors as the rows of a matrix become its columns.
static inline __attribute__((always_inline)) void turn4(vec4 *x)
{
	vec4 a = low4(x[0], x[2]), b = high4(x[0], x[2]), c = low4(x[1], x[3]), d = high4(x[1], x[3]);
	x[0] = low4(a, c);
	x[1] = high4(a, c);
	x[2] = low4(b, d);
	x[3] = high4(b, d);
}

static inline __attribute__((always_inline)) vec4 sums4(vec4 *x)
{
	turn4(x);
	return (x[0] + x[2]) + (x[1] + x[3]);
}

#ifdef __aarch64__
#include <arm_neon.h>
#define MR 8
#define SQRT(x) vsqrtq_f32(x)
#define WIDEN(p) ((DVEC)vcvt_f64_f32(vld1_f32(p)))
#define DSQRT(x) vsqrtq_f64(x)
#define MUL32(x, k) ((UVEC)vmull_u32(vmovn_u64((uint64x2_t)(x)), vdup_n_u32(k)))
#else
static inline vec4 sqrt4(vec4 v)
{
	for (int i = 0; i < 4; i++)
		v[i] = sqrtf(v[i]);
	return v;
}

#define MR 4
#define SQRT(x) sqrt4(x)
#define WIDEN(p) ((DVEC){(p)[0], (p)[1]})
#define DSQRT(x) ((DVEC){sqrt((x)[0]), sqrt((x)[1])})
#define MUL32(x, k) ((x) * (uint64_t)(k))
#endif

#define DLANES 2
#define ANY(m) (((m)[0] | (m)[1]) != 0)
#define TURN(x) turn4(x)
#define SUMS(x) sums4(x)
#define NAME(x) x##_any
#define VEC vec4
#define LANES 4
#define UNIT 4
#define ZERO() ((vec4){0, 0, 0, 0})
#define SPLAT(x) ((vec4){(x), (x), (x), (x)})
#define LOAD(p) ((vec4)*(const vecu4 *)(p))
#define STORE(p, v) (*(vecu4 *)(p) = (v))
#define LOADN(p, n) loadn4(p, n)
#define STOREN(p, v, n) storen4(p, v, n)
#define FMA(a, b, c) ((a) * (b) + (c))
#define ADD(a, b) ((a) + (b))
#define MUL(a, b) ((a) * (b))
#define DIV(a, b) ((a) / (b))
#define RELU(x) ((vec4)((bits4)(x) & ~((x) < (vec4){0, 0, 0, 0})))
#define SELECT(y, g) ((vec4)((bits4)(g) & ((y) > (vec4){0, 0, 0, 0})))
#include "kernels_tile.h"
#include "kernels_beta.h"
#include "kernels_layer.h"
#include "kernels_policy.h"
#include "kernels_draw.h"
#include "kernels_peak.h"
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

void paspo_transpose_weights(const network *n, const layer *ls, const float *w, float *t)
{
	DISPATCH(transposes, ls, head_layers(n, ls, n->heads), w, t);
}

void paspo_begin(const network *n, const layer *ls, ptrdiff_t m, const float *obs, const float *w, float *act, float *value)
{
	DISPATCH(begin, n, ls, m, obs, w, act, value);
}

ptrdiff_t paspo_draw(const network *n, const layer *ls, ptrdiff_t h, ptrdiff_t m, const float *w, float *act, int rule,
	double fixed, double total, const uint64_t *key, const uint64_t *id, uint64_t *drawn, const float *prefix, float *logits,
	float *alpha, float *beta, float *logx, float *log1mx, float *logwidth, float *mask, const double *lo, const double *hi,
	double *a)
{
	drawing q = {rule, fixed, total, key, id, drawn, prefix, logits, alpha, beta, logx, log1mx, logwidth, mask};
	DISPATCH(draw, n, ls, h, m, w, act, &q, lo, hi, a);
}

#ifdef X86
#define CHOOSE(f) (isa == 2 ? f##_avx512 : isa == 1 ? f##_avx2 : f##_any)
#else
#define CHOOSE(f) (f##_any)
#endif

void paspo_old(team *team, pace *p, const network *n, const layer *ls, ptrdiff_t rows, const float *obs, const float *prefix,
	const float *logx, const float *log1mx, const float *logwidth, const float *mask, const float *w, float *act, double *d,
	float *old)
{
	before b = {n, ls, {obs, prefix, logx, log1mx, logwidth, mask, 0, 0, 0}, 0, 0, w, act, d, old};
	for (; b.at < rows; b.at += BLOCK) {
		b.count = rows - b.at < BLOCK ? rows - b.at : BLOCK;
		paspo_team_run(team, CHOOSE(old), &b, b.count, p);
	}
}

void paspo_step(team *team, pace *p, const network *n, const layer *ls, const float *obs, const float *prefix, const float *logx,
	const float *log1mx, const float *logwidth, const float *mask, const float *old, const float *advantage,
	const float *target, const int *rows, ptrdiff_t count, const lossshape *s, const adamstep *a, double most, double slack,
	float *w, float *t, float *dw, float *m, float *v, float *act, float *scratch, float *kept, float *parts, double *d,
	outcome *out)
{
	update u = {n, ls, {obs, prefix, logx, log1mx, logwidth, mask, old, advantage, target}, rows, count, *s, *a, most, slack,
		w, t, dw, m, v, act, scratch, kept, parts, d, out};
	memset(out, 0, sizeof *out);
	paspo_team_run(team, CHOOSE(step), &u, count, p);
}

ptrdiff_t paspo_peak(ptrdiff_t n, float *sink)
{
	DISPATCH(peak, n, sink);
}
