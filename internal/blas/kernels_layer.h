// The layers of networks and their gradients, for one instruction set. The file that
// includes it defines what kernels_tile.h needs and
//   SUMS(x, dst)   the sums of the elements of LANES vectors
//
// Activations, and derivatives by them, are panels of PANEL columns and BLOCK rows:
// element (r, c) is at c/PANEL*BLOCK*PANEL + r*PANEL + c%PANEL. The weights of a layer
// are panels of outputs that have a row of PANEL for every input. What fills the last
// panel up is 0 in weights. Numbers of rows are multiples of UNIT, and of LANES in passes back: the last
// layer of passes forward takes as many rows as a multiple of LANES has.

// Calls BODY(mr, r) for all rows, mr from r on at once: MR, and 4 or 2 for what they leave.
#define TILES(rows, BODY) \
	ptrdiff_t r = 0; \
	for (; (rows) - r >= MR; r += MR) \
		BODY(MR, r); \
	if (UNIT % MR) { \
		if ((rows) - r >= 4) { \
			BODY(4, r); \
			r += 4; \
		} else if ((rows) - r >= 2) { \
			BODY(2, r); \
			r += 2; \
		} \
	}

// acc += sum_l a_l b_l', with mr elements of a and nv vectors of b for every l: an element
// of acc is one chain of fused multiply-adds over l in order.
INLINE void NAME(outer)(const int mr, const int nv, VEC acc[8][2], ptrdiff_t k, const float *a, const ptrdiff_t arow,
	const ptrdiff_t acol, const float *b)
{
	ptrdiff_t l = 0;
#if LANES == 4
	// Multiplications by an element of a vector, of which one load brings four.
	for (; acol == 1 && l + 4 <= k; l += 4) {
		VEC x[8];
#pragma GCC unroll 8
		for (int i = 0; i < mr; i++)
			x[i] = LOAD(a + i * arow + l);
#pragma GCC unroll 4
		for (int q = 0; q < 4; q++) {
			VEC y[2];
#pragma GCC unroll 2
			for (int j = 0; j < nv; j++)
				y[j] = LOAD(b + (l + q) * PANEL + j * LANES);
			EACH(mr, nv) acc[i][j] = FMA(SPLAT(x[i][q]), y[j], acc[i][j]);
		}
	}
	for (; arow == 1 && mr % 4 == 0 && l < k; l++) {
		VEC x[2], y[2];
#pragma GCC unroll 2
		for (int i = 0; i < mr / 4; i++)
			x[i] = LOAD(a + l * acol + i * 4);
#pragma GCC unroll 2
		for (int j = 0; j < nv; j++)
			y[j] = LOAD(b + l * PANEL + j * LANES);
		EACH(mr, nv) acc[i][j] = FMA(SPLAT(x[i / 4][i % 4]), y[j], acc[i][j]);
	}
#endif
	for (; l < k; l++) {
		VEC y[2];
#pragma GCC unroll 2
		for (int j = 0; j < nv; j++)
			y[j] = LOAD(b + l * PANEL + j * LANES);
#pragma GCC unroll 8
		for (int i = 0; i < mr; i++) {
			VEC x = SPLAT(a[i * arow + l * acol]);
#pragma GCC unroll 2
			for (int j = 0; j < nv; j++)
				acc[i][j] = FMA(x, y[j], acc[i][j]);
		}
	}
}

// acc = x W for mr rows from r on: b is where the columns of W begin.
INLINE void NAME(times)(const int mr, const int nv, VEC acc[8][2], const input *in, ptrdiff_t r, const float *b)
{
	EACH(mr, nv) acc[i][j] = ZERO();
	for (int s = 0; s < 2; s++)
		for (ptrdiff_t q = 0; q < in->k[s]; q += PANEL) {
			ptrdiff_t k = in->k[s] - q < PANEL ? in->k[s] - q : PANEL;
			NAME(outer)(mr, nv, acc, k, in->x[s] + q * BLOCK + r * PANEL, PANEL, 1, b);
			b += k * PANEL;
		}
}

// y = f(x W + 1 b'), where f(z) is max(z, 0) or z.
INLINE void NAME(forward_tile)(const int mr, const int nv, ptrdiff_t r, const input *in, const float *w, const VEC *b,
	float *y, int relu)
{
	VEC acc[8][2];
	NAME(times)(mr, nv, acc, in, r, w);
	EACH(mr, nv) {
		VEC z = ADD(acc[i][j], b[j]);
		STORE(y + (r + i) * PANEL + j * LANES, relu ? RELU(z) : z);
	}
}

INLINE void NAME(forward_columns)(const int nv, ptrdiff_t rows, const input *in, const float *w, const float *bias,
	float *y, int relu)
{
	VEC b[2];
	EACH(1, nv) b[j] = LOAD(bias + j * LANES);
#define BODY(mr, r) NAME(forward_tile)(mr, nv, r, in, w, b, y, relu)
	TILES(rows, BODY)
#undef BODY
}

