// The terms of Beta distributions in float64, DLANES at a time, for one
// instruction set. The file that includes it defines NAME(x).

// exp(x), with the relative accuracy of its polynomial: 2e-16 or so. Results
// below the normal numbers are 0.
static inline __attribute__((always_inline)) DVEC NAME(exp)(DVEC x)
{
	const DVEC shift = DSPLAT(0x1.8p52);
	DVEC over = DSPLAT(709.78), under = DSPLAT(-708.0);
	IVEC high = x > over, low = x < under;
	DVEC y = PICK(high, over, PICK(low, under, x));
	// y = k ln 2 + r with |r| <= ln(2)/2; ln 2 in two parts, the first short
	// enough for k times it to be exact.
	DVEC t = y * DSPLAT(M_LOG2E) + shift, k = t - shift;
	DVEC r = (y - k * DSPLAT(0x1.62e42feep-1)) - k * DSPLAT(0x1.a39ef35793c76p-33);
	DVEC p = DSPLAT(1.0 / 6227020800);
	p = p * r + DSPLAT(1.0 / 479001600);
	p = p * r + DSPLAT(1.0 / 39916800);
	p = p * r + DSPLAT(1.0 / 3628800);
	p = p * r + DSPLAT(1.0 / 362880);
	p = p * r + DSPLAT(1.0 / 40320);
	p = p * r + DSPLAT(1.0 / 5040);
	p = p * r + DSPLAT(1.0 / 720);
	p = p * r + DSPLAT(1.0 / 120);
	p = p * r + DSPLAT(1.0 / 24);
	p = p * r + DSPLAT(1.0 / 6);
	p = p * r + DSPLAT(0.5);
	p = p * r + DSPLAT(1.0);
	p = p * r + DSPLAT(1.0);
	IVEC scale = (((IVEC)t - (IVEC)shift) + 1023) << 52;
	DVEC e = p * (DVEC)scale;
	e = PICK(high, DSPLAT(__builtin_inf()), e);
	return (DVEC)((IVEC)e & ~low);
}

// ln(x) for normal x > 0, NaN for NaN and Inf:
//   x = 2^k m, sqrt(1/2) <= m < sqrt(2),  ln m = 2 atanh(s),  s = (m-1)/(m+1).
static inline __attribute__((always_inline)) DVEC NAME(log)(DVEC x)
{
	const DVEC shift = DSPLAT(0x1.8p52), half = DSPLAT(0x1.6a09e667f3bcdp-1);
	IVEC k = ((IVEC)x - (IVEC)half) >> 52;
	DVEC m = (DVEC)((IVEC)x - (k << 52));
	DVEC e = (DVEC)(k + (IVEC)shift) - shift;
	DVEC s = (m - DSPLAT(1.0)) / (m + DSPLAT(1.0)), z = s * s;
	DVEC p = DSPLAT(2.0 / 23);
	p = p * z + DSPLAT(2.0 / 21);
	p = p * z + DSPLAT(2.0 / 19);
	p = p * z + DSPLAT(2.0 / 17);
	p = p * z + DSPLAT(2.0 / 15);
	p = p * z + DSPLAT(2.0 / 13);
	p = p * z + DSPLAT(2.0 / 11);
	p = p * z + DSPLAT(2.0 / 9);
	p = p * z + DSPLAT(2.0 / 7);
	p = p * z + DSPLAT(2.0 / 5);
	p = p * z + DSPLAT(2.0 / 3);
	DVEC tail = p * z * s + e * DSPLAT(0x1.a39ef35793c76p-33);
	return (e * DSPLAT(0x1.62e42feep-1) + (DSPLAT(2.0) * s + tail)) + (x - x);
}

// ln(1+x) for x > -1/2, to full relative accuracy: what 1+x rounds off is put
// back.
static inline __attribute__((always_inline)) DVEC NAME(log1p)(DVEC x)
{
	DVEC u = DSPLAT(1.0) + x;
	return NAME(log)(u) + (x - (u - DSPLAT(1.0))) / u;
}

// What ln Gamma, digamma and trigamma need of one argument x, which is moved to
// at = x+8 where it is below 8:
//   ln Gamma(x) = (at - 1/2) ln at - at + ln(2 pi)/2 + c - ln prod
//   psi(x) = ln at - d,  psi'(x) = t,  1/at = inverse
// by the asymptotic series (NIST DLMF 5.11.1, 5.11.2) and the recurrences (DLMF
// 5.5.1, 5.5.2, 5.15.5).
typedef struct {
	DVEC at, inverse, prod, c, d, t;
} NAME(gammas);

