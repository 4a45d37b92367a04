// Package dictionary maximises many linear objectives over one polyhedron,
//
//	max c . x   s.t.   g_k . x <= h_k,   x_j >= 0 where j is not free,
//
// whose rows may be added one by one. Every variable and every slack is kept as
// an affine function of those that are 0 at the present vertex (Chvatal, Linear
// Programming, 1983, chapter 2), so that the next objective starts from the last
// optimum.
//
// It works in floating point and decides nothing by itself: the multipliers it
// finds are candidates of a certificate that the caller checks.
package dictionary

import (
	"errors"
	"math"
	"slices"
)

// ErrFailed says that no optimum was found: the polyhedron is empty or unbounded,
// rounding spoilt the vertex, or the effort is used up.
var ErrFailed = errors.New("dictionary: no optimum")

// tol is what counts as 0 among coefficients of size 1.
const tol = 1e-10

type kind byte

const (
	free kind = iota
	nonnegative
	zero
)

// Dictionary is a polyhedron with a vertex of it.
type Dictionary struct {
	d      int
	kinds  []kind      // of the variables, then of the slacks
	rows   [][]float64 // the same: a constant, then one coefficient a column
	cols   []int       // which variable or slack a column is
	column []int       // which column a variable or slack is, -1 without
	obj    []float64
	effort *int
}

// New returns the dictionary of x_j >= 0, or any x_j where it is free. Effort
// counts down elementary steps.
func New(isFree []bool, effort *int) *Dictionary {
	d := &Dictionary{d: len(isFree), effort: effort, obj: make([]float64, len(isFree)+1)}
	for j, f := range isFree {
		k := nonnegative
		if f {
			k = free
		}
		row := make([]float64, d.d+1)
		row[j+1] = 1
		d.kinds, d.rows = append(d.kinds, k), append(d.rows, row)
		d.cols, d.column = append(d.cols, j), append(d.column, j)
	}
	return d
}

// Clone returns a copy that shares the effort.
func (d *Dictionary) Clone() *Dictionary {
	c := *d
	c.kinds, c.cols, c.column, c.obj = slices.Clone(d.kinds), slices.Clone(d.cols), slices.Clone(d.column), slices.Clone(d.obj)
	c.rows = make([][]float64, len(d.rows))
	for i, r := range d.rows {
		c.rows[i] = slices.Clone(r)
	}
	return &c
}

// Add adds g . x <= h, or = h, and returns its number.
func (d *Dictionary) Add(g []float64, h float64, equality bool) int {
	row := make([]float64, d.d+1)
	row[0] = h
	for j, c := range g {
		if c != 0 {
			for k, v := range d.rows[j] {
				row[k] -= c * v
			}
		}
	}
	k := nonnegative
	if equality {
		k = zero
	}
	d.kinds, d.rows, d.column = append(d.kinds, k), append(d.rows, row), append(d.column, -1)
	*d.effort -= d.d * len(g)
	return len(d.rows) - 1 - d.d
}

// At returns the value of x_j at the vertex.
func (d *Dictionary) At(j int) float64 { return d.rows[j][0] }

// Slack returns the slack of constraint k at the vertex.
func (d *Dictionary) Slack(k int) float64 { return d.rows[d.d+k][0] }

// Multiplier returns the multiplier of constraint k at an optimum.
func (d *Dictionary) Multiplier(k int) float64 {
	if c := d.column[d.d+k]; c >= 0 {
		return -d.obj[c+1]
	}
	return 0
}

// Maximize goes to a vertex with the largest c . x and returns that.
func (d *Dictionary) Maximize(c []float64) (float64, error) {
	clear(d.obj)
	if err := d.feasible(); err != nil {
		return 0, err
	}
	for j, v := range c {
		if v != 0 {
			for k, w := range d.rows[j] {
				d.obj[k] += v * w
			}
		}
	}
	if err := d.primal(); err != nil {
		return 0, err
	}
	return d.obj[0], nil
}

// Again goes to the new optimum of the last objective after constraints were
// added.
func (d *Dictionary) Again() (float64, error) {
	if err := d.feasible(); err != nil {
		return 0, err
	}
	if err := d.primal(); err != nil {
		return 0, err
	}
	return d.obj[0], nil
}

// patience is the number of pivots without progress after which the rules of
// choice are Bland's, which end.
const patience = 30

