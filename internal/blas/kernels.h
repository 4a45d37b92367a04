#ifndef PASPO_KERNELS_H
#define PASPO_KERNELS_H

#include <stddef.h>

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

void paspo_mul(const product *p, const float *a, const float *b, const float *bias, float *c);
void paspo_transpose(ptrdiff_t count, ptrdiff_t rows, ptrdiff_t cols, const float *src, ptrdiff_t srow,
	ptrdiff_t sbatch, float *dst, ptrdiff_t drow, ptrdiff_t dbatch);
void paspo_relu_grad(ptrdiff_t n, float *dst, const float *y, const float *gy);
void paspo_column_sums(ptrdiff_t rows, ptrdiff_t n, float *dst, const float *x);
double paspo_sum_squares(ptrdiff_t n, const float *x);
int paspo_adam(const adamstep *s, ptrdiff_t n, float *w, const float *g, float *m, float *v);
void paspo_beta_terms(const betashape *shape, ptrdiff_t rows, ptrdiff_t heads, const float *logits, const float *logx,
	const float *log1mx, const float *logwidth, const float *mask, float *terms, double *slopes);
int paspo_limit_isa(int level);

#endif
