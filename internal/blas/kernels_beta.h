// The terms of Beta distributions in float64, eight at a time, for one
// instruction set. The file that includes it defines NAME(x).

// exp(x), with the relative accuracy of its polynomial: 2e-16 or so. Results
// below the normal numbers are 0.
static inline __attribute__((always_inline)) vec8 NAME(exp8)(vec8 x)
{
	const vec8 shift = SPLAT8(0x1.8p52);
	vec8 over = SPLAT8(709.78), under = SPLAT8(-708.0);
	ivec8 high = x > over, low = x < under;
	vec8 y = pick8(high, over, pick8(low, under, x));
	// y = k ln 2 + r with |r| <= ln(2)/2; ln 2 in two parts, the first short
	// enough for k times it to be exact.
	vec8 t = y * SPLAT8(M_LOG2E) + shift, k = t - shift;
	vec8 r = (y - k * SPLAT8(0x1.62e42feep-1)) - k * SPLAT8(0x1.a39ef35793c76p-33);
	vec8 p = SPLAT8(1.0 / 6227020800);
	p = p * r + SPLAT8(1.0 / 479001600);
	p = p * r + SPLAT8(1.0 / 39916800);
	p = p * r + SPLAT8(1.0 / 3628800);
	p = p * r + SPLAT8(1.0 / 362880);
	p = p * r + SPLAT8(1.0 / 40320);
	p = p * r + SPLAT8(1.0 / 5040);
	p = p * r + SPLAT8(1.0 / 720);
	p = p * r + SPLAT8(1.0 / 120);
	p = p * r + SPLAT8(1.0 / 24);
	p = p * r + SPLAT8(1.0 / 6);
	p = p * r + SPLAT8(0.5);
	p = p * r + SPLAT8(1.0);
	p = p * r + SPLAT8(1.0);
	ivec8 scale = (((ivec8)t - (ivec8)shift) + 1023) << 52;
	vec8 e = p * (vec8)scale;
	e = pick8(high, SPLAT8(__builtin_inf()), e);
	return (vec8)((ivec8)e & ~low);
}

// ln(x) for normal x > 0, NaN for NaN and Inf:
//   x = 2^k m, sqrt(1/2) <= m < sqrt(2),  ln m = 2 atanh(s),  s = (m-1)/(m+1).
static inline __attribute__((always_inline)) vec8 NAME(log8)(vec8 x)
{
	const vec8 shift = SPLAT8(0x1.8p52), half = SPLAT8(0x1.6a09e667f3bcdp-1);
	ivec8 k = ((ivec8)x - (ivec8)half) >> 52;
	vec8 m = (vec8)((ivec8)x - (k << 52));
	vec8 e = (vec8)(k + (ivec8)shift) - shift;
	vec8 s = (m - SPLAT8(1.0)) / (m + SPLAT8(1.0)), z = s * s;
	vec8 p = SPLAT8(2.0 / 23);
	p = p * z + SPLAT8(2.0 / 21);
	p = p * z + SPLAT8(2.0 / 19);
	p = p * z + SPLAT8(2.0 / 17);
	p = p * z + SPLAT8(2.0 / 15);
	p = p * z + SPLAT8(2.0 / 13);
	p = p * z + SPLAT8(2.0 / 11);
	p = p * z + SPLAT8(2.0 / 9);
	p = p * z + SPLAT8(2.0 / 7);
	p = p * z + SPLAT8(2.0 / 5);
	p = p * z + SPLAT8(2.0 / 3);
	vec8 tail = p * z * s + e * SPLAT8(0x1.a39ef35793c76p-33);
	return (e * SPLAT8(0x1.62e42feep-1) + (SPLAT8(2.0) * s + tail)) + (x - x);
}

// ln(1+x) for x > -1/2, to full relative accuracy: what 1+x rounds off is put
// back.
static inline __attribute__((always_inline)) vec8 NAME(log1p8)(vec8 x)
{
	vec8 u = SPLAT8(1.0) + x;
	return NAME(log8)(u) + (x - (u - SPLAT8(1.0))) / u;
}