static inline __attribute__((always_inline)) NAME(gammas) NAME(gammas_of)(DVEC x)
{
	const DVEC one = DSPLAT(1.0), eight = DSPLAT(8.0);
	IVEC small = x < eight;
	NAME(gammas) g;
	g.at = PICK(small, x + eight, x);

	// Terms of the recurrences in pairs k, 7-k: their sum is 2x+7 for all. The
	// inverses of the four products and of at come from that of their product.
	DVEC s = x + x + DSPLAT(7.0), x1 = x + one, x2 = x + DSPLAT(2.0), x3 = x + DSPLAT(3.0);
	DVEC x4 = x + DSPLAT(4.0), x5 = x + DSPLAT(5.0), x6 = x + DSPLAT(6.0), x7 = x + DSPLAT(7.0);
	DVEC p0 = x * x7, p1 = x1 * x6, p2 = x2 * x5, p3 = x3 * x4, p01 = p0 * p1, p23 = p2 * p3;
	g.prod = PICK(small, p01 * p23, one);
	DVEC both = one / (g.prod * g.at), all = both * g.at, q01 = all * p23, q23 = all * p01;
	DVEC q0 = q01 * p1, q1 = q01 * p0, q2 = q23 * p3, q3 = q23 * p2;
	DVEC inv = s * ((q3 + q2) + (q1 + q0));
	DVEC inv2 = ((x3 * x3 + x4 * x4) * (q3 * q3) + (x2 * x2 + x5 * x5) * (q2 * q2))
		+ ((x1 * x1 + x6 * x6) * (q1 * q1) + (x * x + x7 * x7) * (q0 * q0));

	DVEC y = g.inverse = both * g.prod, z = y * y, c, d, t;
	c = DSPLAT(-3617.0 / 122400);
	c = c * z + DSPLAT(1.0 / 156);
	c = c * z + DSPLAT(-691.0 / 360360);
	c = c * z + DSPLAT(1.0 / 1188);
	c = c * z + DSPLAT(-1.0 / 1680);
	c = c * z + DSPLAT(1.0 / 1260);
	c = c * z + DSPLAT(-1.0 / 360);
	g.c = (c * z + DSPLAT(1.0 / 12)) * y;
	d = DSPLAT(-3617.0 / 8160);
	d = d * z + DSPLAT(1.0 / 12);
	d = d * z + DSPLAT(-691.0 / 32760);
	d = d * z + DSPLAT(1.0 / 132);
	d = d * z + DSPLAT(-1.0 / 240);
	d = d * z + DSPLAT(1.0 / 252);
	d = d * z + DSPLAT(-1.0 / 120);
	d = (d * z + DSPLAT(1.0 / 12)) * z + DSPLAT(0.5) * y;
	g.d = d + (DVEC)((IVEC)inv & small);
	t = DSPLAT(-3617.0 / 510);
	t = t * z + DSPLAT(7.0 / 6);
	t = t * z + DSPLAT(-691.0 / 2730);
	t = t * z + DSPLAT(5.0 / 66);
	t = t * z + DSPLAT(-1.0 / 30);
	t = t * z + DSPLAT(1.0 / 42);
	t = t * z + DSPLAT(-1.0 / 30);
	t = (t * z + DSPLAT(1.0 / 6)) * z * y + DSPLAT(0.5) * z + y;
	g.t = t + (DVEC)((IVEC)inv2 & small);
	return g;
}

// Parameters of logits, and their derivatives (package ops, Shape).
static inline __attribute__((always_inline)) DVEC NAME(shape)(const betashape *shape, DVEC logit, DVEC *slope)
{
	DVEC e = NAME(exp)(logit), u = e;
	if (shape->max > 0) {
		const DVEC one = DSPLAT(1.0), ceiling = DSPLAT(shape->max - shape->min);
		DVEC f = one / (one + e / ceiling);
		u = PICK(e == DSPLAT(__builtin_inf()), ceiling, e * f);
		e = u * f;
	}
	*slope = e;
	return u + DSPLAT(shape->min);
}

