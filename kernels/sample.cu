// Sampling of actions: see SampleArgs in sample.go.
#include "moments.cuh"
#include "sample_beta.cuh"
#include "sample_pieces.cuh"
#include "tile.cuh"

// SampleLayer and SampleTile mirror the Go types.
struct SampleLayer {
	i64 w, b, n, k, ld, in, out, relu, then;
};

struct SampleTile {
	i64 agent, first, rows, keep, rule;
};

struct sample_args {
	const float *params;
	const SampleLayer *layers;
	i64 from, to; // layers of this launch
	const SampleModel *models;
	const double *tables;
	const SampleTile *tiles;
	const double *obs;
	const Normalizer *normalizer;
	const u64 *keys, *ids, *drawn_in;
	const int *own;
	const double *limit_b, *limit_e, *limit_l, *limit_u, *given;
	double *actions, *residual;
	u64 *drawn;
	float *value, *log_prob, *entropy, *alpha, *beta, *mask;
	int *status;
	float *prefix, *log_x, *log_1mx, *log_width;
	double *lower, *upper;
	float *logits, *latent;
	double *chosen;
	float *to_obs, *to_prefix, *to_log_x, *to_log_1mx, *to_log_width, *to_mask;
	i64 obs_dim, entities, heads, latent_dim;
	i64 latent_at, activations, rho, width_b, width_e;
	double low, high, floor;
	i64 closed, draw, finish, tile_count, tile_rows, stride;
};

typedef sample_args sample32_args;
typedef sample_args sample4_args;

// Of a status: what went wrong in three bits, with which entity or component in
// the next 13, and above the number of fixed intervals.
enum { SAMPLE_LEFT = 1, SAMPLE_SHAPE = 2, SAMPLE_LOGS = 3, SAMPLE_OBS = 4, SAMPLE_WHAT_BITS = 3 };

enum { SAMPLED = 0, MODE = 1, MEAN = 2 };

// Row is what the lanes of a row of a tile know of it.
struct Row {
	i64 at; // in the launch
	int lane, status, fixed;
	bool live;
	i64 rule;
	u64 key, id, drawn;
};

// draw_entity chooses entity i of a row in [lo, hi] and writes what training
// needs of it. la and lb are its logits. All lanes of the warp call it, and all
// lanes of the row get the value.
__device__ inline double draw_entity(const sample_args &a, const SampleModel *m, Row &r, int i, float la, float lb, double lo, double hi)
{
	const bool first = r.lane == 0;
	const double width = hi - lo;
	double x = middle(lo, hi), slope, shape = 1;
	int tries = 0;
	double lg = 0;
	bool ok = r.live && r.status == 0, free = false;
	if (r.lane < 2)
		shape = shape_of(first ? la : lb, a.low, a.high, &slope);
	const double other = __shfl_xor_sync(~0u, shape, 1);
	const double alpha = first ? shape : other, beta = first ? other : shape, most = 3.4028234663852886e38;
	if (r.lane < 2 && ok && i < m->heads) {
		if (!(alpha > 0 && alpha <= most && beta > 0 && beta <= most)) {
			r.status = SAMPLE_SHAPE | i << SAMPLE_WHAT_BITS;
			ok = false;
		}
		free = ok && !(width <= m->threshold);
		if (free && r.rule == SAMPLED)
			lg = log_gamma(shape, r.key, r.id, (r.drawn + 1) / 2 + 2 * r.lane, &tries);
	}
	const double lg_other = __shfl_xor_sync(~0u, lg, 1);
	const int tries_other = __shfl_xor_sync(~0u, tries, 1);
	if (free && r.rule == SAMPLED)
		r.drawn = 2 * ((r.drawn + 1) / 2 + 4 * (u64)(tries > tries_other ? tries : tries_other));
	if (first && r.live) {
		float lx = 0, l1mx = 0, lw = 0;
		if (free) {
			const Variate v = of_logit(r.rule == SAMPLED ? lg - lg_other : point_logit(alpha, beta, r.rule == MEAN));
			x = between(lo, hi, v);
			lx = v.log_x;
			l1mx = v.log_1mx;
			lw = log(width / m->total);
			if (!(is_finite(lx) && is_finite(l1mx) && is_finite(lw)) && r.status == 0)
				r.status = SAMPLE_LOGS | i << SAMPLE_WHAT_BITS;
		} else
			r.fixed += ok && i < m->heads;
		if (i < m->heads) {
			const i64 k = r.at * a.heads + i;
			a.alpha[k] = alpha;
			a.beta[k] = beta;
			a.mask[k] = free;
			a.log_x[k] = lx;
			a.log_1mx[k] = l1mx;
			a.log_width[k] = lw;
		}
		const i64 k = r.at * a.entities + i;
		a.actions[k] = x;
		a.lower[k] = lo;
		a.upper[k] = hi;
		a.prefix[k] = (float)(x / m->total);
	}
	const int home = (threadIdx.x & 31) - r.lane;
	r.status = __shfl_sync(~0u, r.status, home);
	return __shfl_sync(~0u, x, home);
}

