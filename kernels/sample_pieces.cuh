// Intervals from the closed form (closedform.Tables), and residuals. A row of actions is
// worked on by consecutive lanes of one warp, whose number is a power of 2.
// Products are rounded before they are added, in the order of package lp, so
// that the results have its bits.
#pragma once
#include "common.cuh"

// SampleModel and SampleEndpoints mirror the Go types. Places are those of 8-byte words
// in the tables.
struct SampleModel {
	i64 heads, rows, equalities;
	double total, threshold;
	i64 a, e, b, f, l, u;
	i64 size, facets, any, caps, rays;
	i64 begin, cols, floor, kinds, limit_rows, limit_caps, ray, ray_sensitivity, needed, all, least, most;
};

struct SampleEndpoints {
	i64 stride, floor, lowers, uppers, lower, upper, lower_sensitivity, upper_sensitivity;
};

enum { IS_FREE = 1, IS_FIXED = 2, IS_CAPPED = 4 }; // kinds of an entity

__device__ inline double infinite()
{
#ifdef PASPO_HOST
	return INFINITY;
#else
	return __longlong_as_double(0x7FF0000000000000LL);
#endif
}

// LimitsOf are the limits of a row.
struct LimitsOf {
	const double *b, *e, *l, *u;
	bool own; // those of the polytope
};