// What ln Gamma, digamma and trigamma need of one argument x, which is moved to
// at = x+8 where it is below 8:
//   ln Gamma(x) = (at - 1/2) ln at - at + ln(2 pi)/2 + c - ln prod
//   psi(x) = ln at - d,  psi'(x) = t,  1/at = inverse
// by the asymptotic series (NIST DLMF 5.11.1, 5.11.2) and the recurrences (DLMF
// 5.5.1, 5.5.2, 5.15.5).
typedef struct {
	vec8 at, inverse, prod, c, d, t;
} NAME(gamma8);

static inline __attribute__((always_inline)) NAME(gamma8) NAME(gamma8_of)(vec8 x)
{
	const vec8 one = SPLAT8(1.0), eight = SPLAT8(8.0);
	ivec8 small = x < eight;
	NAME(gamma8) g;
	g.at = pick8(small, x + eight, x);

	// Terms of the recurrences in pairs k, 7-k: their sum is 2x+7 for all. The
	// inverses of the four products and of at come from that of their product.
	vec8 s = x + x + SPLAT8(7.0), x1 = x + one, x2 = x + SPLAT8(2.0), x3 = x + SPLAT8(3.0);
	vec8 x4 = x + SPLAT8(4.0), x5 = x + SPLAT8(5.0), x6 = x + SPLAT8(6.0), x7 = x + SPLAT8(7.0);
	vec8 p0 = x * x7, p1 = x1 * x6, p2 = x2 * x5, p3 = x3 * x4, p01 = p0 * p1, p23 = p2 * p3;
	g.prod = pick8(small, p01 * p23, one);
	vec8 both = one / (g.prod * g.at), all = both * g.at, q01 = all * p23, q23 = all * p01;
	vec8 q0 = q01 * p1, q1 = q01 * p0, q2 = q23 * p3, q3 = q23 * p2;
	vec8 inv = s * ((q3 + q2) + (q1 + q0));
	vec8 inv2 = ((x3 * x3 + x4 * x4) * (q3 * q3) + (x2 * x2 + x5 * x5) * (q2 * q2))
		+ ((x1 * x1 + x6 * x6) * (q1 * q1) + (x * x + x7 * x7) * (q0 * q0));

	vec8 y = g.inverse = both * g.prod, z = y * y, c, d, t;
	c = SPLAT8(-3617.0 / 122400);
	c = c * z + SPLAT8(1.0 / 156);
	c = c * z + SPLAT8(-691.0 / 360360);
	c = c * z + SPLAT8(1.0 / 1188);
	c = c * z + SPLAT8(-1.0 / 1680);
	c = c * z + SPLAT8(1.0 / 1260);
	c = c * z + SPLAT8(-1.0 / 360);
	g.c = (c * z + SPLAT8(1.0 / 12)) * y;
	d = SPLAT8(-3617.0 / 8160);
	d = d * z + SPLAT8(1.0 / 12);
	d = d * z + SPLAT8(-691.0 / 32760);
	d = d * z + SPLAT8(1.0 / 132);
	d = d * z + SPLAT8(-1.0 / 240);
	d = d * z + SPLAT8(1.0 / 252);
	d = d * z + SPLAT8(-1.0 / 120);
	d = (d * z + SPLAT8(1.0 / 12)) * z + SPLAT8(0.5) * y;
	g.d = d + (vec8)((ivec8)inv & small);
	t = SPLAT8(-3617.0 / 510);
	t = t * z + SPLAT8(7.0 / 6);
	t = t * z + SPLAT8(-691.0 / 2730);
	t = t * z + SPLAT8(5.0 / 66);
	t = t * z + SPLAT8(-1.0 / 30);
	t = t * z + SPLAT8(1.0 / 42);
	t = t * z + SPLAT8(-1.0 / 30);
	t = (t * z + SPLAT8(1.0 / 6)) * z * y + SPLAT8(0.5) * z + y;
	g.t = t + (vec8)((ivec8)inv2 & small);
	return g;
}

