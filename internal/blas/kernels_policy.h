// A policy of Beta heads with its critic, for one instruction set: what samples and
// trains. See network in kernels.h for what is where.

// Runs wide layers and returns the input of what follows them.
static input NAME(chain)(const layer *ls, ptrdiff_t count, int linear, ptrdiff_t rows, input in, const float *w, float *act)
{
	for (ptrdiff_t i = 0; i < count; i++) {
		const layer *l = ls + i;
		NAME(forward)(rows, &in, l->out, w + l->weight, w + l->bias, act + l->y, !(linear && i == count - 1));
		in = (input){{act + l->y, 0}, {l->out, 0}};
	}
	return in;
}

// Latent and value of the block.
static void NAME(trunk)(const network *n, const layer *ls, ptrdiff_t rows, const float *w, float *act)
{
	const layer *critic = ls + n->encoder, *last = critic + n->critic - 1;
	NAME(chain)(ls, n->encoder, 1, rows, observation(n, act), w, act);
	input in = NAME(chain)(critic, n->critic - 1, 0, rows, observation(n, act), w, act);
	NAME(forward_last)(rows, in.x[0], last->in, 1, w + last->weight, w + last->bias, act + last->y);
}

// The logits of head h: those of alpha, then those of beta.
static const float *NAME(logits)(const network *n, const layer *ls, ptrdiff_t h, ptrdiff_t rows, const float *w, float *act)
{
	const layer *l = head_layers(n, ls, h), *last = l + n->head - 1;
	input in = NAME(chain)(l, n->head - 1, 0, rows, seen(n, ls, h, act), w, act);
	NAME(forward_last)(rows, in.x[0], last->in, 2, w + last->weight, w + last->bias, act + last->y);
	return act + last->y;
}

// The gradients of a chain of wide layers, given that by the outputs of the last in g and
// the sums of its columns in its bias's place. spare has as much room as g. Of the first layer's
// inputs x the gradient is added to gx where there is one.
static void NAME(chain_back)(const layer *ls, ptrdiff_t count, ptrdiff_t rows, input x, const float *t, const float *act,
	float *g, float *spare, float *gx, float *dw, int first)
{
	for (ptrdiff_t i = count - 1; i >= 0; i--) {
		const layer *l = ls + i;
		input in = i > 0 ? (input){{act + l[-1].y, 0}, {l[-1].out, 0}} : x, gin = {{g, 0}, {l->out, 0}};
		NAME(weights)(rows, &in, l->out, g, dw + l->weight, first);
		if (i > 0) {
			NAME(backward)(rows, &gin, in.k[0], t + l->back, in.x[0], spare, dw + l[-1].bias);
			float *swap = g;
			g = spare;
			spare = swap;
		} else if (gx) {
			NAME(backward)(rows, &gin, in.k[0], t + l->back, 0, gx, 0);
		}
	}
}

// The gradients of a head or the critic, given those by its outputs.
static void NAME(head_back)(const layer *ls, ptrdiff_t count, ptrdiff_t rows, input x, const float *gy, const float *w,
	const float *t, const float *act, float *g, float *spare, float *gx, float *dw, int first)
{
	const layer *last = ls + count - 1;
	int deep = count > 1;
	NAME(backward_last)(rows, deep ? act + last[-1].y : x.x[0], last->in, last->out, gy, w + last->weight, dw + last->weight,
		dw + last->bias, deep ? g : 0, deep ? dw + last[-1].bias : 0, first);
	NAME(chain_back)(ls, count - 1, rows, x, t, act, g, spare, gx, dw, first);
}

// Copies k numbers to row i of panels.
static void NAME(place)(ptrdiff_t k, const float *src, float *panels, ptrdiff_t i)
{
	for (ptrdiff_t c = 0; c < k; c += LANES)
		STORE(panels + AT(c, BLOCK) + i * PANEL, LOADN(src + c, k - c < LANES ? k - c : LANES));
}