// Closed evaluates the closed form of a row. rho has element k at k*ld.
template <int lanes> struct Closed {
	const double *t; // the tables
	const SampleModel *m;
	int n, lane;
	double *rho;
	int ld;

	// The lane of the warp that is the row's first.
	__device__ int home() const { return (threadIdx.x & 31) - lane; }
	__device__ i64 whole(i64 at) const { return __ldg((const i64 *)t + at); }
	__device__ double base(const LimitsOf &lim, int i) const
	{
		if (m->facets || (whole(m->kinds + i) & IS_FREE))
			return 0;
		return (lim.own ? __ldg(t + m->floor + i) : lim.l[i]) + 0.0; // not -0
	}

	// weigh is w . rho for weights that are count words apart.
	__device__ double weigh(const double *w, i64 count, int stride) const
	{
		double s = product(__ldg(w), rho[0]);
#pragma unroll 1
		for (int k = 1; k < stride; k++)
			s = s + product(__ldg(w + k * count), rho[k * ld]);
		return s;
	}

	// shift is c . base over what is bounded below.
	__device__ double shift(const double *c, const double *l) const
	{
		double s = 0;
#pragma unroll 1
		for (int j = 0; j < n; j++) {
			const double v = __ldg(c + j);
			if (v != 0)
				s = s + product(v, whole(m->kinds + j) & IS_FREE ? 0 : l[j]);
		}
		return s;
	}

	// begin writes rho of the empty prefix, and is false where the closed form
	// does not hold for the limits or a ray proves them empty. All lanes call it.
	__device__ bool begin(const LimitsOf &lim)
	{
		bool ok = lim.own || m->any;
		const bool other = ok && !lim.own;
		for (int k = lane; k < m->size; k += lanes)
			rho[k * ld] = __ldg(t + m->begin + k);
		if (other) {
			for (int j = lane; j < n; j += lanes) {
				const i64 kind = whole(m->kinds + j);
				const double l = lim.l[j], u = lim.u[j];
				if (isinf(l) != ((kind & IS_FREE) != 0) || ((kind & IS_FIXED) != 0) != (l == u) || l > u ||
					(!(isinf(u) && u > 0) && !(kind & (IS_FIXED | IS_CAPPED))))
					ok = false;
			}
			const int rows = m->size - m->caps - m->equalities;
			for (int k = lane; k < m->size; k += lanes) {
				double v;
				if (k < rows) {
					const i64 r = whole(m->limit_rows + k);
					v = lim.b[r] - shift(t + m->a + r * n, lim.l);
				} else if (k < rows + m->caps) {
					const i64 j = whole(m->limit_caps + k - rows);
					v = lim.u[j] - (whole(m->kinds + j) & IS_FREE ? 0 : lim.l[j]);
				} else {
					const i64 r = k - rows - m->caps;
					v = lim.e[r] - shift(t + m->e + r * n, lim.l);
				}
				rho[k * ld] = v;
				ok = ok && is_finite(v);
			}
		}
		__syncwarp();
		if (other)
			for (i64 r = lane; r < m->rays; r += lanes)
				if (weigh(t + m->ray + r, m->rays, m->size) > product(1e-13, __ldg(t + m->ray_sensitivity + r)))
					ok = false;
#pragma unroll
		for (int d = 1; d < lanes; d *= 2)
			ok = __shfl_xor_sync(~0u, (int)ok, d) && ok;
		return ok;
	}

	// interval writes the endpoints of entity i, and is false where they cross by more
	// than rounding. All lanes call it.
	__device__ bool interval(const LimitsOf &lim, int i, double *lo, double *hi) const
	{
		const SampleEndpoints *e = (const SampleEndpoints *)(t + (lim.own ? m->needed : m->all)) + i;
		double low = e->floor ? 0 : -infinite(), high = infinite();
		for (i64 p = lane; p < e->lowers; p += lanes) {
			const double v = weigh(t + e->lower + p, e->lowers, e->stride);
			low = v > low ? v : low;
		}
		for (i64 p = lane; p < e->uppers; p += lanes) {
			const double v = weigh(t + e->upper + p, e->uppers, e->stride);
			high = v < high ? v : high;
		}
#pragma unroll
		for (int d = 1; d < lanes; d *= 2) {
			const double l = __shfl_xor_sync(~0u, low, d), h = __shfl_xor_sync(~0u, high, d);
			low = l > low ? l : low;
			high = h < high ? h : high;
		}
		const double from = base(lim, i);
		*lo = low + from;
		*hi = high + from;
		double theta = 0;
		if (*lo > *hi)
			*lo = *hi = relaxed(e, &theta) + from;
		if (lim.own) {
			*lo = within(*lo, i);
			*hi = within(*hi, i);
		}
		return theta <= 1e-11;
	}

	// within keeps what entity i is under the polytope's own limits in its range.
	__device__ double within(double x, int i) const
	{
		const double least = __ldg(t + m->least + i), most = __ldg(t + m->most + i);
		x = x < least ? least : x;
		return x > most ? most : x;
	}

	// relaxed is where the endpoints meet when all limits are relaxed by the least
	// theta with which they do, see package lp/interval/closedform.
	__device__ double relaxed(const SampleEndpoints *e, double *theta) const
	{
		double at = 0;
		for (int tries = 0; tries < 50; tries++) {
			double lo = e->floor ? 0 : -infinite(), hi = infinite(), low_sensitivity = 0, high_sensitivity = 0;
			for (i64 p = 0; p < e->lowers; p++) {
				const double g = __ldg(t + e->lower_sensitivity + p);
				const double v = weigh(t + e->lower + p, e->lowers, e->stride) - product(at, g);
				if (v > lo) {
					lo = v;
					low_sensitivity = g;
				}
			}
			for (i64 p = 0; p < e->uppers; p++) {
				const double g = __ldg(t + e->upper_sensitivity + p);
				const double v = weigh(t + e->upper + p, e->uppers, e->stride) + product(at, g);
				if (v < hi) {
					hi = v;
					high_sensitivity = g;
				}
			}
			*theta = at;
			if (!(lo > hi))
				return lo + (hi - lo) / 2;
			if (low_sensitivity + high_sensitivity == 0) {
				*theta = infinite();
				return lo;
			}
			const double step = (lo - hi) / (low_sensitivity + high_sensitivity);
			if (at + step == at)
				return lo + product(hi - lo, low_sensitivity) / (low_sensitivity + high_sensitivity);
			at += step;
		}
		*theta = infinite();
		return 0;
	}

	// fix moves rho to the prefix with entity i, which is x. All lanes call it.
	__device__ void fix(const LimitsOf &lim, int i, double x)
	{
		const double z = x - base(lim, i);
		__syncwarp();
		if (!m->facets) {
			const double *c = t + m->cols + (i64)i * m->size;
			for (int k = lane; k < m->size; k += lanes)
				rho[k * ld] = rho[k * ld] - product(__ldg(c + k), z);
		} else if (lane == 0 && i + 1 < m->size)
			rho[(i + 1) * ld] = z;
		__syncwarp();
	}

	// excess is the scaled residual of c . x <= b; scaled has what else it is
	// divided by at least.
	__device__ static double excess(double cx, double b, double scale)
	{
		const double r = (cx - b) / fmax(fmax(1.0, fabs(b)), scale);
		if (is_finite(r))
			return r;
		return isinf(b) && b > 0 && !isnan(cx) ? -infinite() : infinite();
	}

	__device__ double row_excess(const double *c, const double *x, double b) const
	{
		double cx = 0, scale = 0;
#pragma unroll 1
		for (int j = 0; j < n; j++) {
			const double p = product(__ldg(c + j), x[j]);
			cx += p;
			scale += fabs(p);
		}
		return excess(cx, b, scale);
	}

	// residual is the largest scaled residual of the action x. All lanes call it.
	__device__ double residual(const LimitsOf &lim, const double *x) const
	{
		double worst = -infinite();
		const i64 rows = m->rows, equalities = m->equalities;
		for (i64 k = lane; k < rows + equalities + 2 * n; k += lanes) {
			double r;
			if (k < rows)
				r = row_excess(t + m->a + k * n, x, lim.b[k]);
			else if (k < rows + equalities)
				r = fabs(row_excess(t + m->e + (k - rows) * n, x, lim.e[k - rows]));
			else {
				const i64 j = k - rows - equalities;
				r = j < n ? excess(-x[j], -lim.l[j], fabs(x[j])) : excess(x[j - n], lim.u[j - n], fabs(x[j - n]));
			}
			worst = r > worst ? r : worst;
		}
#pragma unroll
		for (int d = 1; d < lanes; d *= 2) {
			const double r = __shfl_xor_sync(~0u, worst, d);
			worst = r > worst ? r : worst;
		}
		return worst;
	}
};
