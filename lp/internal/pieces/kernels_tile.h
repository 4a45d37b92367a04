// One instruction set: see kernels.c. Products and sums are rounded one by one,
// in the order of pieces.go.

#define BLOCK 8

// Lanes are rows. BETTER is the greater for lower endpoints and the less for upper ones.
#define FOLD(name, BETTER) \
static inline VEC NAME(name)(ptrdiff_t count, ptrdiff_t stride, const double *w, const double *rho, ptrdiff_t ld, VEC m) \
{ \
	for (ptrdiff_t p = 0; p < count; p += BLOCK, w += BLOCK * stride) { \
		ptrdiff_t n = count - p < BLOCK ? count - p : BLOCK, i = 0; \
		for (; i + 4 <= n; i += 4) { \
			const double *v = w + i; \
			VEC x = LOAD(rho); \
			VEC s0 = MUL(SPLAT(v[0]), x), s1 = MUL(SPLAT(v[1]), x), s2 = MUL(SPLAT(v[2]), x), s3 = MUL(SPLAT(v[3]), x); \
			for (ptrdiff_t k = 1; k < stride; k++) { \
				v += BLOCK; \
				x = LOAD(rho + k * ld); \
				s0 = ADD(s0, MUL(SPLAT(v[0]), x)); \
				s1 = ADD(s1, MUL(SPLAT(v[1]), x)); \
				s2 = ADD(s2, MUL(SPLAT(v[2]), x)); \
				s3 = ADD(s3, MUL(SPLAT(v[3]), x)); \
			} \
			m = BETTER(s3, BETTER(s2, BETTER(s1, BETTER(s0, m)))); \
		} \
		for (; i < n; i++) { \
			const double *v = w + i; \
			VEC s = MUL(SPLAT(v[0]), LOAD(rho)); \
			for (ptrdiff_t k = 1; k < stride; k++) \
				s = ADD(s, MUL(SPLAT(v[k * BLOCK]), LOAD(rho + k * ld))); \
			m = BETTER(s, m); \
		} \
	} \
	return m; \
}

FOLD(greatest, GREATER)
FOLD(least, LESS)

static int NAME(wide)(const piecesshape *s, const double *lower, const double *upper, const double *col, double *rho,
	const double *z, const double *base, double *lo, double *hi)
{
	int crossed = 0;
	ptrdiff_t ld = s->ld;
	for (ptrdiff_t r = 0; r < s->rows; r += LANES) {
		double *x = rho + r;
		VEC zr = LOAD(z + r);
		for (ptrdiff_t k = 0; k < s->size; k++)
			STORE(x + k * ld, SUB(LOAD(x + k * ld), MUL(SPLAT(col[k]), zr)));
		VEC l = NAME(greatest)(s->lowers, s->stride, lower, x, ld, SPLAT(s->floor ? 0 : -INFINITY));
		VEC u = NAME(least)(s->uppers, s->stride, upper, x, ld, SPLAT(INFINITY));
		crossed |= ANYGREATER(l, u);
		VEC b = LOAD(base + r);
		STORE(lo + r, ADD(l, b));
		STORE(hi + r, ADD(u, b));
	}
	return crossed;
}

// Lanes are pieces.
#define FOLD1(name, BETTER, better, start) \
static inline double NAME(name)(ptrdiff_t count, ptrdiff_t stride, const double *w, const double *rho, ptrdiff_t ld, double m) \
{ \
	VEC best[BLOCK / LANES], sum[BLOCK / LANES]; \
	for (int i = 0; i < BLOCK / LANES; i++) \
		best[i] = SPLAT(start); \
	for (ptrdiff_t p = 0; p < count; p += BLOCK) { \
		VEC x = SPLAT(rho[0]); \
		for (int i = 0; i < BLOCK / LANES; i++) \
			sum[i] = MUL(LOAD(w + i * LANES), x); \
		w += BLOCK; \
		for (ptrdiff_t k = 1; k < stride; k++, w += BLOCK) { \
			x = SPLAT(rho[k * ld]); \
			for (int i = 0; i < BLOCK / LANES; i++) \
				sum[i] = ADD(sum[i], MUL(LOAD(w + i * LANES), x)); \
		} \
		for (int i = 0; i < BLOCK / LANES; i++) \
			best[i] = BETTER(sum[i], best[i]); \
	} \
	for (int i = 0; i < BLOCK / LANES; i++) { \
		double v[LANES]; \
		STORE(v, best[i]); \
		for (int j = 0; j < LANES; j++) \
			if (v[j] better m) \
				m = v[j]; \
	} \
	return m; \
}

FOLD1(greatest1, GREATER, >, -INFINITY)
FOLD1(least1, LESS, <, INFINITY)

static int NAME(narrow)(const piecesshape *s, const double *lower, const double *upper, const double *col, double *rho,
	const double *z, const double *base, double *lo, double *hi)
{
	int crossed = 0;
	ptrdiff_t ld = s->ld;
	for (ptrdiff_t r = 0; r < s->rows; r++) {
		double *x = rho + r;
		for (ptrdiff_t k = 0; k < s->size; k++)
			x[k * ld] -= col[k] * z[r];
		double l = NAME(greatest1)(s->lowers, s->stride, lower, x, ld, s->floor ? 0 : -INFINITY);
		double u = NAME(least1)(s->uppers, s->stride, upper, x, ld, INFINITY);
		crossed |= l > u;
		lo[r] = l + base[r];
		hi[r] = u + base[r];
	}
	return crossed;
}

#undef FOLD
#undef FOLD1
#undef BLOCK
#undef NAME
#undef VEC
#undef LANES
#undef LOAD
#undef STORE
#undef SPLAT
#undef MUL
#undef ADD
#undef SUB
#undef GREATER
#undef LESS
#undef ANYGREATER