// Copies rows of the batch to the block, those that are listed or m from at on, and fills
// it up with zeros to a number of rows that kernels take, which it returns.
static ptrdiff_t NAME(gather)(const network *n, const batch *b, const int *rows, ptrdiff_t at, ptrdiff_t m, float *act)
{
	ptrdiff_t full = (m + ROWS_OF - 1) / ROWS_OF * ROWS_OF, h = n->heads;
	const float *from[4] = {b->logx, b->log1mx, b->logwidth, b->mask};
	float *side = act + n->side;
	for (ptrdiff_t i = 0; i < m; i++) {
		ptrdiff_t r = rows ? rows[i] : at + i;
		NAME(place)(n->obs, b->obs + r * n->obs, act + n->x, i);
		NAME(place)(h - 1, b->prefix + r * n->entities, act + n->prefix, i);
	}
	for (ptrdiff_t i = m; i < full; i++) {
		for (ptrdiff_t c = 0; c < n->obs; c += PANEL)
			memset(act + n->x + c * BLOCK + i * PANEL, 0, PANEL * sizeof *act);
		for (ptrdiff_t c = 0; c < h - 1; c += PANEL)
			memset(act + n->prefix + c * BLOCK + i * PANEL, 0, PANEL * sizeof *act);
	}
	for (int s = 0; s < 4; s++)
		for (ptrdiff_t j = 0; j < h; j += LANES) {
			ptrdiff_t left = h - j < LANES ? h - j : LANES;
			for (ptrdiff_t i = 0; i < full; i += LANES) {
				VEC x[LANES];
				for (ptrdiff_t l = 0; l < LANES; l++)
					x[l] = i + l < m ? LOADN(from[s] + (rows ? rows[i + l] : at + i + l) * h + j, left) : ZERO();
				TURN(x);
				for (ptrdiff_t l = 0; l < left; l++)
					STORE(side + (s * h + j + l) * BLOCK + i, x[l]);
			}
		}
	return full;
}

// Log-probabilities and entropies of the block, and their slopes where they are wanted.
static void NAME(terms)(const network *n, const layer *ls, ptrdiff_t rows, const float *w, float *act, double *d, int slopes)
{
	double *lp = d, *ent = d + BLOCK;
	memset(d, 0, 2 * BLOCK * sizeof *d);
	NAME(trunk)(n, ls, rows, w, act);
	for (ptrdiff_t h = 0; h < n->heads; h++) {
		const float *y = NAME(logits)(n, ls, h, rows, w, act), *side = act + n->side + h * BLOCK;
		double *slope = d + 2 * BLOCK + h * 4 * BLOCK;
		for (ptrdiff_t r = 0; r < rows; r += 8) {
			vec8 x[6], l, e, s[4];
			x[0] = WIDEN(y + r);
			x[1] = WIDEN(y + BLOCK + r);
			for (int k = 0; k < 4; k++)
				x[2 + k] = WIDEN(side + k * n->heads * BLOCK + r);
			NAME(beta8)(&n->shape, x[0], x[1], x[2], x[3], &l, &e, s);
			// A fixed entity adds 0 whatever was stored with it.
			ivec8 on = x[5] != SPLAT8(0.0);
			*(vec8 *)(lp + r) += (vec8)((ivec8)(l - x[4]) & on);
			*(vec8 *)(ent + r) += (vec8)((ivec8)(e + x[4]) & on);
			if (slopes)
				for (int k = 0; k < 4; k++)
					*(vec8 *)(slope + k * BLOCK + r) = (vec8)((ivec8)s[k] & on);
		}
	}
}

static void NAME(old)(const network *n, const layer *ls, const batch *b, ptrdiff_t rows, const float *w, float *act, double *d,
	float *old)
{
	for (ptrdiff_t at = 0; at < rows; at += BLOCK) {
		ptrdiff_t m = rows - at < BLOCK ? rows - at : BLOCK;
		NAME(terms)(n, ls, NAME(gather)(n, b, 0, at, m, act), w, act, d, 0);
		for (ptrdiff_t i = 0; i < m; i++)
			old[at + i] = (float)d[i];
	}
}

// The loss of PPO (Schulman et al., arXiv 1707.06347, equations 7 and 9) of m rows of
// weight v each,
//   v [-min(rho A, clip(rho, 1-eps, 1+eps) A) + c_v (V - R)^2 - c_e H],  rho = exp(ln pi - ln pi_old),
// what it measures, and its derivatives by ln pi (gl), H (ge) and V (gv). The exponent is
// at most 40, so that a row that has become too likely is still pulled back by a finite slope.
static void NAME(loss)(const lossshape *s, const batch *b, const int *rows, ptrdiff_t m, double v, const double *lp,
	const double *ent, const float *value, double *gl, double *ge, float *gv, double *sums)
{
	double x[BLOCK] __attribute__((aligned(64))) = {0};
	for (ptrdiff_t i = 0; i < m; i++)
		x[i] = fmin((double)(float)lp[i] - b->old[rows[i]], 40);
	for (ptrdiff_t i = 0; i < m; i += 8)
		*(vec8 *)(gl + i) = NAME(exp8)(*(const vec8 *)(x + i));
	for (ptrdiff_t i = 0; i < BLOCK; i++) {
		if (i >= m) {
			gl[i] = ge[i] = gv[i] = 0;
			continue;
		}
		double rho = gl[i], a = b->advantage[rows[i]], e = (double)value[i] - b->target[rows[i]];
		double clipped = fmin(fmax(rho, 1 - s->clip), 1 + s->clip), off = fabs(rho - 1);
		int inside = rho * a <= clipped * a;
		sums[0] -= v * (inside ? rho : clipped) * a;
		sums[1] += v * e * e;
		sums[2] += v * (float)ent[i];
		sums[3] += v * (rho - 1 - ((double)(float)lp[i] - b->old[rows[i]]));
		sums[4] += off > s->clip ? v : 0;
		sums[5] = off > sums[5] ? off : sums[5];
		gl[i] = inside ? -v * rho * a : 0;
		ge[i] = -v * s->entropy;
		gv[i] = (float)(2 * v * s->value * e);
	}
}