// Log-probability and entropy of distributions, and their derivatives by
// the logits.
static inline __attribute__((always_inline)) void NAME(beta)(const betashape *shape, DVEC la, DVEC lb, DVEC x, DVEC y,
	DVEC *lp, DVEC *ent, DVEC slopes[4])
{
	const DVEC one = DSPLAT(1.0);
	DVEC da, db, a = NAME(shape)(shape, la, &da), b = NAME(shape)(shape, lb, &db);

	// ln B of p <= q: ln Gamma(q) - ln Gamma(p+q) is taken together, where the
	// large terms cancel.
	IVEC swap = a > b;
	DVEC p = PICK(swap, b, a), q = PICK(swap, a, b);
	NAME(gammas) gp = NAME(gammas_of)(p), gq = NAME(gammas_of)(q), gs = NAME(gammas_of)(p + q);
	DVEC apart = gs.at - gq.at;
	// Where neither or both were moved they differ by p itself.
	apart = PICK((q < DSPLAT(8.0)) ^ (p + q < DSPLAT(8.0)), apart, p);
	DVEC lnp = NAME(log)(gp.at), lnq = NAME(log)(gq.at), step = NAME(log1p)(apart * gq.inverse), lns = lnq + step;
	DVEC logb = (gp.at * (lnp - lns) - DSPLAT(0.5) * lnp - (gq.at - DSPLAT(0.5)) * step)
		+ (gp.at - apart) * (lns - one)
		+ (gp.c + gq.c - gs.c + DSPLAT(0.918938533204672741780329736405617640))
		- NAME(log)(gp.prod / gs.prod * gq.prod);

	DVEC psis = lns - gs.d;
	DVEC diffp = psis - (lnp - gp.d), diffq = psis - (lnq - gq.d); // psi(p+q) - psi(.)
	DVEC diffa = PICK(swap, diffq, diffp), diffb = PICK(swap, diffp, diffq);
	DVEC tria = PICK(swap, gq.t, gp.t), trib = PICK(swap, gp.t, gq.t);

	DVEC a1 = a - one, b1 = b - one, u = (a1 + b1) * gs.t;
	*lp = a1 * x + b1 * y - logb;
	*ent = logb + a1 * diffa + b1 * diffb;
	slopes[0] = da * (x + diffa);
	slopes[1] = db * (y + diffb);
	slopes[2] = da * (u - a1 * tria);
	slopes[3] = db * (u - b1 * trib);
}

// Slopes of one kind lie together: that of entry i, kind k is at k*rows*heads+i.
static void NAME(beta_terms)(const betashape *shape, ptrdiff_t rows, ptrdiff_t heads, const float *logits,
	const float *logx, const float *log1mx, const float *logwidth, const float *mask, float *terms, double *slopes)
{
	ptrdiff_t n = rows * heads, row = 0, head = 0;
	double lp = 0, ent = 0;
	for (ptrdiff_t i = 0; i < n; i += DLANES) {
		double la[DLANES] = {0}, lb[DLANES] = {0}, x[DLANES] = {0}, y[DLANES] = {0}, w[DLANES] = {0}, free[DLANES] = {0};
		ptrdiff_t m = n - i < DLANES ? n - i : DLANES;
#define READ(m) \
	for (ptrdiff_t j = 0; j < m; j++) { \
		la[j] = logits[2 * (i + j)]; \
		lb[j] = logits[2 * (i + j) + 1]; \
		x[j] = logx[i + j]; \
		y[j] = log1mx[i + j]; \
		w[j] = logwidth[i + j]; \
		free[j] = mask[i + j]; \
	}
		if (m == DLANES) {
			READ(DLANES)
		} else {
			READ(m)
		}
#undef READ
		DVEC l, e, d[4];
		NAME(beta)(shape, DLOAD(la), DLOAD(lb), DLOAD(x), DLOAD(y), &l, &e, d);
		// A fixed entity adds 0 whatever was stored with it.
		IVEC on = DLOAD(free) != DSPLAT(0.0);
		l = (DVEC)((IVEC)(l - DLOAD(w)) & on);
		e = (DVEC)((IVEC)(e + DLOAD(w)) & on);
		if (slopes)
			for (int k = 0; k < 4; k++) {
				DVEC v = (DVEC)((IVEC)d[k] & on);
				if (m == DLANES)
					memcpy(slopes + k * n + i, &v, sizeof v);
				else
					memcpy(slopes + k * n + i, &v, m * sizeof(double));
			}
		double sums[2][DLANES];
		memcpy(sums[0], &l, sizeof l);
		memcpy(sums[1], &e, sizeof e);
		for (ptrdiff_t j = 0; j < m; j++) {
			lp += sums[0][j];
			ent += sums[1][j];
			if (++head == heads) {
				terms[2 * row] = (float)lp;
				terms[2 * row + 1] = (float)ent;
				row++;
				head = 0;
				lp = ent = 0;
			}
		}
	}
}
