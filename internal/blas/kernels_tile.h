// One instruction set's kernels. The file that includes it defines
//   NAME(x)              the name of a function
//   VEC, LANES           a vector and the number of floats in it
//   MR, UNIT             rows of a tile, up to 8, and what numbers of rows are multiples of
//   ZERO(), SPLAT(x), LOAD(p), STORE(p, v), LOADN(p, n), STOREN(p, v, n)
//   FMA(a, b, c), ADD(a, b), MUL(a, b), DIV(a, b), SQRT(x), RELU(x), SELECT(y, g)
// LOADN and STOREN touch n < LANES floats alone. For float64:
//   DLANES               the number of doubles in a vector, of the types DVEC, IVEC and UVEC
//   WIDEN(p), DSQRT(x)   DLANES floats as doubles, and square roots
//   MUL32(x, k)          products of the lower 32 bits with k
//   ANY(m)               whether a bit of an IVEC is set

// A tile of mr x nv vectors of C. mr, nv and tail are constants where it is
// called, so that the accumulators are registers. Every element of C is one
// chain of fused multiply-adds over k in order: a row's bits depend neither on
// the tile that it falls into nor on its neighbours.
static inline __attribute__((always_inline)) void NAME(tile)(const int mr, const int nv, const int tail,
	ptrdiff_t k, ptrdiff_t left, const float *a, ptrdiff_t arow, ptrdiff_t acol, const float *b, ptrdiff_t brow,
	const float *bias, float *c, ptrdiff_t crow, int accumulate, int relu)
{
	VEC acc[8][2], y[2];
#pragma GCC unroll 8
	for (int i = 0; i < mr; i++)
#pragma GCC unroll 2
		for (int j = 0; j < nv; j++)
			acc[i][j] = !accumulate ? ZERO()
				: tail && j == nv - 1 ? LOADN(c + i * crow + j * LANES, left)
				: LOAD(c + i * crow + j * LANES);
	for (ptrdiff_t l = 0; l < k; l++) {
#pragma GCC unroll 2
		for (int j = 0; j < nv; j++)
			y[j] = tail && j == nv - 1 ? LOADN(b + l * brow + j * LANES, left) : LOAD(b + l * brow + j * LANES);
#pragma GCC unroll 8
		for (int i = 0; i < mr; i++) {
			VEC x = SPLAT(a[i * arow + l * acol]);
#pragma GCC unroll 2
			for (int j = 0; j < nv; j++)
				acc[i][j] = FMA(x, y[j], acc[i][j]);
		}
	}
	if (bias) {
#pragma GCC unroll 2
		for (int j = 0; j < nv; j++)
			y[j] = tail && j == nv - 1 ? LOADN(bias + j * LANES, left) : LOAD(bias + j * LANES);
#pragma GCC unroll 8
		for (int i = 0; i < mr; i++)
#pragma GCC unroll 2
			for (int j = 0; j < nv; j++)
				acc[i][j] = ADD(acc[i][j], y[j]);
	}
#pragma GCC unroll 8
	for (int i = 0; i < mr; i++)
#pragma GCC unroll 2
		for (int j = 0; j < nv; j++) {
			VEC v = relu ? RELU(acc[i][j]) : acc[i][j];
			if (tail && j == nv - 1)
				STOREN(c + i * crow + j * LANES, v, left);
			else
				STORE(c + i * crow + j * LANES, v);
		}
}

// All rows of a panel of nv vectors of columns.
static inline __attribute__((always_inline)) void NAME(panel)(const int nv, const int tail, ptrdiff_t m,
	ptrdiff_t k, ptrdiff_t left, const float *a, ptrdiff_t arow, ptrdiff_t acol, const float *b, ptrdiff_t brow,
	const float *bias, float *c, ptrdiff_t crow, int accumulate, int relu)
{
	ptrdiff_t r = 0;
#define ROWS(mr) \
	NAME(tile)(mr, nv, tail, k, left, a + r * arow, arow, acol, b, brow, bias, c + r * crow, crow, accumulate, relu); \
	r += mr
	while (m - r >= MR) {
		ROWS(MR);
	}
#if MR > 4
	if (m - r >= 4) {
		ROWS(4);
	}
#endif
	if (m - r >= 2) {
		ROWS(2);
	}
	if (m - r >= 1) {
		ROWS(1);
	}
#undef ROWS
}

static void NAME(mul)(const product *p, const float *a, const float *b, const float *bias, float *c)
{
	for (ptrdiff_t i = 0; i < p->count; i++) {
		ptrdiff_t n = p->n + i * p->ngrow, k = p->k + i * p->kgrow, j = 0;
		const float *ai = a + i * p->abatch, *bi = b + i * p->bbatch, *biasi = bias ? bias + i * p->biasbatch : 0;
		float *ci = c + i * p->cbatch;
#define PANEL(nv, tail) \
	NAME(panel)(nv, tail, p->m, k, n - j - (nv - 1) * LANES, ai, p->arow, p->acol, bi + j, p->brow, \
		biasi ? biasi + j : 0, ci + j, p->crow, p->accumulate, p->relu)
		for (; n - j >= 2 * LANES; j += 2 * LANES)
			PANEL(2, 0);
		if (n - j > LANES)
			PANEL(2, 1);
		else if (n - j == LANES)
			PANEL(1, 0);
		else if (n - j > 0)
			PANEL(1, 1);
#undef PANEL
	}
}

