// Draws of Beta variates in float64, DLANES rows at a time, for one instruction set: the
// same numbers of the same streams that kernels/sample_beta.cuh draws, to rounding.

// A word of the stream as a number in (0, 1].
INLINE DVEC NAME(uniform)(UVEC w)
{
	// The 52 highest bits as the fraction of a number in [1, 2).
	return (DVEC)((w >> 12) | 0x3FF0000000000000ull) - DSPLAT(1 - 0x1p-53);
}

// Blocks c of the streams, by Philox4x32-10 (package rng).
INLINE void NAME(philox)(UVEC key, UVEC id, UVEC c, UVEC *w0, UVEC *w1)
{
	const UVEC low = (UVEC){} + 0xFFFFFFFFull;
	UVEC c0 = c & low, c1 = c >> 32, c2 = id & low, c3 = id >> 32, k0 = key & low, k1 = key >> 32;
	for (int i = 0; i < 10; i++) {
		UVEC p0 = MUL32(c0, 0xD2511F53u), p1 = MUL32(c2, 0xCD9E8D57u);
		c0 = (p1 >> 32) ^ c1 ^ k0;
		c1 = p1 & low;
		c2 = (p0 >> 32) ^ c3 ^ k1;
		c3 = p0 & low;
		k0 = (k0 + 0x9E3779B9u) & low;
		k1 = (k1 + 0xBB67AE85u) & low;
	}
	*w0 = c0 | c1 << 32;
	*w1 = c2 | c3 << 32;
}

// cos(2 pi u) for u in [0, 1] as sin(2 pi z), z = |u - 1/2| - 1/4, by its series.
INLINE DVEC NAME(cosine_of_turn)(DVEC u)
{
	DVEC z = u - DSPLAT(0.5);
	z = (DVEC)((IVEC)z & 0x7FFFFFFFFFFFFFFFll) - DSPLAT(0.25);
	z *= DSPLAT(6.283185307179586476925286766559);
	DVEC q = z * z, s = DSPLAT(1.0 / 355687428096000);
	s = s * q - DSPLAT(1.0 / 1307674368000);
	s = s * q + DSPLAT(1.0 / 6227020800);
	s = s * q - DSPLAT(1.0 / 39916800);
	s = s * q + DSPLAT(1.0 / 362880);
	s = s * q - DSPLAT(1.0 / 5040);
	s = s * q + DSPLAT(1.0 / 120);
	s = s * q - DSPLAT(1.0 / 6);
	return s * q * z + z;
}

// The logarithms of Gamma(shape, 1) variates by the method of Marsaglia and Tsang (ACM
// TOMS 26, 2000), with normal variates of Box and Muller (Annals of Mathematical Statistics
// 29, 1958). Attempt j takes blocks first + 4j and first + 4j + 1 of the stream. A shape below
// 1 is raised by 1 and multiplied by U^(1/shape). Lanes that are not wanted are not drawn;
// tries becomes the number of attempts where it is larger.
INLINE DVEC NAME(log_gamma)(DVEC shape, IVEC wanted, UVEC key, UVEC id, UVEC first, UVEC *tries)
{
	const DVEC one = DSPLAT(1.0), zero = DSPLAT(0.0);
	IVEC small = shape < one;
	DVEC d = PICK(small, shape + one, shape) - DSPLAT(1.0 / 3), c = one / (DSPLAT(3.0) * DSQRT(d)), out = zero;
	for (unsigned long long j = 1; ANY(wanted); j++, first += 4) {
		UVEC w0, w1, w2, w3;
		NAME(philox)(key, id, first, &w0, &w1);
		NAME(philox)(key, id, first + 1, &w2, &w3);
		DVEC x = DSQRT(DSPLAT(-2.0) * NAME(log)(NAME(uniform)(w0))) * NAME(cosine_of_turn)(NAME(uniform)(w1));
		DVEC v = one + c * x;
		IVEC positive = v > zero;
		DVEC v3 = PICK(positive, v * v * v, one), lnv3 = NAME(log)(v3), u = NAME(uniform)(w2);
		IVEC done = wanted & positive & (NAME(log)(u) < DSPLAT(0.5) * x * x + d * (one - v3 + lnv3));
		DVEC boost = (DVEC)((IVEC)(NAME(log)(NAME(uniform)(w3)) / shape) & small);
		out = PICK(done, NAME(log)(d) + lnv3 + boost, out);
		*tries = (UVEC)PICK(wanted & ((IVEC)*tries < (IVEC)((UVEC){} + j)), (UVEC){} + j, *tries);
		wanted &= ~done;
	}
	return out;
}

