package program

import (
	"math"

	"paspo/lp/internal/vec"
)

// Worst returns the constraint with the largest scaled residual at a, and that residual. It
// allocates nothing.
func (p *Form) Worst(a []float64) (residual float64, kind Kind, index int) {
	n := len(a)
	l, u, size := p.L[:n], p.U[:n], p.Size[:n]
	residual = math.Inf(-1)
	for k, v := range p.F {
		ax := vec.Dot(p.E[k*n:(k+1)*n], a)
		if r := math.Abs(vec.ScaledExcess(ax, v, p.EqSize[k])); r > residual {
			residual, kind, index = r, OfEquality, k
		}
	}
	// A constraint that holds has a residual of at most 0. Once some residual is 0 or more, it
	// needs no division.
	for j, x := range a {
		if residual >= 0 && x >= l[j] && x <= u[j] && x-x == 0 {
			continue
		}
		if r := vec.ScaledExcess(-x, -l[j], size[j]); r > residual {
			residual, kind, index = r, OfLower, j
		}
		if r := vec.ScaledExcess(x, u[j], size[j]); r > residual {
			residual, kind, index = r, OfUpper, j
		}
	}
	rows, b, k := p.A, p.B, 0
	for ; k+4 <= len(b); k += 4 {
		var ax [4]float64
		ax[0], ax[1], ax[2], ax[3] = dot4(rows[k*n:(k+4)*n], a)
		if residual >= 0 && holds(ax[0]-b[k]) && holds(ax[1]-b[k+1]) && holds(ax[2]-b[k+2]) && holds(ax[3]-b[k+3]) {
			continue
		}
		for i, x := range ax {
			if r := vec.ScaledExcess(x, b[k+i], p.SizeOfRow(k+i)); r > residual {
				residual, kind, index = r, OfRow, k+i
			}
		}
	}
	for ; k < len(b); k++ {
		if r := vec.ScaledExcess(vec.Dot(rows[k*n:(k+1)*n], a), b[k], p.SizeOfRow(k)); r > residual {
			residual, kind, index = r, OfRow, k
		}
	}
	return residual, kind, index
}

// holds reports whether an excess is that of a limit that holds, and finite.
func holds(excess float64) bool { return excess <= 0 && excess >= -math.MaxFloat64 }

// dot4 returns the products of 4 rows with a. Four sums at a time do not wait for
// one another.
func dot4(rows, a []float64) (s0, s1, s2, s3 float64) {
	n := len(a)
	r0, r1, r2, r3 := rows[:n], rows[n:2*n], rows[2*n:3*n], rows[3*n:4*n]
	for j, x := range a {
		s0 += r0[j] * x
		s1 += r1[j] * x
		s2 += r2[j] * x
		s3 += r3[j] * x
	}
	return s0, s1, s2, s3
}

// Excesses writes by how much a breaks every row, then every equality, lower bound and upper
// bound: its scaled residual, or 0 where it holds. Of equalities the absolute value counts.
func (p *Form) Excesses(dst, a []float64) {
	n := len(a)
	clear(dst)
	for k, v := range p.B {
		if x := vec.Dot(p.A[k*n:(k+1)*n], a); !(x <= v) {
			dst[k] = max(0, vec.ScaledExcess(x, v, p.SizeOfRow(k)))
		}
	}
	dst = dst[len(p.B):]
	for k, v := range p.F {
		r := vec.ScaledExcess(vec.Dot(p.E[k*n:(k+1)*n], a), v, p.EqSize[k])
		dst[k] = max(r, -r)
	}
	dst = dst[len(p.F):]
	for j, x := range a {
		if x < p.L[j] {
			dst[j] = vec.ScaledExcess(-x, -p.L[j], p.Size[j])
		}
		if x > p.U[j] {
			dst[n+j] = vec.ScaledExcess(x, p.U[j], p.Size[j])
		}
	}
}

// RowResidual returns the scaled residual of row k at a where terms beside it come to so much.
func (p *Form) RowResidual(k int, a []float64, terms float64) float64 {
	n := len(a)
	return vec.ScaledExcess(vec.Dot(p.A[k*n:(k+1)*n], a)+terms, p.B[k], p.SizeOfRow(k))
}

// SizeOfRow returns the size of row k.
func (p *Form) SizeOfRow(k int) float64 {
	if p.RowSize != nil {
		return p.RowSize[k]
	}
	n := len(p.L)
	_, size := vec.DotScale(p.A[k*n:(k+1)*n], p.Size)
	if p.TermSize != nil {
		size += p.TermSize[k]
	}
	return size
}