static void NAME(relu_grad)(ptrdiff_t n, float *dst, const float *y, const float *gy)
{
	ptrdiff_t i = 0;
	for (; n - i >= LANES; i += LANES)
		STORE(dst + i, SELECT(LOAD(y + i), LOAD(gy + i)));
	if (n > i)
		STOREN(dst + i, SELECT(LOADN(y + i, n - i), LOADN(gy + i, n - i)), n - i);
}

static void NAME(column_sums)(ptrdiff_t rows, ptrdiff_t n, float *dst, const float *x)
{
	ptrdiff_t j = 0;
	for (; n - j >= LANES; j += LANES) {
		VEC s = ZERO();
		for (ptrdiff_t r = 0; r < rows; r++)
			s = ADD(s, LOAD(x + r * n + j));
		STORE(dst + j, s);
	}
	if (n > j) {
		VEC s = ZERO();
		for (ptrdiff_t r = 0; r < rows; r++)
			s = ADD(s, LOADN(x + r * n + j, n - j));
		STOREN(dst + j, s, n - j);
	}
}

// Squares are added to sixteen sums, so that the order of addition is the same everywhere. They are
// exact in float64, and operations that are not fused make a shorter chain.
__attribute__((optimize("fp-contract=off"))) static void NAME(add_squares)(ptrdiff_t n, const float *x, double sums[16])
{
	double s[16];
	DVEC part[16 / DLANES];
	memcpy(part, sums, sizeof part);
	ptrdiff_t i = 0;
	for (; n - i >= 16; i += 16)
#pragma GCC unroll 8
		for (int j = 0; j < 16 / DLANES; j++) {
			DVEC p = WIDEN(x + i + j * DLANES);
			part[j] += p * p;
		}
	memcpy(s, part, sizeof s);
	for (; i < n; i++)
		s[0] += (double)x[i] * x[i];
	memcpy(sums, s, sizeof s);
}

static double NAME(total)(const double sums[16])
{
	double s[16];
	memcpy(s, sums, sizeof s);
	for (int w = 8; w > 0; w /= 2)
		for (int j = 0; j < w; j++)
			s[j] += s[j + w];
	return s[0];
}

static double NAME(sum_squares)(ptrdiff_t n, const float *x)
{
	double s[16] = {0};
	NAME(add_squares)(n, x, s);
	return NAME(total)(s);
}

// Adam on LANES parameters, or on n of them.
static inline __attribute__((always_inline)) VEC NAME(adam_vec)(const adamstep *s, VEC w, VEC g, VEC *m, VEC *v)
{
	VEC d = FMA(SPLAT(s->scale), g, MUL(SPLAT(s->decay), w));
	*m = FMA(SPLAT(s->beta1), *m, MUL(SPLAT(s->gain1), d));
	*v = FMA(SPLAT(s->beta2), *v, MUL(SPLAT(s->gain2), MUL(d, d)));
	VEC root = FMA(SQRT(*v), SPLAT(s->rootscale), SPLAT(s->epsilon));
	return FMA(SPLAT(-s->rate), DIV(*m, root), w);
}

static int NAME(adam)(const adamstep *step, ptrdiff_t n, float *w, const float *g, float *m, float *v)
{
	// A copy, which no store to an array can change, is read once.
	const adamstep copy = *step, *s = &copy;
	// x * 0 is 0 for finite numbers and NaN for all others.
	VEC bad = ZERO();
	ptrdiff_t i = 0;
	for (; n - i >= LANES; i += LANES) {
		VEC mi = LOAD(m + i), vi = LOAD(v + i);
		VEC x = NAME(adam_vec)(s, LOAD(w + i), LOAD(g + i), &mi, &vi);
		STORE(m + i, mi);
		STORE(v + i, vi);
		STORE(w + i, x);
		bad = FMA(x, ZERO(), bad);
	}
	if (n > i) {
		ptrdiff_t left = n - i;
		VEC mi = LOADN(m + i, left), vi = LOADN(v + i, left);
		VEC x = NAME(adam_vec)(s, LOADN(w + i, left), LOADN(g + i, left), &mi, &vi);
		STOREN(m + i, mi, left);
		STOREN(v + i, vi, left);
		STOREN(w + i, x, left);
		// Lanes beyond the end hold 0 and stay finite: epsilon is positive.
		bad = FMA(x, ZERO(), bad);
	}
	float b[LANES];
	STORE(b, bad);
	for (int j = 0; j < LANES; j++)
		if (b[j] != 0)
			return 0;
	return 1;
}
