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

// The latent of the block, and its value.
static void NAME(latent)(const network *n, const layer *ls, ptrdiff_t rows, const float *w, float *act)
{
	NAME(chain)(ls, n->encoder, 1, rows, observation(n, act), w, act);
}

static void NAME(value)(const network *n, const layer *ls, ptrdiff_t rows, const float *w, float *act)
{
	const layer *critic = ls + n->encoder, *last = critic + n->critic - 1;
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

// The derivatives by the outputs of a chain of wide layers, given those of the last: those of layer
// i are at g + i gap, and the sums of their columns are added to the gradient of its bias. Those
// by the first layer's inputs are added to gx where there is one, or are gx if it is fresh.
static void NAME(chain_back)(const layer *ls, ptrdiff_t count, ptrdiff_t rows, const float *t, const float *act, float *g,
	ptrdiff_t gap, float *gx, int fresh, float *dw)
{
	for (ptrdiff_t i = count - 1; i >= 0; i--) {
		const layer *l = ls + i;
		input gin = {{g + i * gap, 0}, {l->out, 0}};
		if (i > 0)
			NAME(backward)(rows, &gin, l->in, t + l->back, act + l[-1].y, g + (i - 1) * gap, dw + l[-1].bias, 0);
		else if (gx)
			NAME(backward)(rows, &gin, l->in, t + l->back, 0, gx, 0, fresh);
	}
}

// The gradients of the weights of a chain, of inputs x, given the derivatives by its outputs.
static void NAME(chain_weights)(const layer *ls, ptrdiff_t count, ptrdiff_t rows, input x, const float *act, const float *g,
	ptrdiff_t gap, float *dw, int first)
{
	for (ptrdiff_t i = count - 1; i >= 0; i--) {
		input in = i > 0 ? (input){{act + ls[i - 1].y, 0}, {ls[i - 1].out, 0}} : x;
		NAME(weights)(rows, &in, ls[i].out, g + i * gap, dw + ls[i].weight, first);
	}
}

// The derivatives of a head or the critic, as of a chain, given those by its outputs in gy, and
// the gradient of its last layer.
static void NAME(head_back)(const layer *ls, ptrdiff_t count, ptrdiff_t rows, input x, const float *gy, const float *w,
	const float *t, const float *act, float *g, ptrdiff_t gap, float *gx, int fresh, float *dw, int first)
{
	const layer *last = ls + count - 1;
	int deep = count > 1;
	NAME(backward_last)(rows, deep ? act + last[-1].y : x.x[0], last->in, last->out, gy, w + last->weight, dw + last->weight,
		dw + last->bias, deep ? g + (count - 2) * gap : 0, deep ? dw + last[-1].bias : 0, first);
	NAME(chain_back)(ls, count - 1, rows, t, act, g, gap, gx, fresh, dw);
}

// Copies k numbers to row i of panels.
static void NAME(place)(ptrdiff_t k, const float *src, float *panels, ptrdiff_t i)
{
	for (ptrdiff_t c = 0; c < k; c += LANES)
		STORE(panels + AT(c, BLOCK) + i * PANEL, LOADN(src + c, k - c < LANES ? k - c : LANES));
}

// Copies rows of the batch to the block, those that are listed or m from at on, and fills it up with zeros to
// full rows: observations, then what heads see of them.
static void NAME(gather)(const network *n, const batch *b, const int *rows, ptrdiff_t at, ptrdiff_t m, ptrdiff_t full, float *act)
{
	for (ptrdiff_t i = 0; i < m; i++)
		NAME(place)(n->obs, b->obs + (rows ? rows[i] : at + i) * n->obs, act + n->x, i);
	for (ptrdiff_t c = 0; c < n->obs; c += PANEL)
		memset(act + n->x + c * BLOCK + m * PANEL, 0, (full - m) * PANEL * sizeof *act);
}

static void NAME(gather_heads)(const network *n, const batch *b, const int *rows, ptrdiff_t at, ptrdiff_t m, ptrdiff_t full,
	float *act)
{
	ptrdiff_t h = n->heads;
	const float *from[4] = {b->logx, b->log1mx, b->logwidth, b->mask};
	float *side = act + n->side;
	for (ptrdiff_t i = 0; i < m; i++)
		NAME(place)(h - 1, b->prefix + (rows ? rows[i] : at + i) * n->entities, act + n->prefix, i);
	for (ptrdiff_t c = 0; c < h - 1; c += PANEL)
		memset(act + n->prefix + c * BLOCK + m * PANEL, 0, (full - m) * PANEL * sizeof *act);
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
}

// The terms of head h in the log-probabilities and entropies of the block, and their slopes,
// which are TERMS blocks of d.
static void NAME(terms)(const network *n, const layer *ls, ptrdiff_t h, ptrdiff_t rows, const float *w, float *act, double *d)
{
	const float *y = NAME(logits)(n, ls, h, rows, w, act), *side = act + n->side + h * BLOCK;
	d += h * TERMS * BLOCK;
	for (ptrdiff_t r = 0; r < rows; r += DLANES) {
		DVEC x[6], l, e, s[4];
		x[0] = WIDEN(y + r);
		x[1] = WIDEN(y + BLOCK + r);
		for (int k = 0; k < 4; k++)
			x[2 + k] = WIDEN(side + k * n->heads * BLOCK + r);
		NAME(beta)(&n->shape, x[0], x[1], x[2], x[3], &l, &e, s);
		// A fixed entity adds 0 whatever was stored with it.
		IVEC on = x[5] != DSPLAT(0.0);
		*(DVEC *)(d + r) = (DVEC)((IVEC)(l - x[4]) & on);
		*(DVEC *)(d + BLOCK + r) = (DVEC)((IVEC)(e + x[4]) & on);
		for (int k = 0; k < 4; k++)
			*(DVEC *)(d + (2 + k) * BLOCK + r) = (DVEC)((IVEC)s[k] & on);
	}
}

// Passes m rows of the batch, see gather, forward as the block, every member its heads, and leaves the
// sums over heads with each. It returns the number of rows that are computed.
static ptrdiff_t NAME(pass)(member *me, const network *n, const layer *ls, const batch *b, const int *rows, ptrdiff_t at,
	ptrdiff_t m, const float *w, float *act, double *d, double *lp, double *ent)
{
	ptrdiff_t full = (m + ROWS_OF - 1) / ROWS_OF * ROWS_OF;
	if (me->id == 0) {
		NAME(gather)(n, b, rows, at, m, full, act);
		NAME(latent)(n, ls, full, w, act);
	}
	if (me->id == me->count - 1)
		NAME(gather_heads)(n, b, rows, at, m, full, act);
	barrier(me);
	if (me->id == 0)
		NAME(value)(n, ls, full, w, act);
	for (ptrdiff_t h = heads_of(n, me->id, me->count, 0); h < heads_of(n, me->id + 1, me->count, 0); h++)
		NAME(terms)(n, ls, h, full, w, act, d);
	barrier(me);
	for (ptrdiff_t r = 0; r < full; r += DLANES) {
		DVEC l = {}, e = {};
		for (ptrdiff_t h = 0; h < n->heads; h++) {
			l += *(const DVEC *)(d + h * TERMS * BLOCK + r);
			e += *(const DVEC *)(d + (h * TERMS + 1) * BLOCK + r);
		}
		*(DVEC *)(lp + r) = l;
		*(DVEC *)(ent + r) = e;
	}
	return full;
}

static void NAME(old)(void *job, member *me)
{
	const before *b = job;
	double lp[2 * BLOCK] __attribute__((aligned(64)));
	NAME(pass)(me, b->net, b->layers, &b->batch, 0, b->at, b->count, b->w, b->act, b->d, lp, lp + BLOCK);
	for (ptrdiff_t i = 0; me->id == 0 && i < b->count; i++)
		b->old[b->at + i] = (float)lp[i];
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
	for (ptrdiff_t i = 0; i < m; i += DLANES)
		*(DVEC *)(gl + i) = NAME(exp)(*(const DVEC *)(x + i));
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

static void NAME(transposes)(const layer *from, const layer *to, const float *w, float *t)
{
	for (const layer *l = from; l < to; l++)
		if (l->back >= 0)
			NAME(transpose)(l->in, l->more, l->out, w + l->weight, t + l->back);
}

// One step of Adam along the gradient of the loss of a minibatch, which passes a block of rows after
// the other. Heads are divided among members, and member 0 has the rest; bits do not depend on
// how many there are, since what comes of several heads or blocks is added in their order.
static void NAME(step)(void *job, member *me)
{
	const update *u = job;
	const network *n = u->net;
	const layer *ls = u->layers, *critic = ls + n->encoder, *latent = critic - 1;
	const ptrdiff_t gap = n->widest * BLOCK, wide = WHOLE(n->latent) * BLOCK, deep = n->head - 1;
	const double v = (double)(1 / (float)u->count);
	float *act = u->act, *dw = u->dw, *gy = u->scratch + me->id * (n->depth * gap + PANEL * BLOCK), *g = gy + PANEL * BLOCK;
	float *genc = act + n->g, *glatent = genc + (n->encoder - 1) * gap;
	double own[4 * BLOCK] __attribute__((aligned(64)));
	double *lp = own, *ent = lp + BLOCK, *gl = ent + BLOCK, *ge = gl + BLOCK, sums[6] = {0};

	// The heads whose gradients are this member's, and its parameters.
	const ptrdiff_t begin = heads_of(n, me->id, me->count, 1), end = heads_of(n, me->id + 1, me->count, 1);
	const layer *from = me->id ? head_layers(n, ls, begin) : ls, *to = head_layers(n, ls, end);
	for (const layer *l = from; l < to; l++)
		memset(dw + l->bias, 0, WHOLE(l->out) * sizeof *dw);

	for (ptrdiff_t at = 0; at < u->count; at += BLOCK) {
		ptrdiff_t m = u->count - at < BLOCK ? u->count - at : BLOCK;
		int first = at == 0;
		ptrdiff_t full = NAME(pass)(me, n, ls, &u->batch, u->rows + at, 0, m, u->w, act, u->d, lp, ent);
		NAME(loss)(&u->loss, &u->batch, u->rows + at, m, v, lp, ent, act + critic[n->critic - 1].y, gl, ge, gy, sums);
		if (me->id == 0) {
			NAME(head_back)(critic, n->critic, full, observation(n, act), gy, u->w, u->t, act, g, gap, 0, 0, dw, first);
			NAME(chain_weights)(critic, n->critic - 1, full, observation(n, act), act, g, gap, dw, first);
			memset(glatent, 0, wide * sizeof *glatent);
		}

		// Every head has its part in the derivatives by the latent; parts are added in the order of
		// the heads, by one member after the other, while the gradients of weights wait.
		for (ptrdiff_t h = begin; h < end; h++) {
			const layer *l = head_layers(n, ls, h);
			const double *slope = u->d + (h * TERMS + 2) * BLOCK;
			input x = seen(n, ls, h, act);
			float *part = me->id ? u->parts + h * wide : glatent, *gh = me->count > 1 ? u->kept + h * deep * gap : g;
			for (ptrdiff_t r = 0; r < full; r++) {
				gy[r] = (float)(gl[r] * slope[r] + ge[r] * slope[2 * BLOCK + r]);
				gy[BLOCK + r] = (float)(gl[r] * slope[BLOCK + r] + ge[r] * slope[3 * BLOCK + r]);
			}
			NAME(head_back)(l, n->head, full, x, gy, u->w, u->t, act, gh, gap, part, me->id > 0, dw, first);
			if (me->count == 1)
				NAME(chain_weights)(l, deep, full, x, act, gh, gap, dw, first);
		}
		if (me->count > 1) {
			paspo_receive(me);
			for (ptrdiff_t h = begin; h < end && me->id; h++)
				NAME(add)(full, n->latent, u->parts + h * wide, glatent);
			paspo_pass(me);
			for (ptrdiff_t h = begin; h < end; h++)
				NAME(chain_weights)(head_layers(n, ls, h), deep, full, seen(n, ls, h, act), act, u->kept + h * deep * gap,
					gap, dw, first);
		}
		if (me->id == 0) {
			if (me->count > 1)
				paspo_collect(me);
			NAME(add_columns)(full, n->latent, glatent, dw + latent->bias);
			NAME(chain_back)(ls, n->encoder, full, u->t, act, genc, gap, 0, 0, dw);
			NAME(chain_weights)(ls, n->encoder, full, observation(n, act), act, genc, gap, dw, first);
		}
		if (at + BLOCK < u->count)
			barrier(me);
	}

	// The norm is summed in the order of the parameters: members take turns.
	ptrdiff_t w = from < to ? from->weight : 0, size = from == to ? 0 : (end == n->heads ? n->params : to->weight) - w;
	if (me->count > 1)
		paspo_await_turn(me, me->id);
	NAME(add_squares)(size, dw + w, u->out->squares);
	if (me->count > 1) {
		paspo_end_turn(me);
		paspo_await_turn(me, me->count);
	}
	double norm = sqrt(NAME(total)(u->out->squares));
	int good = isfinite(norm) && isfinite(sums[0] + u->loss.value * sums[1] - u->loss.entropy * sums[2]);
	if (me->id == 0) {
		memcpy(u->out->sums, sums, sizeof sums);
		u->out->norm = norm;
		u->out->moved = good;
	}
	if (!good)
		return;
	adamstep a = u->adam;
	a.scale = (float)(u->most > 0 ? fmin(1, u->most / (norm + u->slack)) : 1);
	if (!NAME(adam)(&a, size, u->w + w, dw + w, u->m + w, u->v + w))
		__atomic_store_n(&u->out->wrong, 1, __ATOMIC_RELAXED);
	NAME(transposes)(from, to, u->w, u->t);
}

// How sampling begins: with the observations of m rows.
static void NAME(begin)(const network *n, const layer *ls, ptrdiff_t m, const float *obs, const float *w, float *act, float *value)
{
	for (ptrdiff_t i = 0; i < m; i++)
		NAME(place)(n->obs, obs + i * n->obs, act + n->x, i);
	const ptrdiff_t rows = (m + UNIT - 1) / UNIT * UNIT;
	NAME(latent)(n, ls, rows, w, act);
	NAME(value)(n, ls, rows, w, act);
	memcpy(value, act + ls[n->encoder + n->critic - 1].y, m * sizeof *value);
}