// Chooses the amounts of m rows for head h in [lo, hi], by the distributions of their
// logits, and writes what training needs of them. It returns the first row whose parameters
// are not positive numbers that float32 holds, -1 where there is none.
static ptrdiff_t NAME(draw)(const network *n, const layer *ls, ptrdiff_t h, ptrdiff_t m, const float *w, float *act,
	const drawing *q, const double *lo, const double *hi, double *a)
{
	const DVEC one = DSPLAT(1.0), zero = DSPLAT(0.0), most = DSPLAT(3.4028234663852886e38);
	for (ptrdiff_t i = 0; h > 0 && i < m; i++)
		act[n->prefix + AT(h - 1, BLOCK) + i * PANEL] = q->prefix[i * n->entities + h - 1];
	const float *y = NAME(logits)(n, ls, h, (m + UNIT - 1) / UNIT * UNIT, w, act);

	for (ptrdiff_t r = 0; r < m; r += DLANES) {
		DVEC la = WIDEN(y + r), lb = WIDEN(y + BLOCK + r), slope;
		DVEC alpha = NAME(shape)(&n->shape, la, &slope), beta = NAME(shape)(&n->shape, lb, &slope);
		IVEC here = *(const IVEC *)counted + r < (IVEC){} + m;
		IVEC good = (alpha > zero) & (alpha <= most) & (beta > zero) & (beta <= most);
		DVEC l = DLOAD(lo + r), u = DLOAD(hi + r), width = u - l, t;
		IVEC free = here & (width > DSPLAT(q->fixed));
		if (q->rule == 0) {
			UVEC key = *(const UVECU *)(q->key + r), id = *(const UVECU *)(q->id + r), drawn = *(const UVECU *)(q->drawn + r);
			UVEC first = (drawn + 1) >> 1, tries = {};
			t = NAME(log_gamma)(alpha, free & good, key, id, first, &tries);
			t -= NAME(log_gamma)(beta, free & good, key, id, first + 2, &tries);
			*(UVECU *)(q->drawn + r) = (UVEC)PICK(free, (first + tries * 4) << 1, drawn);
		} else {
			// The mode where there is one, and the mean.
			IVEC mode = (alpha > one) & (beta > one) & ((IVEC){} - (q->rule == 1));
			t = NAME(log)(PICK(mode, alpha - one, alpha) / PICK(mode, beta - one, beta));
		}

		// The x with ln x - ln(1-x) = t.
		DVEC less = zero - NAME(log1p)(NAME(exp)((DVEC)((IVEC)t | (IVEC)DSPLAT(-0.0))));
		IVEC up = t >= zero;
		DVEC lnx = PICK(up, less, less + t), ln1mx = PICK(up, less - t, less);

		// lo + (hi-lo) x from the nearer end, so that neither a small x nor a small 1-x is lost.
		IVEC low = lnx <= ln1mx;
		DVEC part = width * NAME(exp)(PICK(low, lnx, ln1mx)), x = PICK(low, l + part, u - part);
		x = PICK(free, x, l + width * DSPLAT(0.5));
		x = PICK(x > u, u, PICK(x < l, l, x));
		DVEC lnwidth = NAME(log)(width / DSPLAT(q->total));
		for (ptrdiff_t i = 0; i < DLANES && r + i < m; i++) {
			ptrdiff_t k = (r + i) * n->heads + h;
			q->logits[2 * k] = y[r + i];
			q->logits[2 * k + 1] = y[BLOCK + r + i];
			q->alpha[k] = (float)alpha[i];
			q->beta[k] = (float)beta[i];
			q->logx[k] = free[i] ? (float)lnx[i] : 0;
			q->log1mx[k] = free[i] ? (float)ln1mx[i] : 0;
			q->logwidth[k] = free[i] ? (float)lnwidth[i] : 0;
			q->mask[k] = free[i] ? 1 : 0;
			a[r + i] = x[i];
			if (!good[i])
				return r + i;
		}
	}
	return -1;
}