static void NAME(forward)(ptrdiff_t rows, const input *in, ptrdiff_t out, const float *w, const float *bias, float *y,
	int relu)
{
	ptrdiff_t k = in->k[0] + in->k[1];
#define BODY(nv, c) NAME(forward_columns)(nv, rows, in, w + AT(c, k), bias + c, y + AT(c, BLOCK), relu)
	COLUMNS(out, BODY)
#undef BODY
}

// What a layer's gradient makes of that of the layer before, whose outputs are y:
//   g_y = (g W') where y > 0, whose column sums are added to db, the gradient of its bias.
// Where there is no y, g W' is added to g_y, or is g_y if that is fresh. t holds W'.
INLINE void NAME(backward_tile)(const int mr, const int nv, ptrdiff_t r, const input *g, const float *t, const float *y,
	float *gy, VEC *sum, int fresh)
{
	VEC acc[8][2];
	NAME(times)(mr, nv, acc, g, r, t);
	EACH(mr, nv) {
		ptrdiff_t at = (r + i) * PANEL + j * LANES;
		if (y) {
			acc[i][j] = SELECT(LOAD(y + at), acc[i][j]);
			sum[j] = ADD(sum[j], acc[i][j]);
		} else if (!fresh) {
			acc[i][j] = ADD(LOAD(gy + at), acc[i][j]);
		}
		STORE(gy + at, acc[i][j]);
	}
}

INLINE void NAME(backward_columns)(const int nv, ptrdiff_t rows, const input *g, const float *t, const float *y,
	float *gy, float *db, int fresh)
{
	VEC sum[2] = {ZERO(), ZERO()};
#define BODY(mr, r) NAME(backward_tile)(mr, nv, r, g, t, y, gy, sum, fresh)
	TILES(rows, BODY)
#undef BODY
	if (y)
		EACH(1, nv) STORE(db + j * LANES, ADD(LOAD(db + j * LANES), sum[j]));
}

static void NAME(backward)(ptrdiff_t rows, const input *g, ptrdiff_t in, const float *t, const float *y, float *gy,
	float *db, int fresh)
{
#define MASKED(nv, c) NAME(backward_columns)(nv, rows, g, t + AT(c, g->k[0]), y + AT(c, BLOCK), gy + AT(c, BLOCK), db + c, 0)
#define ADDED(nv, c) NAME(backward_columns)(nv, rows, g, t + AT(c, g->k[0]), 0, gy + AT(c, BLOCK), 0, 0)
#define FRESH(nv, c) NAME(backward_columns)(nv, rows, g, t + AT(c, g->k[0]), 0, gy + AT(c, BLOCK), 0, 1)
	if (y)
		COLUMNS(in, MASKED)
	else if (fresh)
		COLUMNS(in, FRESH)
	else
		COLUMNS(in, ADDED)
#undef MASKED
#undef ADDED
#undef FRESH
}

// dW = x' g, added to what is there unless it is the first block of rows. x is a panel;
// of mr of its columns the first n are inputs of the layer.
INLINE void NAME(weights_tile)(const int mr, const int nv, ptrdiff_t n, ptrdiff_t rows, const float *x, const float *g,
	float *dw, int first)
{
	VEC acc[8][2];
	EACH(mr, nv) acc[i][j] = first || i >= n ? ZERO() : LOAD(dw + i * PANEL + j * LANES);
	NAME(outer)(mr, nv, acc, rows, x, 1, PANEL, g);
	EACH(mr, nv) if (i < n) STORE(dw + i * PANEL + j * LANES, acc[i][j]);
}

INLINE void NAME(weights_columns)(const int nv, ptrdiff_t rows, const input *in, const float *g, float *dw, int first)
{
	for (int s = 0; s < 2; s++) {
		ptrdiff_t k = in->k[s];
		for (ptrdiff_t l = 0; l < k;) {
			const float *x = in->x[s] + AT(l, BLOCK);
			ptrdiff_t n = k - l < MR ? k - l : MR, left = PANEL - l % PANEL;
			if (n > left)
				n = left;
			if (n == MR)
				NAME(weights_tile)(MR, nv, MR, rows, x, g, dw, first);
			else if (n > 4)
				NAME(weights_tile)(MR, nv, n, rows, x, g, dw, first);
			else if (PANEL % MR && n <= 2) // the last two columns of a panel
				NAME(weights_tile)(2, nv, n, rows, x, g, dw, first);
			else
				NAME(weights_tile)(4, nv, n, rows, x, g, dw, first);
			dw += n * PANEL;
			l += n;
		}
	}
}

static void NAME(weights)(ptrdiff_t rows, const input *in, ptrdiff_t out, const float *g, float *dw, int first)
{
	ptrdiff_t k = in->k[0] + in->k[1];
#define BODY(nv, c) NAME(weights_columns)(nv, rows, in, g + AT(c, BLOCK), dw + AT(c, k), first)
	COLUMNS(out, BODY)
#undef BODY
}

