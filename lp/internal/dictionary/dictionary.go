package dictionary

import (
	"errors"
	"math"
	"slices"

	"gonum.org/v1/gonum/floats"

	"paspo/lp/internal/vec"
)

// errFailed says that no optimum was found: the polyhedron is empty or unbounded,
// rounding spoilt the vertex, or the effort is used up.
var errFailed = errors.New("dictionary: no optimum")

const (
	// tol is what counts as 0 among coefficients of size 1.
	tol = 1e-10

	// priceTol is what counts as 0 among reduced costs, violation among values, and
	// slide is how far values may pass their bounds for the sake of a larger pivot.
	priceTol, violation, slide = 1e-12, 1e-11, 1e-12

	// renewal is the number of pivots after which all coefficients are computed anew.
	renewal = 100
)

// Dictionary is a polyhedron with a vertex of it. Its variables are x, then the
// slack of every constraint.
type Dictionary struct {
	d int
	g [][]float64
	h []float64

	lo, hi []float64 // of the variables
	x      []float64 // their values

	basic []int // the variable of a row of t
	cols  []int // the variable of a column of t

	// place has the column of every variable, or ^row of one that is basic.
	place []int

	// t holds rows of d coefficients and a constant: the basic variables as functions
	// of those of the columns. obj is the objective in the same form.
	t, obj []float64
	cost   []float64

	pivots int // since coefficients were computed anew
	spare  []float64
	nz     []int
	effort *int
}

// New returns the dictionary of lo <= x <= hi, infinite where absent. Effort counts
// down elementary steps.
func New(lo, hi []float64, effort *int) *Dictionary {
	n := len(lo)
	d := &Dictionary{
		d: n, lo: slices.Clone(lo), hi: slices.Clone(hi), x: make([]float64, n), cols: make([]int, n), place: make([]int, n),
		obj: make([]float64, n+1), cost: make([]float64, n), spare: make([]float64, n+1), effort: effort,
	}
	for j := range n {
		d.cols[j], d.place[j] = j, j
		d.x[j] = d.bound(j)
	}
	return d
}

// bound returns the bound that a variable starts at, 0 where it has none.
func (d *Dictionary) bound(v int) float64 {
	switch {
	case !math.IsInf(d.lo[v], 0):
		return d.lo[v]
	case !math.IsInf(d.hi[v], 0):
		return d.hi[v]
	}
	return 0
}

// Clone returns a copy with an effort of its own.
func (d *Dictionary) Clone(effort *int) *Dictionary {
	c := *d
	c.g, c.h = slices.Clip(d.g), slices.Clone(d.h)
	c.lo, c.hi, c.x = slices.Clone(d.lo), slices.Clone(d.hi), slices.Clone(d.x)
	c.basic, c.cols, c.place = slices.Clone(d.basic), slices.Clone(d.cols), slices.Clone(d.place)
	c.t, c.obj, c.cost = slices.Clone(d.t), slices.Clone(d.obj), slices.Clone(d.cost)
	c.spare, c.nz, c.effort = make([]float64, d.d+1), nil, effort
	return &c
}

// Set goes to the vertex and the limits of a dictionary that d is a clone of.
func (d *Dictionary) Set(of *Dictionary) {
	copy(d.lo, of.lo)
	copy(d.hi, of.hi)
	copy(d.x, of.x)
	copy(d.basic, of.basic)
	copy(d.cols, of.cols)
	copy(d.place, of.place)
	copy(d.t, of.t)
	copy(d.obj, of.obj)
	copy(d.cost, of.cost)
	d.pivots = of.pivots
}

func (d *Dictionary) row(r int) []float64 { return d.t[r*(d.d+1) : (r+1)*(d.d+1)] }

// Add adds g . x <= h, or = h, and returns its number. The coefficients that a short g
// leaves out are 0.
func (d *Dictionary) Add(g []float64, h float64, equality bool) int {
	k := len(d.g)
	d.g, d.h = append(d.g, slices.Clone(g)), append(d.h, h)
	hi := math.Inf(1)
	if equality {
		hi = 0
	}
	d.lo, d.hi, d.x = append(d.lo, 0), append(d.hi, hi), append(d.x, h-vec.Dot(g, d.x))
	d.place = append(d.place, ^len(d.basic))
	d.basic = append(d.basic, d.d+k)
	d.t = append(d.t, d.spare...)
	row := d.row(len(d.basic) - 1)
	clear(row)
	row[d.d] = h
	d.substitute(row, g, -1)
	*d.effort -= d.d * len(g)
	return k
}

