#ifndef PASPO_PIECES_H
#define PASPO_PIECES_H

#include <stddef.h>

typedef struct {
	ptrdiff_t rows, ld, size, stride, lowers, uppers;
	int floor;
} piecesshape;

int paspo_pieces_wide(const piecesshape *s, const double *lower, const double *upper, const double *col, double *rho,
	const double *z, const double *base, double *lo, double *hi);
int paspo_pieces_narrow(const piecesshape *s, const double *lower, const double *upper, const double *col, double *rho,
	const double *z, const double *base, double *lo, double *hi);
int paspo_pieces_limit_isa(int level);

#endif