// The last layer of a head or of the critic has one or two outputs: the weights of an
// output are a row of panels, and its values lie together.
//   y_o = x w_o + b_o
static void NAME(forward_last)(ptrdiff_t rows, const float *x, ptrdiff_t k, ptrdiff_t out, const float *w, const float *bias,
	float *y)
{
	for (ptrdiff_t o = 0; o < out; o++, w += WHOLE(k))
		for (ptrdiff_t r = 0; r < rows; r += LANES) {
			VEC acc[LANES];
#pragma GCC unroll 16
			for (int i = 0; i < LANES; i++)
				acc[i] = ZERO();
			for (ptrdiff_t c = 0; c < k; c += LANES) {
				const float *xc = x + AT(c, BLOCK) + r * PANEL;
				VEC v = LOAD(w + c);
#pragma GCC unroll 16
				for (int i = 0; i < LANES; i++)
					acc[i] = FMA(LOAD(xc + i * PANEL), v, acc[i]);
			}
			STORE(y + o * BLOCK + r, ADD(SUMS(acc), SPLAT(bias[o])));
		}
}

// Its gradients for derivatives g_o by the outputs, in one pass over x:
//   dw_o = sum_r g_o(r) x(r),  db_o = sum_r g_o(r),  g_x = sum_o g_o w_o where x > 0,
// and the column sums of g_x are added to dbx, the gradient of the bias of the layer before.
// There is no g_x where x are observations.
INLINE void NAME(backward_last_of)(const int out, ptrdiff_t rows, const float *x, ptrdiff_t k, const float *g, const float *w,
	float *dw, float *gx, float *dbx, int first)
{
	for (ptrdiff_t c = 0; c < k; c += LANES) {
		const float *xc = x + AT(c, BLOCK);
		VEC d[2], v[2], sum = ZERO();
		for (int o = 0; o < out; o++) {
			v[o] = LOAD(w + o * WHOLE(k) + c);
			d[o] = first ? ZERO() : LOAD(dw + o * WHOLE(k) + c);
		}
		for (ptrdiff_t r = 0; r < rows; r++) {
			VEC xr = LOAD(xc + r * PANEL), z = ZERO();
			for (int o = 0; o < out; o++) {
				VEC go = SPLAT(g[o * BLOCK + r]);
				d[o] = FMA(go, xr, d[o]);
				z = o ? FMA(go, v[o], z) : MUL(go, v[o]);
			}
			if (gx) {
				z = SELECT(xr, z);
				STORE(gx + AT(c, BLOCK) + r * PANEL, z);
				sum = ADD(sum, z);
			}
		}
		for (int o = 0; o < out; o++)
			STORE(dw + o * WHOLE(k) + c, d[o]);
		if (gx)
			STORE(dbx + c, ADD(LOAD(dbx + c), sum));
	}
}

static void NAME(backward_last)(ptrdiff_t rows, const float *x, ptrdiff_t k, ptrdiff_t out, const float *g, const float *w,
	float *dw, float *db, float *gx, float *dbx, int first)
{
	for (ptrdiff_t o = 0; o < out; o++) {
		VEC sum = ZERO();
		for (ptrdiff_t r = 0; r < rows; r += LANES)
			sum = ADD(sum, LOAD(g + o * BLOCK + r));
		float s[LANES];
		STORE(s, sum);
		for (int i = 0; i < LANES; i++)
			db[o] += s[i];
	}
	if (out == 1)
		NAME(backward_last_of)(1, rows, x, k, g, w, dw, gx, dbx, first);
	else
		NAME(backward_last_of)(2, rows, x, k, g, w, dw, gx, dbx, first);
}

// The column sums of g, added to db.
static void NAME(add_columns)(ptrdiff_t rows, ptrdiff_t n, const float *g, float *db)
{
	for (ptrdiff_t c = 0; c < n; c += LANES) {
		VEC s = LOAD(db + c);
		for (ptrdiff_t r = 0; r < rows; r++)
			s = ADD(s, LOAD(g + AT(c, BLOCK) + r * PANEL));
		STORE(db + c, s);
	}
}

// y += x for panels of n columns.
static void NAME(add)(ptrdiff_t rows, ptrdiff_t n, const float *x, float *y)
{
	for (ptrdiff_t c = 0; c < n; c += LANES)
		for (ptrdiff_t r = 0; r < rows; r++) {
			ptrdiff_t at = AT(c, BLOCK) + r * PANEL;
			STORE(y + at, ADD(LOAD(y + at), LOAD(x + at)));
		}
}

// t = W' for the first in of the inputs of W, block by block.
static void NAME(transpose)(ptrdiff_t in, ptrdiff_t more, ptrdiff_t out, const float *w, float *t)
{
	for (ptrdiff_t o = 0; o < out; o += LANES)
		for (ptrdiff_t c = 0; c < in; c += LANES) {
			VEC x[LANES];
			for (int i = 0; i < LANES; i++)
				x[i] = c + i < in ? LOAD(w + AT(o, in + more) + (c + i) * PANEL) : ZERO();
			TURN(x);
			for (int i = 0; i < LANES && o + i < out; i++)
				STORE(t + AT(c, out) + (o + i) * PANEL, x[i]);
		}
}
