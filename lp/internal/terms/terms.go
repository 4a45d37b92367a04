package terms

import (
	"math"
	"slices"

	"paspo/lp/internal/program"
	"paspo/lp/internal/vec"
)

// Term is above max(0, x - from) + below max(0, from - x), where x is one entity, or a sum of
// entities with the coefficients Sum. Holdings take the place of From where Holding is true.
type Term struct {
	Entity       int
	Above, Below float64
	From         float64
	Holding      bool
	Sum          []float64
}

// Of returns x at an allocation.
func (t *Term) Of(a []float64) float64 {
	if t.Sum != nil {
		return vec.Dot(t.Sum, a)
	}
	return a[t.Entity]
}

// AddTo adds w times what x is made of to the coefficients of a row.
func (t *Term) AddTo(coef []float64, w float64) {
	if t.Sum == nil {
		coef[t.Entity] += w
		return
	}
	for j, c := range t.Sum {
		coef[j] += w * c
	}
}

// Equal reports whether u is the same term.
func (t Term) Equal(u Term) bool {
	return t.Entity == u.Entity && t.Above == u.Above && t.Below == u.Below && t.From == u.From && t.Holding == u.Holding && slices.Equal(t.Sum, u.Sum)
}

// Value returns what the term comes to at a under holdings, nil for its own From.
func (t *Term) Value(a, holdings []float64) float64 {
	d := t.Of(a) - t.Origin(holdings)
	if d > 0 {
		return t.Above * d
	}
	return -t.Below * d
}

// Origin returns what the term counts from under holdings, nil for its own From.
func (t *Term) Origin(holdings []float64) float64 {
	if t.Holding && holdings != nil {
		return holdings[t.Entity]
	}
	return t.From
}

// Terms are those of the rows of a polytope.
type Terms struct {
	Rows  []Row
	Parts []Part
	Held  bool // some terms follow holdings
}

// Row are the terms of one inequality.
type Row struct {
	Index int
	terms []Term
	parts []int // the part of each term
}

// Part stands for max(0, x - from) of an entity or a sum, once for all terms that have the same
// of both: a Term that weighs 1 above and nothing below.
type Part = Term

// Add adds the terms of an inequality.
func (t *Terms) Add(row int, all []Term) {
	r := Row{Index: row, terms: all}
	for _, x := range all {
		of := x
		of.Above, of.Below = 1, 0
		i := slices.IndexFunc(t.Parts, of.Equal)
		if i < 0 {
			i = len(t.Parts)
			t.Parts = append(t.Parts, of)
		}
		r.parts = append(r.parts, i)
		t.Held = t.Held || x.Holding
	}
	t.Rows = append(t.Rows, r)
}

// Held reports whether some terms of the row follow holdings.
func (r *Row) Held() bool {
	return slices.ContainsFunc(r.terms, func(t Term) bool { return t.Holding })
}

// Value returns what the terms of the row come to at a.
func (r *Row) Value(a, holdings []float64) float64 {
	s := 0.
	for i := range r.terms {
		t := &r.terms[i]
		s += t.Value(a, holdings)
	}
	return s
}

// Tangent adds to coef, and to the limit b that it returns, what the terms are on the side of
// every From where a is, all in a unit. The row is convex, so that no allocation within the
// limits breaks the linear row that this makes.
func (r *Row) Tangent(coef, a []float64, b float64, holdings []float64, unit float64) float64 {
	for i := range r.terms {
		t := &r.terms[i]
		from := t.Origin(holdings) / unit
		w := -t.Below
		if t.Of(a) > from {
			w = t.Above
		}
		t.AddTo(coef, w)
		b += w * from
	}
	return b
}

// Sizes returns what the terms of each of m rows can come to with entities of sizes s.
func (t *Terms) Sizes(m int, s []float64) []float64 {
	sizes := make([]float64, m)
	for _, r := range t.Rows {
		for _, x := range r.terms {
			size := 0.
			if x.Sum == nil {
				size = s[x.Entity]
			}
			for j, c := range x.Sum {
				size += math.Abs(c) * s[j]
			}
			sizes[r.Index] += (x.Above + x.Below) * (size + math.Abs(x.From))
		}
	}
	return sizes
}

// Limits returns the right-hand sides of the lifted rows, in the memory of dst.
func (t *Terms) Limits(dst, b, holdings []float64) []float64 {
	dst = append(dst[:0], b...)
	for _, r := range t.Rows {
		for x := range r.terms {
			dst[r.Index] -= r.terms[x].Below * r.terms[x].Origin(holdings)
		}
	}
	for _, of := range t.Parts {
		dst = append(dst, of.Origin(holdings))
	}
	return dst
}

// Matrix returns the lifted rows of a matrix of n columns, in the memory of dst.
func (t *Terms) Matrix(dst, a []float64, n int) []float64 {
	m, aux := len(a)/n, len(t.Parts)
	cols := n + aux
	dst = vec.Grown(dst, (m+aux)*cols)
	clear(dst)
	for k := range m {
		copy(dst[k*cols:], a[k*n:(k+1)*n])
	}
	for _, r := range t.Rows {
		row := dst[r.Index*cols : (r.Index+1)*cols]
		for x, i := range r.parts {
			r.terms[x].AddTo(row, -r.terms[x].Below)
			row[n+i] += r.terms[x].Above + r.terms[x].Below
		}
	}
	for i, of := range t.Parts {
		row := dst[(m+i)*cols : (m+i+1)*cols]
		of.AddTo(row, 1)
		row[n+i] = -1
	}
	return dst
}

// Lift returns the lifted form, without sizes and without the rows with terms that keep is false
// of, and the numbers that its rows have among all: those of the form, then those of parts.
func (t *Terms) Lift(p program.Form, keep func(*Row) bool) (q program.Form, rows []int) {
	n, m, aux := len(p.L), len(p.B), len(t.Parts)
	q.F = p.F
	q.L = append(slices.Clone(p.L), make([]float64, aux)...)
	q.U = append(slices.Clone(p.U), slices.Repeat([]float64{math.Inf(1)}, aux)...)
	for k := range p.F {
		q.E = append(append(q.E, p.E[k*n:(k+1)*n]...), make([]float64, aux)...)
	}
	out := make([]bool, m+aux) // rows that are left out
	for i := range aux {
		out[m+i] = true
	}
	for x := range t.Rows {
		r := &t.Rows[x]
		out[r.Index] = !keep(r)
		for _, i := range r.parts {
			out[m+i] = out[m+i] && out[r.Index]
		}
	}
	a := t.Matrix(nil, p.A, n)
	for k, v := range t.Limits(nil, p.B, nil) {
		if !out[k] {
			rows = append(rows, k)
			q.A, q.B = append(q.A, a[k*(n+aux):(k+1)*(n+aux)]...), append(q.B, v)
		}
	}
	for i, of := range t.Parts {
		if out[m+i] {
			q.U[n+i] = math.Abs(of.From) // of no row
		}
	}
	return q, rows
}
