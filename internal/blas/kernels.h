#ifndef PASPO_KERNELS_H
#define PASPO_KERNELS_H

#include <stddef.h>
#include <stdint.h>

#include "team.h"

typedef struct {
	ptrdiff_t count, m, n, k, kgrow, ngrow;
	ptrdiff_t arow, acol, abatch, brow, bbatch, crow, cbatch, biasbatch;
	int accumulate, relu;
} product;

typedef struct {
	float scale, decay, beta1, beta2, gain1, gain2, rate, rootscale, epsilon;
} adamstep;

typedef struct {
	double min, max;
} betashape;

enum {
	PANEL = 32,   // columns of a panel
	BLOCK = 64,   // its rows, which pass through the network together
	ROWS_OF = 16, // rows of a block that are learned from are filled up to a multiple of it
	TERMS = 6,    // numbers of a head for every row: its terms and their slopes
};

// The two inputs of a layer side by side: the second are amounts before.
typedef struct {
	const float *x[2];
	ptrdiff_t k[2];
} input;

// A layer: the number of its inputs and outputs, where its weights and bias are among the
// parameters, its outputs among the activations, and where the transpose of the weights
// is, -1 where none is needed.
typedef struct {
	ptrdiff_t in, more, out, weight, bias, back, y;
} layer;

// A policy: sizes, numbers of layers, and where things are among the activations: panels of
// observations and of amounts before, then side, which has for every head BLOCK logarithms of
// x, of 1-x, of widths, and masks, and room for derivatives by the outputs of the encoder's layers, each as
// wide as the widest of all. depth is the number of wide layers of a head or the critic, the larger one.
// Layers are those of the encoder, the critic, the first head and so on. cost is that of the first head, what
// every further one has more, and that of what is done beside heads, forward and back.
typedef struct {
	ptrdiff_t obs, entities, heads, latent, widest, encoder, critic, head, depth, params;
	ptrdiff_t x, prefix, side, g;
	betashape shape;
	struct {
		double head, more, rest;
	} cost[2];
} network;

// A rollout, row by row.
typedef struct {
	const float *obs, *prefix, *logx, *log1mx, *logwidth, *mask, *old, *advantage, *target;
} batch;

// How a head draws: by which rule (policy.Rule), which widths are fixed, the unit of amounts,
// and where streams are and samples go, row by row.
typedef struct {
	int rule;
	double fixed, total;
	const uint64_t *key, *id;
	uint64_t *drawn;
	const float *prefix;
	float *logits, *alpha, *beta, *logx, *log1mx, *logwidth, *mask;
} drawing;

typedef struct {
	double clip, value, entropy;
} lossshape;

// What a step measures, see step in kernels_policy.h: whether it has moved the parameters, and
// whether one of them is not finite since.
typedef struct {
	double sums[6], norm, squares[16];
	int moved, wrong;
} outcome;

// A step: rows of a batch to learn from, parameters, transposes, gradient and moments, and the ceiling
// of the norm with what is added to it. d has TERMS blocks a head; scratch has room for depth layers and a
// panel for every member; where there are several, kept has it for the wide layers of every head, and parts
// for the latent.
typedef struct {
	const network *net;
	const layer *layers;
	batch batch;
	const int *rows;
	ptrdiff_t count;
	lossshape loss;
	adamstep adam;
	double most, slack;
	float *w, *t, *dw, *m, *v, *act, *scratch, *kept, *parts;
	double *d;
	outcome *out;
} update;

void paspo_mul(const product *p, const float *a, const float *b, const float *bias, float *c);
void paspo_transpose(ptrdiff_t count, ptrdiff_t rows, ptrdiff_t cols, const float *src, ptrdiff_t srow,
	ptrdiff_t sbatch, float *dst, ptrdiff_t drow, ptrdiff_t dbatch);
void paspo_relu_grad(ptrdiff_t n, float *dst, const float *y, const float *gy);
void paspo_column_sums(ptrdiff_t rows, ptrdiff_t n, float *dst, const float *x);
double paspo_sum_squares(ptrdiff_t n, const float *x);
int paspo_adam(const adamstep *s, ptrdiff_t n, float *w, const float *g, float *m, float *v);
void paspo_beta_terms(const betashape *shape, ptrdiff_t rows, ptrdiff_t heads, const float *logits, const float *logx,
	const float *log1mx, const float *logwidth, const float *mask, float *terms, double *slopes);
void paspo_transpose_weights(const network *n, const layer *ls, const float *w, float *t);
void paspo_begin(const network *n, const layer *ls, ptrdiff_t m, const float *obs, const float *w, float *act, float *value);
ptrdiff_t paspo_draw(const network *n, const layer *ls, ptrdiff_t h, ptrdiff_t m, const float *w, float *act, int rule,
	double fixed, double total, const uint64_t *key, const uint64_t *id, uint64_t *drawn, const float *prefix, float *logits,
	float *alpha, float *beta, float *logx, float *log1mx, float *logwidth, float *mask, const double *lo, const double *hi,
	double *a);
void paspo_old(team *team, pace *p, const network *n, const layer *ls, ptrdiff_t rows, const float *obs, const float *prefix,
	const float *logx, const float *log1mx, const float *logwidth, const float *mask, const float *w, float *act, double *d,
	float *old);
void paspo_step(team *team, pace *p, const network *n, const layer *ls, const float *obs, const float *prefix, const float *logx,
	const float *log1mx, const float *logwidth, const float *mask, const float *old, const float *advantage,
	const float *target, const int *rows, ptrdiff_t count, const lossshape *s, const adamstep *a, double most, double slack,
	float *w, float *t, float *dw, float *m, float *v, float *act, float *scratch, float *kept, float *parts, double *d,
	outcome *out);
ptrdiff_t paspo_peak(ptrdiff_t n, float *sink);
int paspo_limit_isa(int level);

#endif