// sample_terms writes log-probability and entropy from what is stored, as
// beta_terms does.
template <int lanes> __device__ inline void sample_terms(const sample_args &a, const SampleModel *m, const Row &r)
{
	const int heads = m->heads, home = (threadIdx.x & 31) - r.lane;
	double lp = 0, entropy = 0;
#pragma unroll 1
	for (int from = 0; from < heads; from += lanes) {
		const int h = from + r.lane;
		double l = 0, e = 0;
		if (h < heads && r.live && r.status == 0) {
			const i64 k = r.at * a.heads + h;
			if (a.mask[k] != 0) {
				double slope;
				const double alpha = shape_of(a.logits[2 * k], a.low, a.high, &slope);
				const double beta = shape_of(a.logits[2 * k + 1], a.low, a.high, &slope), w = a.log_width[k];
				const BetaTerms t = beta_terms_of(alpha, beta, a.log_x[k], a.log_1mx[k]);
				l = t.log_prob - w;
				e = t.entropy + w;
			}
		}
#pragma unroll 1
		for (int j = 0; j < lanes; j++) {
			const double lj = __shfl_sync(~0u, l, home + j), ej = __shfl_sync(~0u, e, home + j);
			if (from + j < heads) {
				lp += lj;
				entropy += ej;
			}
		}
	}
	if (r.lane == 0 && r.live) {
		a.log_prob[r.at] = lp;
		a.entropy[r.at] = entropy;
	}
}

// rows_of reads neighbours.
template <int R> __device__ inline void rows_of(const float *s, float x[R])
{
	if (R == 2) {
		const float2 v = *(const float2 *)s;
		x[0] = v.x;
		x[R - 1] = v.y;
	} else
		x[0] = *s;
}