// Parameters of eight logits, and their derivatives (package ops, Shape).
static inline __attribute__((always_inline)) vec8 NAME(shape8)(const betashape *shape, vec8 logit, vec8 *slope)
{
	vec8 e = NAME(exp8)(logit), u = e;
	if (shape->max > 0) {
		const vec8 one = SPLAT8(1.0), ceiling = SPLAT8(shape->max - shape->min);
		vec8 f = one / (one + e / ceiling);
		u = pick8(e == SPLAT8(__builtin_inf()), ceiling, e * f);
		e = u * f;
	}
	*slope = e;
	return u + SPLAT8(shape->min);
}

// Log-probability and entropy of eight distributions, and their derivatives by
// the logits.
static inline __attribute__((always_inline)) void NAME(beta8)(const betashape *shape, vec8 la, vec8 lb, vec8 x, vec8 y,
	vec8 *lp, vec8 *ent, vec8 slopes[4])
{
	const vec8 one = SPLAT8(1.0);
	vec8 da, db, a = NAME(shape8)(shape, la, &da), b = NAME(shape8)(shape, lb, &db);

	// ln B of p <= q: ln Gamma(q) - ln Gamma(p+q) is taken together, where the
	// large terms cancel.
	ivec8 swap = a > b;
	vec8 p = pick8(swap, b, a), q = pick8(swap, a, b);
	NAME(gamma8) gp = NAME(gamma8_of)(p), gq = NAME(gamma8_of)(q), gs = NAME(gamma8_of)(p + q);
	vec8 apart = gs.at - gq.at;
	// Where neither or both were moved they differ by p itself.
	apart = pick8((q < SPLAT8(8.0)) ^ (p + q < SPLAT8(8.0)), apart, p);
	vec8 lnp = NAME(log8)(gp.at), lnq = NAME(log8)(gq.at), step = NAME(log1p8)(apart * gq.inverse), lns = lnq + step;
	vec8 logb = (gp.at * (lnp - lns) - SPLAT8(0.5) * lnp - (gq.at - SPLAT8(0.5)) * step)
		+ (gp.at - apart) * (lns - one)
		+ (gp.c + gq.c - gs.c + SPLAT8(0.918938533204672741780329736405617640))
		- NAME(log8)(gp.prod / gs.prod * gq.prod);

	vec8 psis = lns - gs.d;
	vec8 diffp = psis - (lnp - gp.d), diffq = psis - (lnq - gq.d); // psi(p+q) - psi(.)
	vec8 diffa = pick8(swap, diffq, diffp), diffb = pick8(swap, diffp, diffq);
	vec8 tria = pick8(swap, gq.t, gp.t), trib = pick8(swap, gp.t, gq.t);

	vec8 a1 = a - one, b1 = b - one, u = (a1 + b1) * gs.t;
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
	for (ptrdiff_t i = 0; i < n; i += 8) {
		double la[8] = {0}, lb[8] = {0}, x[8] = {0}, y[8] = {0}, w[8] = {0}, free[8] = {0};
		ptrdiff_t m = n - i < 8 ? n - i : 8;
#define READ(m) \
	for (ptrdiff_t j = 0; j < m; j++) { \
		la[j] = logits[2 * (i + j)]; \
		lb[j] = logits[2 * (i + j) + 1]; \
		x[j] = logx[i + j]; \
		y[j] = log1mx[i + j]; \
		w[j] = logwidth[i + j]; \
		free[j] = mask[i + j]; \
	}
		if (m == 8) {
			READ(8)
		} else {
			READ(m)
		}
#undef READ
		vec8 l, e, d[4];
		NAME(beta8)(shape, load8(la), load8(lb), load8(x), load8(y), &l, &e, d);
		// A fixed entity adds 0 whatever was stored with it.
		ivec8 on = load8(free) != SPLAT8(0.0);
		l = (vec8)((ivec8)(l - load8(w)) & on);
		e = (vec8)((ivec8)(e + load8(w)) & on);
		if (slopes)
			for (int k = 0; k < 4; k++) {
				vec8 v = (vec8)((ivec8)d[k] & on);
				if (m == 8)
					memcpy(slopes + k * n + i, &v, sizeof v);
				else
					memcpy(slopes + k * n + i, &v, m * sizeof(double));
			}
		double sums[2][8];
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