// substitute adds f c . x in terms of the columns to row.
func (d *Dictionary) substitute(row, c []float64, f float64) {
	for j, v := range c {
		if v == 0 {
			continue
		}
		if p := d.place[j]; p >= 0 {
			row[p] += f * v
		} else {
			floats.AddScaled(row, f*v, d.row(^p))
		}
	}
}

// Limit sets the range of the slack of constraint k. A slack that is at a bound goes to the
// new lower one.
func (d *Dictionary) Limit(k int, lo, hi float64) {
	v := d.d + k
	d.lo[v], d.hi[v] = lo, hi
	if c := d.place[v]; c >= 0 {
		d.move(c, d.bound(v)-d.x[v])
	}
}

// move changes the variable of a column by delta.
func (d *Dictionary) move(c int, delta float64) {
	if delta == 0 {
		return
	}
	d.x[d.cols[c]] += delta
	for r, v := range d.basic {
		d.x[v] += d.t[r*(d.d+1)+c] * delta
	}
}

// At returns the value of x_j at the vertex.
func (d *Dictionary) At(j int) float64 { return d.x[j] }

// Status says whether a variable, of x or a slack after them, is basic at the vertex, and
// else whether it is nearer to its upper bound than to its lower one.
func (d *Dictionary) Status(v int) (basic, upper bool) {
	return d.place[v] < 0, d.hi[v]-d.x[v] < d.x[v]-d.lo[v]
}

// Multiplier returns the multiplier of constraint k at an optimum.
func (d *Dictionary) Multiplier(k int) float64 {
	if c := d.place[d.d+k]; c >= 0 {
		return -d.obj[c]
	}
	return 0
}

// Maximize goes to a vertex with the largest c . x and returns that.
func (d *Dictionary) Maximize(c []float64) (float64, error) {
	clear(d.obj)
	if d.pivots >= renewal {
		if err := d.Renew(); err != nil {
			return 0, err
		}
	}
	if err := d.restrictAll(); err != nil {
		return 0, err
	}
	d.perturb()
	if err := d.feasible(); err != nil {
		return 0, err
	}
	copy(d.cost, c)
	d.price()
	return d.climb()
}

// Again goes to the new optimum of the last objective after constraints were added or their
// ranges were set.
func (d *Dictionary) Again() (float64, error) {
	if err := d.restrictAll(); err != nil {
		return 0, err
	}
	if err := d.feasible(); err != nil {
		return 0, err
	}
	return d.climb()
}

func (d *Dictionary) climb() (float64, error) {
	if err := d.primal(); err != nil {
		return 0, err
	}
	return vec.Dot(d.cost, d.x), nil
}

func (d *Dictionary) price() {
	clear(d.obj)
	d.substitute(d.obj, d.cost, 1)
}

// blandAfter is the number of pivots without progress after which the rules of
// choice are Bland's, by which no basis comes twice.
const blandAfter = 30

// dualBlandAfter is the number of steps of the dual simplex method after which its rules are
// Bland's, which are slow: several times what it takes with prices that differ.
func (d *Dictionary) dualBlandAfter() int { return max(blandAfter, (d.d+len(d.basic))/2) }

func (d *Dictionary) most() int { return 50*blandAfter + 10*(d.d+len(d.basic)) }

func (d *Dictionary) fixed(v int) bool { return d.lo[v] == d.hi[v] }

func (d *Dictionary) isFree(v int) bool { return math.IsInf(d.lo[v], -1) && math.IsInf(d.hi[v], 1) }

// rises says whether the variable of a column may grow from where it is, falls
// whether it may fall.
func (d *Dictionary) rises(v int) bool { return d.x[v] < d.hi[v] }
func (d *Dictionary) falls(v int) bool { return d.x[v] > d.lo[v] }

// perturb sets an objective that is optimal at the present values, with reduced costs that
// differ. Where they are 0 any pivot would do for the dual simplex method, and it may stall.
func (d *Dictionary) perturb() {
	for c, v := range d.cols {
		_, f := math.Modf(float64(v+1) * math.Phi) // spread evenly
		switch f += 0.5; {
		case d.fixed(v) || d.isFree(v):
			f = 0
		case d.rises(v):
			f = -f
		}
		d.obj[c] = f
	}
}

