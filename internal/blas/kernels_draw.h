// Draws of Beta variates in float64, eight rows at a time, for one instruction set: the
// same numbers of the same streams that kernels/sample_beta.cuh draws, to rounding.

// A word of the stream as a number in (0, 1].
INLINE vec8 NAME(uniform8)(uvec8 w)
{
	// The 52 highest bits as the fraction of a number in [1, 2).
	return (vec8)((w >> 12) | 0x3FF0000000000000ull) - SPLAT8(1 - 0x1p-53);
}

// Blocks c of the streams, by Philox4x32-10 (package rng).
INLINE void NAME(philox8)(uvec8 key, uvec8 id, uvec8 c, uvec8 *w0, uvec8 *w1)
{
	const uvec8 low = (uvec8){} + 0xFFFFFFFFull;
	uvec8 c0 = c & low, c1 = c >> 32, c2 = id & low, c3 = id >> 32, k0 = key & low, k1 = key >> 32;
	for (int i = 0; i < 10; i++) {
		uvec8 p0 = MUL32(c0, 0xD2511F53u), p1 = MUL32(c2, 0xCD9E8D57u);
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
INLINE vec8 NAME(cosine_of_turn8)(vec8 u)
{
	vec8 z = u - SPLAT8(0.5);
	z = (vec8)((ivec8)z & 0x7FFFFFFFFFFFFFFFll) - SPLAT8(0.25);
	z *= SPLAT8(6.283185307179586476925286766559);
	vec8 q = z * z, s = SPLAT8(1.0 / 355687428096000);
	s = s * q - SPLAT8(1.0 / 1307674368000);
	s = s * q + SPLAT8(1.0 / 6227020800);
	s = s * q - SPLAT8(1.0 / 39916800);
	s = s * q + SPLAT8(1.0 / 362880);
	s = s * q - SPLAT8(1.0 / 5040);
	s = s * q + SPLAT8(1.0 / 120);
	s = s * q - SPLAT8(1.0 / 6);
	return s * q * z + z;
}

// The logarithms of Gamma(shape, 1) variates by the method of Marsaglia and Tsang (ACM
// TOMS 26, 2000), with normal variates of Box and Muller (Annals of Mathematical Statistics
// 29, 1958). Attempt j takes blocks first + 4j and first + 4j + 1 of the stream. A shape below
// 1 is raised by 1 and multiplied by U^(1/shape). Lanes that are not wanted are not drawn;
// tries becomes the number of attempts where it is larger.
INLINE vec8 NAME(log_gamma8)(vec8 shape, ivec8 wanted, uvec8 key, uvec8 id, uvec8 first, uvec8 *tries)
{
	const vec8 one = SPLAT8(1.0), zero = SPLAT8(0.0);
	ivec8 small = shape < one;
	vec8 d = pick8(small, shape + one, shape) - SPLAT8(1.0 / 3), c = one / (SPLAT8(3.0) * SQRT8(d)), out = zero;
	for (unsigned long long j = 1; ANY8(wanted); j++, first += 4) {
		uvec8 w0, w1, w2, w3;
		NAME(philox8)(key, id, first, &w0, &w1);
		NAME(philox8)(key, id, first + 1, &w2, &w3);
		vec8 x = SQRT8(SPLAT8(-2.0) * NAME(log8)(NAME(uniform8)(w0))) * NAME(cosine_of_turn8)(NAME(uniform8)(w1));
		vec8 v = one + c * x;
		ivec8 positive = v > zero;
		vec8 v3 = pick8(positive, v * v * v, one), lnv3 = NAME(log8)(v3), u = NAME(uniform8)(w2);
		ivec8 done = wanted & positive & (NAME(log8)(u) < SPLAT8(0.5) * x * x + d * (one - v3 + lnv3));
		vec8 boost = (vec8)((ivec8)(NAME(log8)(NAME(uniform8)(w3)) / shape) & small);
		out = pick8(done, NAME(log8)(d) + lnv3 + boost, out);
		*tries = (uvec8)pick8(wanted & ((ivec8)*tries < (ivec8)((uvec8){} + j)), (uvec8){} + j, *tries);
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
	const vec8 one = SPLAT8(1.0), zero = SPLAT8(0.0), most = SPLAT8(3.4028234663852886e38);
	for (ptrdiff_t i = 0; h > 0 && i < m; i++)
		act[n->prefix + AT(h - 1, BLOCK) + i * PANEL] = q->prefix[i * n->entities + h - 1];
	const float *y = NAME(logits)(n, ls, h, (m + MR - 1) / MR * MR, w, act);

	for (ptrdiff_t r = 0; r < m; r += 8) {
		vec8 la = WIDEN(y + r), lb = WIDEN(y + BLOCK + r), slope;
		vec8 alpha = NAME(shape8)(&n->shape, la, &slope), beta = NAME(shape8)(&n->shape, lb, &slope);
		ivec8 here = ((ivec8){0, 1, 2, 3, 4, 5, 6, 7} + r) < ((ivec8){} + m);
		ivec8 good = (alpha > zero) & (alpha <= most) & (beta > zero) & (beta <= most);
		vec8 l = load8(lo + r), u = load8(hi + r), width = u - l, t;
		ivec8 free = here & (width > SPLAT8(q->fixed));
		if (q->rule == 0) {
			uvec8 key = *(const uvec8u *)(q->key + r), id = *(const uvec8u *)(q->id + r), drawn = *(const uvec8u *)(q->drawn + r);
			uvec8 first = (drawn + 1) >> 1, tries = {};
			t = NAME(log_gamma8)(alpha, free & good, key, id, first, &tries);
			t -= NAME(log_gamma8)(beta, free & good, key, id, first + 2, &tries);
			*(uvec8u *)(q->drawn + r) = (uvec8)pick8(free, (first + tries * 4) << 1, drawn);
		} else {
			// The mode where there is one, and the mean.
			ivec8 mode = (alpha > one) & (beta > one) & ((ivec8){} - (q->rule == 1));
			t = NAME(log8)(pick8(mode, alpha - one, alpha) / pick8(mode, beta - one, beta));
		}

		// The x with ln x - ln(1-x) = t.
		vec8 less = zero - NAME(log1p8)(NAME(exp8)((vec8)((ivec8)t | (ivec8)SPLAT8(-0.0))));
		ivec8 up = t >= zero;
		vec8 lnx = pick8(up, less, less + t), ln1mx = pick8(up, less - t, less);

		// lo + (hi-lo) x from the nearer end, so that neither a small x nor a small 1-x is lost.
		ivec8 low = lnx <= ln1mx;
		vec8 part = width * NAME(exp8)(pick8(low, lnx, ln1mx)), x = pick8(low, l + part, u - part);
		x = pick8(free, x, l + width * SPLAT8(0.5));
		x = pick8(x > u, u, pick8(x < l, l, x));
		vec8 lnwidth = NAME(log8)(width / SPLAT8(q->total));
		for (ptrdiff_t i = 0; i < 8 && r + i < m; i++) {
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
