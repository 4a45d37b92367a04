package lp

import (
	"fmt"
	"slices"

	"paspo/lp/internal/terms"
)

// Difference says in what p differs from q, as "<what> is <in p>, not <in q>", and
// is empty where both define the same set in the same way (see Hash). Names of
// polytopes and rows do not count.
func (p *Polytope) Difference(q *Polytope) string {
	if p == q {
		return ""
	}
	if n, m := p.Dim(), q.Dim(); n != m {
		return fmt.Sprintf("the number of entities is %d, not %d", n, m)
	}
	for i, e := range p.entities {
		if e != q.entities[i] {
			return fmt.Sprintf("entity %d is %q, not %q", i+1, e, q.entities[i])
		}
	}
	n := p.Dim()
	if p.points != nil || q.points != nil {
		if a, b := len(p.points), len(q.points); a != b {
			return fmt.Sprintf("the number of points is %d, not %d", a, b)
		}
		for i, v := range p.points {
			if j := firstUnequal(v, q.points[i]); j >= 0 {
				return fmt.Sprintf("%q of point %d is %g, not %g", p.entities[j], i+1, v[j], q.points[i][j])
			}
		}
		return ""
	}
	for _, b := range [...]struct {
		name   string
		pv, qv []float64
	}{{"lower", p.form.L, q.form.L}, {"upper", p.form.U, q.form.U}} {
		if j := firstUnequal(b.pv, b.qv); j >= 0 {
			return fmt.Sprintf("the %s bound of %q is %g, not %g", b.name, p.entities[j], b.pv[j], b.qv[j])
		}
	}
	for _, r := range [...]struct {
		name           string
		names, others  []string
		pc, pl, qc, ql []float64 // coefficients and limits of p and of q
	}{
		{"inequalities", p.rowNames, q.rowNames, p.form.A, p.form.B, q.form.A, q.form.B},
		{"equalities", p.eqNames, q.eqNames, p.form.E, p.form.F, q.form.E, q.form.F},
	} {
		if a, b := len(r.pl), len(r.ql); a != b {
			return fmt.Sprintf("the number of %s is %d, not %d", r.name, a, b) + odd(r.names, r.others)
		}
		if i := firstUnequal(r.pc, r.qc); i >= 0 {
			return fmt.Sprintf("the coefficient of %q in row %q is %g, not %g", p.entities[i%n], r.names[i/n], r.pc[i], r.qc[i])
		}
		if k := firstUnequal(r.pl, r.ql); k >= 0 {
			return fmt.Sprintf("the limit of row %q is %g, not %g", r.names[k], r.pl[k], r.ql[k])
		}
	}
	for k := range p.form.B {
		if !slices.EqualFunc(p.Terms(k), q.Terms(k), func(t, u Term) bool { return terms.Term(t).Equal(terms.Term(u)) }) {
			return fmt.Sprintf("the convex terms of row %q are %v, not %v", p.rowNames[k], p.Terms(k), q.Terms(k))
		}
	}
	return ""
}

// odd names the first row that only one of two polytopes has, where names tell.
func odd(names, others []string) string {
	for _, name := range names {
		if !slices.Contains(others, name) {
			return fmt.Sprintf(": row %q is one more", name)
		}
	}
	for _, name := range others {
		if !slices.Contains(names, name) {
			return fmt.Sprintf(": row %q is missing", name)
		}
	}
	return ""
}

// firstUnequal returns the index of the first elements that differ, -1 where none
// do.
func firstUnequal(a, b []float64) int {
	if slices.Equal(a, b) {
		return -1
	}
	for i, x := range a {
		if x != b[i] {
			return i
		}
	}
	return -1
}