// feasible runs the dual simplex method until all variables are within their bounds. The
// objective stays optimal where it is.
func (d *Dictionary) feasible() error {
	limit := d.dualBlandAfter()
	for step := 0; ; step++ {
		at, worst, up := -1, 0., false
		for r, v := range d.basic {
			below, above := d.lo[v]-d.x[v], d.x[v]-d.hi[v]
			if out := max(below, above); out > violation*max(1, math.Abs(d.x[v])) && (at < 0 || step < limit && out > worst || step >= limit && v < d.basic[at]) {
				at, worst, up = r, out, below > above
			}
		}
		if at < 0 {
			return nil
		}
		in, ratio := -1, math.Inf(1)
		row := d.row(at)
		for c, v := range row[:d.d] {
			size := math.Abs(v)
			if size <= tol {
				continue
			}
			w := d.cols[c]
			if (v > 0) == up && !d.rises(w) || (v > 0) != up && !d.falls(w) {
				continue
			}
			q := math.Abs(d.obj[c]) / size
			switch {
			case q < ratio-tol, in >= 0 && q <= ratio+tol && d.better(step < limit, size, c, math.Abs(row[in]), in):
				in, ratio = c, min(q, ratio)
			}
		}
		if in < 0 || step > d.most() {
			return errFailed
		}
		out := d.basic[at]
		to := d.lo[out]
		if !up {
			to = d.hi[out]
		}
		if err := d.exchange(at, in, to); err != nil {
			return err
		}
	}
}

// better breaks ties: by size, and by number under Bland's rules.
func (d *Dictionary) better(bySize bool, v float64, c int, w float64, than int) bool {
	if bySize {
		return v > w
	}
	return d.cols[c] < d.cols[than]
}

// restrictAll makes columns of fixed variables.
func (d *Dictionary) restrictAll() error {
	for r, v := range d.basic {
		if d.fixed(v) {
			if err := d.restrict(r); err != nil {
				return err
			}
		}
	}
	return nil
}

// restrict makes the fixed variable of a row a column, where it stays.
func (d *Dictionary) restrict(r int) error {
	in := -1
	row := d.row(r)
	for c, v := range row[:d.d] {
		if !d.fixed(d.cols[c]) && math.Abs(v) > tol && (in < 0 || math.Abs(v) > math.Abs(row[in])) {
			in = c
		}
	}
	v := d.basic[r]
	if in < 0 {
		if math.Abs(d.x[v]-d.lo[v]) > tol {
			return errFailed
		}
		d.lo[v], d.hi[v] = math.Inf(-1), math.Inf(1) // follows from the others
		return nil
	}
	return d.exchange(r, in, d.lo[v])
}

func (d *Dictionary) primal() error {
	stalled := 0
	for step := 0; ; step++ {
		in, sign := -1, 1.
		for c, v := range d.obj[:d.d] {
			if math.Abs(v) <= priceTol {
				continue
			}
			w := d.cols[c]
			if v > 0 && !d.rises(w) || v < 0 && !d.falls(w) {
				continue
			}
			if in < 0 || stalled < blandAfter && math.Abs(v) > math.Abs(d.obj[in]) || stalled >= blandAfter && w < d.cols[in] {
				in, sign = c, math.Copysign(1, v)
			}
		}
		if in < 0 {
			return nil
		}
		if step > d.most() {
			return errFailed
		}
		out, length := d.blocking(in, sign, stalled >= blandAfter)
		v := d.cols[in]
		if own := d.hi[v] - d.lo[v]; own <= length && !math.IsInf(own, 1) {
			to := d.hi[v]
			if sign < 0 {
				to = d.lo[v]
			}
			d.move(in, to-d.x[v])
			d.x[v] = to
			*d.effort -= len(d.basic)
			stalled = 0
			continue
		}
		if out < 0 {
			return errFailed
		}
		w := d.basic[out]
		to := d.lo[w]
		if sign*d.row(out)[in] > 0 {
			to = d.hi[w]
		}
		if math.Abs(d.obj[in])*length > tol {
			stalled = 0
		} else {
			stalled++
		}
		if err := d.exchange(out, in, to); err != nil {
			return err
		}
	}
}

// blocking returns the row whose variable meets a bound first when that of a column
// moves, -1 for none, and after what length. Of those that meet theirs at the same
// time, up to rounding, it is the one with the largest rate (Harris, Mathematical
// Programming 5, 1973).
func (d *Dictionary) blocking(in int, sign float64, cautious bool) (out int, length float64) {
	slackOf := func(r int) (slack, rate float64) {
		rate = sign * d.t[r*(d.d+1)+in]
		v := d.basic[r]
		if rate > 0 {
			return d.hi[v] - d.x[v], rate
		}
		return d.x[v] - d.lo[v], -rate
	}
	first := math.Inf(1)
	for r := range d.basic {
		if slack, rate := slackOf(r); rate > tol {
			margin := slide
			if cautious {
				margin = 0
			}
			first = min(first, (max(0, slack)+margin)/rate)
		}
	}
	out, length = -1, math.Inf(1)
	if math.IsInf(first, 1) {
		return out, length
	}
	largest := 0.
	for r := range d.basic {
		slack, rate := slackOf(r)
		if rate <= tol || max(0, slack) > first*rate {
			continue
		}
		if out < 0 || !cautious && rate > largest || cautious && d.basic[r] < d.basic[out] {
			out, largest, length = r, rate, max(0, slack)/rate
		}
	}
	return out, length
}