// sample_tile is the kernel for tiles of R*G rows, of which each thread takes R,
// and four columns, in products.
template <int R, int G> __device__ inline void sample_tile(const sample_args &a)
{
	enum {
		THREADS = 128, ROWS = R * G, GROUPS = THREADS / G, COLS = 4 * GROUPS, LANES = THREADS / ROWS,
		LD = ROWS + R, // of activations, whose element (k, row) is at k*LD + row
		PARTS = COLS / TILE, BUFFERS = PARTS == 1 ? 2 : 1, PART = TILE * TILE
	};
	SHARED(float4, weights, [BUFFERS * PARTS * PART / 4]);
	DYNAMIC(double, dynamic);
	float *ws = (float *)weights, *act = (float *)(dynamic + a.rho * ROWS);
	const SampleTile tile = a.tiles[blockIdx.x];
	const SampleModel *m = a.models + tile.agent;
	const float *params = of_agent(a.params, tile.agent, a.stride);
	const int t = threadIdx.x, n = a.entities;

	// What a launch has to read of its layers, one tile of weights ahead.
	float next[SHARE * PARTS];
	i64 at_layer = a.from;
	int at_col = 0, at_k = 0;
	auto load = [&]() {
		if (at_layer >= a.to)
			return;
		const SampleLayer l = a.layers[at_layer];
		const float *w = params + l.w;
		const int ln = l.n, lk = l.k, ld = l.ld;
#pragma unroll
		for (int p = 0; p < PARTS; p++)
#pragma unroll
			for (int j = 0; j < SHARE; j++) {
				int k, c;
				corner<true>(j, &k, &c);
				k += at_k;
				c += at_col + p * TILE;
				next[p * SHARE + j] = k < lk && c < ln ? __ldg(w + (i64)c * ld + k) : 0.0f;
			}
		at_k += TILE;
		if (at_k >= lk) {
			at_k = 0;
			at_col += COLS;
			if (at_col >= ln) {
				at_col = 0;
				at_layer++;
			}
		}
	};
	load();

	Row r;
	const int row = t / LANES;
	r.lane = t % LANES;
	r.live = row < tile.rows;
	r.at = tile.first + (r.live ? row : 0);
	r.rule = tile.rule;
	r.key = r.rule != SAMPLED ? 0 : a.keys[r.at];
	r.id = r.rule != SAMPLED ? 0 : a.ids[r.at];
	r.drawn = r.rule != SAMPLED ? 0 : a.drawn_in[r.at];
	r.status = 0;
	r.fixed = 0;
	if (!a.closed && a.draw >= 0) {
		const int s = a.status[r.at];
		r.status = s & 0xFFFF;
		r.fixed = s >> 16;
	}

	LimitsOf lim;
	lim.own = !a.own || a.own[r.at] != 0;
	lim.b = lim.own || !a.limit_b ? a.tables + m->b : a.limit_b + r.at * a.width_b;
	lim.e = lim.own || !a.limit_e ? a.tables + m->f : a.limit_e + r.at * a.width_e;
	lim.l = lim.own || !a.limit_l ? a.tables + m->l : a.limit_l + r.at * n;
	lim.u = lim.own || !a.limit_u ? a.tables + m->u : a.limit_u + r.at * n;
	Closed<LANES> closed = {a.tables, m, n, r.lane, dynamic + row, ROWS};
	if (a.closed && !closed.begin(lim))
		r.status = SAMPLE_LEFT;

	// Inputs of the first layer. Rows beyond the tile's get zeros.
	auto fill = [&](int to, const float *from, int width, int ld) {
		for (int e = t; e < ROWS * width; e += THREADS) {
			const int i = e / width, k = e % width;
			act[(to + k) * LD + i] = i < tile.rows ? from[(tile.first + i) * ld + k] : 0.0f;
		}
	};
	// observe does so with observations, of which those that are kept are written to
	// the rollout. It returns the first component of the row that is not finite, -1
	// where all are.
	auto observe = [&]() {
		const int width = a.obs_dim;
		const Standard standard(of_agent(a.normalizer, tile.agent, a.stride), width, a.floor);
		const double *obs = a.obs + tile.first * width;
		float *kept = of_agent(a.to_obs, tile.agent, a.stride) + tile.keep * width;
		for (int e = t; e < ROWS * width; e += THREADS) {
			const int i = e / width, k = e % width;
			float z = 0;
			if (i < tile.rows) {
				z = standard(obs[e], k);
				if (tile.keep >= 0)
					kept[e] = z;
			}
			act[k * LD + i] = z;
		}
		__syncthreads();
		int bad = width;
		for (int k = r.lane; k < width && bad == width; k += LANES)
			if (!is_finite(act[k * LD + row]))
				bad = k;
#pragma unroll
		for (int d = 1; d < LANES; d *= 2)
			bad = least(bad, __shfl_xor_sync(~0u, bad, d));
		return bad < width ? bad : -1;
	};
	if (a.from == 0 && a.to > 0) {
		const int bad = observe();
		if (bad >= 0)
			r.status = SAMPLE_OBS | bad << SAMPLE_WHAT_BITS;
	} else if (a.from < a.to) {
		fill(a.latent_at, a.latent, a.latent_dim, a.latent_dim);
		fill(a.latent_at + a.latent_dim, a.prefix, a.heads - 1, n);
	}

	int buffer = 0;
	const int group = t / GROUPS * R, col4 = t % GROUPS * 4, part = col4 / TILE;
	// layer computes a layer and returns what comes after it.
	auto layer = [&](i64 s) {
		const SampleLayer l = a.layers[s];
		const int depth = l.k, ln = l.n;
		const float *in = act + l.in * LD + group;
		float *out = act + l.out * LD + group;
		for (int col = 0; col < ln; col += COLS) {
			float acc[R][4] = {};
			for (int from = 0; from < depth; from += TILE) {
				float *w = ws + buffer * PARTS * PART;
				if (BUFFERS == 1)
					__syncthreads();
#pragma unroll
				for (int p = 0; p < PARTS; p++)
#pragma unroll
					for (int j = 0; j < SHARE; j++) {
						int k, c;
						corner<true>(j, &k, &c);
						w[p * PART + place(k, c)] = next[p * SHARE + j];
					}
				__syncthreads();
				load();
				w += part * PART;
				const int end = least(depth - from, (int)TILE);
#pragma unroll 8
				for (int k = 0; k < end; k++) {
					float x[R];
					rows_of<R>(in + (from + k) * LD, x);
					outer<R>(acc, x, *(const float4 *)(w + place(k, col4 % TILE)));
				}
				buffer = BUFFERS - 1 - buffer;
			}
			const float *b = params + l.b;
#pragma unroll
			for (int j = 0; j < 4; j++) {
				const int c = col + col4 + j;
				if (c < ln)
#pragma unroll
					for (int i = 0; i < R; i++)
						out[c * LD + i] = activate(acc[i][j], __ldg(b + c), l.relu != 0);
			}
		}
		return l.then;
	};
	// Entities that no layer of the launch leads to follow the last layer.
	const i64 last = a.to + (a.closed ? n - m->heads : a.draw >= 0);
	for (i64 s = a.from; s < last; s++) {
		int i = a.closed ? m->heads + (int)(s - a.to) : (int)a.draw;
		float logit_a = 0, logit_b = 0;
		if (s < a.to) {
			const i64 then = layer(s);
			if (then == 0)
				continue;
			__syncthreads();
			const i64 out = a.layers[s].out;
			logit_a = act[out * LD + row];
			if (then < 0) {
				if (r.lane == 0 && r.live)
					a.value[r.at] = logit_a;
				continue;
			}
			i = then - 1;
			logit_b = act[(out + 1) * LD + row];
			if (r.lane == 0 && r.live) {
				const i64 k = 2 * (r.at * a.heads + i);
				a.logits[k] = logit_a;
				a.logits[k + 1] = logit_b;
			}
			if (!a.closed || i >= m->heads)
				continue;
		} else if (!a.closed && i < m->heads) {
			const i64 k = 2 * (r.at * a.heads + i);
			logit_a = a.logits[k];
			logit_b = a.logits[k + 1];
		}
		double lo, hi;
		if (!a.closed) {
			lo = a.given[2 * r.at];
			hi = a.given[2 * r.at + 1];
		} else if (!closed.interval(lim, i, &lo, &hi) && r.status == 0)
			r.status = SAMPLE_LEFT;
		const double x = draw_entity(a, m, r, i, logit_a, logit_b, lo, hi);
		if (a.closed) {
			closed.fix(lim, i, x);
			if (r.lane == 0 && i + 1 < a.heads)
				act[(a.latent_at + a.latent_dim + i) * LD + row] = r.live ? (float)(x / m->total) : 0.0f;
		} else if (r.lane == 0 && r.live)
			a.chosen[r.at] = x;
	}
	if (!a.closed && a.from == 0 && a.to > 0) {
		if (r.lane == 0 && r.live)
			a.status[r.at] = r.status;
		__syncthreads();
		for (int e = t; e < tile.rows * a.latent_dim; e += THREADS) {
			const int i = e / a.latent_dim, k = e % a.latent_dim;
			a.latent[(tile.first + i) * a.latent_dim + k] = act[(a.latent_at + k) * LD + i];
		}
	}
	__syncthreads(); // others have read what is replaced
	if ((a.closed || a.draw >= 0) && r.lane == 0 && r.live) {
		a.status[r.at] = r.status | r.fixed << 16;
		a.drawn[r.at] = r.drawn;
	}
	if (!a.finish)
		return;

	__syncthreads();
	if (m->heads == 0 && r.lane == 0 && r.live) {
		// The head that the network has all the same.
		const i64 k = r.at * a.heads;
		a.mask[k] = a.log_x[k] = a.log_1mx[k] = a.log_width[k] = 0;
	}
	sample_terms<LANES>(a, m, r);
	const double worst = closed.residual(lim, a.actions + r.at * n);
	if (r.lane == 0 && r.live)
		a.residual[r.at] = worst;
	if (tile.keep < 0)
		return;
	__syncthreads();
	auto keep = [&](float *to, const float *from, i64 width) {
		to = of_agent(to, tile.agent, a.stride) + tile.keep * width;
		from += tile.first * width;
		for (i64 e = t; e < tile.rows * width; e += THREADS)
			to[e] = from[e];
	};
	keep(a.to_prefix, a.prefix, n);
	keep(a.to_log_x, a.log_x, a.heads);
	keep(a.to_log_1mx, a.log_1mx, a.heads);
	keep(a.to_log_width, a.log_width, a.heads);
	keep(a.to_mask, a.mask, a.heads);
}

KERNEL(128, 4, sample32) { sample_tile<2, 16>(a); }
KERNEL(128, 3, sample4) { sample_tile<1, 4>(a); }

struct words_args {
	const u64 *keys, *ids, *blocks;
	u64 *words;
	i64 rows, count, stride;
};

KERNEL(128, 8, words)
{
	const i64 r = (i64)blockIdx.x * blockDim.x + threadIdx.x;
	if (r >= a.rows)
		return;
	for (i64 j = 0; j < a.count; j++)
		philox_block(a.keys[r], a.ids[r], a.blocks[r] + j, a.words + 2 * (r * a.count + j), a.words + 2 * (r * a.count + j) + 1);
}