// feasible runs the dual simplex method until no row is negative. The objective
// stays optimal where it is, in particular where it is 0.
func (d *Dictionary) feasible() error {
	for k, kind := range d.kinds {
		if kind == zero && d.column[k] < 0 {
			if err := d.restrict(k); err != nil {
				return err
			}
		}
	}
	for step := 0; ; step++ {
		at := -1
		for k, r := range d.rows {
			if d.kinds[k] == nonnegative && r[0] < -tol && (at < 0 || step < patience && r[0] < d.rows[at][0]) {
				at = k
			}
		}
		if at < 0 {
			return nil
		}
		in, ratio := -1, math.Inf(1)
		for c, v := range d.rows[at][1:] {
			kind := d.kinds[d.cols[c]]
			if kind == free {
				v = math.Abs(v)
			}
			if v <= tol || kind == zero {
				continue
			}
			q := math.Abs(d.obj[c+1]) / v
			switch {
			case q < ratio-tol, in >= 0 && q <= ratio+tol && d.better(step, v, c, d.rows[at][in+1], in):
				in, ratio = c, min(q, ratio)
			}
		}
		if in < 0 || step > 50*patience {
			return ErrFailed
		}
		if err := d.pivot(at, in); err != nil {
			return err
		}
	}
}

// better breaks ties: by size, and by number where patience has ended.
func (d *Dictionary) better(step int, v float64, c int, w float64, than int) bool {
	if step < patience {
		return math.Abs(v) > math.Abs(w)
	}
	return d.cols[c] < d.cols[than]
}

// restrict makes the slack of an equality a column, where it stays.
func (d *Dictionary) restrict(k int) error {
	in := -1
	for c, v := range d.rows[k][1:] {
		if d.kinds[d.cols[c]] != zero && math.Abs(v) > tol && (in < 0 || math.Abs(v) > math.Abs(d.rows[k][in+1])) {
			in = c
		}
	}
	if in < 0 {
		if math.Abs(d.rows[k][0]) > tol {
			return ErrFailed
		}
		d.kinds[k] = free // follows from the others
		return nil
	}
	return d.pivot(k, in)
}

func (d *Dictionary) primal() error {
	stalled, last := 0, math.Inf(-1)
	for step := 0; ; step++ {
		in, sign := -1, 1.
		for c, v := range d.obj[1:] {
			k := d.kinds[d.cols[c]]
			if k == zero || k == nonnegative && v <= tol || math.Abs(v) <= tol {
				continue
			}
			if in < 0 || stalled < patience && math.Abs(v) > math.Abs(d.obj[in+1]) || stalled >= patience && d.cols[c] < d.cols[in] {
				in, sign = c, math.Copysign(1, v)
			}
		}
		if in < 0 {
			return nil
		}
		out, ratio := -1, math.Inf(1)
		for k, r := range d.rows {
			v := -sign * r[in+1]
			if d.kinds[k] != nonnegative || v <= tol || d.column[k] >= 0 {
				continue
			}
			q := max(0, r[0]) / v
			switch {
			case q < ratio-tol, out >= 0 && q <= ratio+tol && (stalled < patience && v > math.Abs(d.rows[out][in+1]) || stalled >= patience && k < out):
				out, ratio = k, min(q, ratio)
			}
		}
		if out < 0 || step > 50*patience {
			return ErrFailed
		}
		if err := d.pivot(out, in); err != nil {
			return err
		}
		if d.obj[0] > last+tol {
			stalled, last = 0, d.obj[0]
		} else {
			stalled++
		}
	}
}

// pivot makes row k a column in the place of column c.
func (d *Dictionary) pivot(k, c int) error {
	if *d.effort -= len(d.rows) * (d.d + 1); *d.effort < 0 {
		return ErrFailed
	}
	out := d.cols[c]
	r := slices.Clone(d.rows[k])
	p := 1 / r[c+1]
	for i := range r {
		r[i] *= -p
	}
	r[c+1] = p // the column, in terms of the new one and the others
	substitute := func(row []float64) {
		v := row[c+1]
		if v == 0 {
			return
		}
		row[c+1] = 0
		for i, w := range r {
			row[i] += v * w
		}
	}
	for _, row := range d.rows {
		substitute(row)
	}
	substitute(d.obj)
	clear(d.rows[k])
	d.rows[k][c+1] = 1
	d.cols[c], d.column[k], d.column[out] = k, c, -1
	return nil
}
