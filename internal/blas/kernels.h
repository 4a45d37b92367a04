#ifndef PASPO_KERNELS_H
#define PASPO_KERNELS_H

#include <stddef.h>
#include <stdint.h>

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
	ROWS_OF = 16, // rows of a block that are computed are a multiple of it
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
// x, of 1-x, of widths, and masks, and room for gradients by activations as wide as the
// widest. Layers are those of the encoder, the critic, the first head and so on.
typedef struct {
	ptrdiff_t obs, entities, heads, latent, widest, encoder, critic, head;
	ptrdiff_t x, prefix, side, g;
	betashape shape;
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
void paspo_old(const network *n, const layer *ls, ptrdiff_t rows, const float *obs, const float *prefix, const float *logx,
	const float *log1mx, const float *logwidth, const float *mask, const float *w, float *act, double *d, float *old);
void paspo_gradient(const network *n, const layer *ls, const float *obs, const float *prefix, const float *logx,
	const float *log1mx, const float *logwidth, const float *mask, const float *old, const float *advantage,
	const float *target, const int *rows, ptrdiff_t count, const lossshape *s, const float *w, const float *t, float *dw,
	float *act, double *d, double *sums);
ptrdiff_t paspo_peak(ptrdiff_t n, float *sink);
int paspo_limit_isa(int level);

#endif