// The gradient of the loss of a minibatch, a block of rows after the other. sums are
// policy loss, value loss, entropy, KL, share of clipped rows and largest |rho - 1|.
static void NAME(gradient)(const network *n, const layer *ls, const batch *b, const int *rows, ptrdiff_t count,
	const lossshape *s, const float *w, const float *t, float *dw, float *act, double *d, double *sums)
{
	const layer *critic = ls + n->encoder, *latent = critic - 1;
	double *gl = d + 2 * BLOCK + n->heads * 4 * BLOCK, *ge = gl + BLOCK;
	float *g = act + n->g, *spare = g + n->widest * BLOCK, *glatent = spare + n->widest * BLOCK, *gy = glatent + n->widest * BLOCK;
	const double v = (double)(1 / (float)count);

	memset(sums, 0, 6 * sizeof *sums);
	for (const layer *l = ls; l < head_layers(n, ls, n->heads); l++)
		memset(dw + l->bias, 0, (l->out + PANEL - 1) / PANEL * PANEL * sizeof *dw);
	for (ptrdiff_t at = 0; at < count; at += BLOCK) {
		ptrdiff_t m = count - at < BLOCK ? count - at : BLOCK;
		int first = at == 0;
		ptrdiff_t full = NAME(gather)(n, b, rows + at, 0, m, act);
		NAME(terms)(n, ls, full, w, act, d, 1);
		NAME(loss)(s, b, rows + at, m, v, d, d + BLOCK, act + critic[n->critic - 1].y, gl, ge, gy, sums);
		NAME(head_back)(critic, n->critic, full, observation(n, act), gy, w, t, act, g, spare, 0, dw, first);

		// Every head has its part in the gradient of the latent; parts are added in the
		// order of the heads.
		memset(glatent, 0, (n->latent + PANEL - 1) / PANEL * PANEL * BLOCK * sizeof *glatent);
		for (ptrdiff_t h = 0; h < n->heads; h++) {
			const double *slope = d + 2 * BLOCK + h * 4 * BLOCK;
			for (ptrdiff_t r = 0; r < full; r++) {
				gy[r] = (float)(gl[r] * slope[r] + ge[r] * slope[2 * BLOCK + r]);
				gy[BLOCK + r] = (float)(gl[r] * slope[BLOCK + r] + ge[r] * slope[3 * BLOCK + r]);
			}
			NAME(head_back)(head_layers(n, ls, h), n->head, full, seen(n, ls, h, act), gy, w, t, act, g, spare,
				glatent, dw, first);
		}
		NAME(add_columns)(full, n->latent, glatent, dw + latent->bias);
		NAME(chain_back)(ls, n->encoder, full, observation(n, act), t, act, glatent, spare, 0, dw, first);
	}
}

// How sampling begins: with the observations of m rows.
static void NAME(begin)(const network *n, const layer *ls, ptrdiff_t m, const float *obs, const float *w, float *act, float *value)
{
	for (ptrdiff_t i = 0; i < m; i++)
		NAME(place)(n->obs, obs + i * n->obs, act + n->x, i);
	NAME(trunk)(n, ls, (m + ROWS_OF - 1) / ROWS_OF * ROWS_OF, w, act);
	memcpy(value, act + ls[n->encoder + n->critic - 1].y, m * sizeof *value);
}

static void NAME(transposes)(const network *n, const layer *ls, const float *w, float *t)
{
	for (const layer *l = ls; l < head_layers(n, ls, n->heads); l++)
		if (l->back >= 0)
			NAME(transpose)(l->in, l->more, l->out, w + l->weight, t + l->back);
}