// exchange makes the variable of row r a column in the place of column c, at the
// value to.
func (d *Dictionary) exchange(r, c int, to float64) error {
	if *d.effort -= len(d.basic) * (d.d + 1); *d.effort < 0 {
		return errFailed
	}
	out := d.basic[r]
	d.move(c, (to-d.x[out])/d.row(r)[c])
	d.x[out] = to
	d.pivot(r, c)
	return nil
}

func (d *Dictionary) pivot(r, c int) {
	row := d.row(r)
	p := 1 / row[c]
	d.nz = d.nz[:0]
	for i, v := range row {
		if v != 0 {
			row[i] = -v * p
			d.nz = append(d.nz, i)
		}
	}
	row[c] = p // the column, in terms of the new one and the others
	sparse := 4*len(d.nz) < len(row)
	substitute := func(to []float64) {
		v := to[c]
		if v == 0 {
			return
		}
		to[c] = 0
		if !sparse {
			floats.AddScaled(to, v, row)
			return
		}
		for _, i := range d.nz {
			to[i] += v * row[i]
		}
	}
	for i := range d.basic {
		if i != r {
			substitute(d.row(i))
		}
	}
	substitute(d.obj)
	in, out := d.cols[c], d.basic[r]
	d.cols[c], d.basic[r], d.place[out], d.place[in] = out, in, c, ^r
	d.pivots++
}

// Renew computes all coefficients and values anew from the constraints.
func (d *Dictionary) Renew() error {
	var in []int // basic variables that are no slacks
	out := make([]bool, len(d.g))
	for k := range d.g {
		if v := d.basic[k]; v < d.d {
			in = append(in, v)
		}
		out[k] = d.place[d.d+k] >= 0
	}
	for j := range d.d {
		d.cols[j], d.place[j] = j, j
	}
	clear(d.obj)
	for k, g := range d.g {
		d.basic[k], d.place[d.d+k] = d.d+k, ^k
		row := d.row(k)
		clear(row)
		row[d.d] = d.h[k]
		for j, v := range g {
			row[j] = -v
		}
	}
	slices.Sort(in)
	for _, v := range in {
		c, at := d.place[v], -1
		for r, w := range d.basic {
			if w >= d.d && out[w-d.d] && (at < 0 || math.Abs(d.row(r)[c]) > math.Abs(d.row(at)[c])) {
				at = r
			}
		}
		if *d.effort -= len(d.basic) * (d.d + 1); *d.effort < 0 || at < 0 || math.Abs(d.row(at)[c]) <= tol {
			return errFailed
		}
		d.pivot(at, c)
	}
	d.pivots = 0
	for r, v := range d.basic {
		row := d.row(r)
		s := row[d.d]
		for c, w := range d.cols {
			if f := row[c]; f != 0 {
				s += f * d.x[w]
			}
		}
		d.x[v] = s
	}
	return nil
}

// Refine corrects the basic variables by one step of iterative refinement: residuals of the
// constraints are summed in twice the precision (Wilkinson, Rounding Errors in Algebraic
// Processes, 1963). Values that others cancel down to are right in their own digits then.
func (d *Dictionary) Refine() {
	residual := make([]float64, len(d.g))
	for k, g := range d.g {
		if math.IsInf(d.h[k], 0) {
			continue
		}
		sum, rest := d.h[k], 0.
		add := func(v float64) {
			s := sum + v
			t := s - sum
			sum, rest = s, rest+(sum-(s-t))+(v-t)
		}
		for j, v := range g {
			if v != 0 {
				t := -v * d.x[j]
				add(t)
				rest += math.FMA(-v, d.x[j], -t)
			}
		}
		add(-d.x[d.d+k])
		residual[k] = sum + rest
	}
	for k, r := range residual {
		v := d.d + k
		if c := d.place[v]; c >= 0 {
			at := d.x[v]
			d.move(c, -r)
			d.x[v] = at // the others alone make up for what is missing
		}
	}
	for k, r := range residual {
		if v := d.d + k; d.place[v] < 0 {
			d.x[v] += r
		}
	}
}
