package closedform

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"paspo/lp"
	"paspo/lp/internal/dd"
	"paspo/lp/internal/vec"
	"paspo/lp/interval/relay"
)

// Budget bounds what a closed form may be: the affine pieces of one interval, both
// endpoints together, and the elementary steps to find it, in millions.
type Budget struct{ Pieces, Effort int }

// Compile finds the closed form of p within a budget. It tries, in this
// order: the facets where the polytope is described by fewer points than rows, by points
// alone, or is a narrow hull of them;
// the dual with all rows and upper bounds, which holds for any limits; the dual
// without what is redundant under the polytope's own limits, and for the
// entities that exceed the budget there, which are the first, the facets of the
// projected vertices.
func Compile(ctx context.Context, p *lp.Polytope, b Budget) (*Intervals, error) {
	start, steps := time.Now(), b.Effort*1e6
	lp.Stage(ctx, "closed form", 0)
	effort := steps
	f, err := compileSide(ctx, p, b.Pieces, &effort)
	if err != nil {
		return nil, err
	}
	if f.Needed == nil {
		f.prune(&effort)
	}
	f.prepare()
	f.took, f.steps, f.within = time.Since(start), steps-effort, b
	return f, nil
}

func compileSide(ctx context.Context, p *lp.Polytope, maxPieces int, effort *int) (*Intervals, error) {
	if err := p.FacetsBeyond(*effort); err != nil {
		return nil, err
	}
	if relay.OverPoints(p) {
		return compileFacets(p, p.Points(), p.Dim(), maxPieces, effort)
	}
	f, err := compileDual(p, allRows(p), maxPieces, effort)
	if err == nil || !beyondBudget(err) {
		return f, err
	}
	own, e := ownRows(ctx, p)
	if e != nil {
		return nil, e
	}
	lp.Stage(ctx, "closed form of what is not redundant", 0)
	f, err = compileDual(p, own, maxPieces, effort)
	if err == nil || !beyondBudget(err) {
		return f, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	points, e := vertices(p, effort)
	if e != nil {
		return nil, err
	}
	first := f.done
	for i := first; i < p.Dim(); i++ {
		if f.All[i].isIll() {
			return nil, err // vertices are off by more than their rounding
		}
	}
	mixed, e := compileFacets(p, points, first, maxPieces, effort)
	if e != nil {
		return nil, e
	}
	f.prune(effort)
	mixed.Needed = slices.Clone(mixed.All)
	for i := first; i < p.Dim(); i++ {
		mixed.All[i], mixed.Needed[i] = f.inPrefix(&f.All[i], i), f.inPrefix(&f.Needed[i], i)
	}
	return mixed, nil
}

// inPrefix returns the affine pieces of entity i as functions of (1, a_P) under the
// polytope's own limits.
func (f *Intervals) inPrefix(e *EndpointTable, i int) EndpointTable {
	base := 0.
	if !f.Free[i] {
		base = f.Floor[i]
	}
	convert := func(w []float64) []float64 {
		var out []float64
		for ; len(w) > 0; w = w[e.Stride:] {
			v := w[:e.Stride]
			at := len(out)
			out = append(out, base+vec.Dot(v, f.Begin))
			for j := range i {
				c := -vec.Dot(v, f.cols[j])
				out = append(out, c)
				if !f.Free[j] {
					out[at] -= c * f.Floor[j]
				}
			}
		}
		return out
	}
	out := EndpointTable{Stride: i + 1, Lower: convert(e.Lower), Upper: convert(e.Upper), LowerSensitivity: e.LowerSensitivity, UpperSensitivity: e.UpperSensitivity}
	if e.Floor {
		w := make([]float64, i+1)
		w[0] = base
		out.Lower = append(out.Lower, w...)
		out.LowerSensitivity = append(append([]float64(nil), e.LowerSensitivity...), 0)
	}
	return out
}

// selection says which inequalities and upper bounds enter the dual, and which
// lower bounds are left out.
type selection struct {
	rows, caps []int
	unbounded  []bool // lower bound left out
	anyLimits  bool
}

// allRows selects everything but rows that restate the equalities up to the errors of
// decimals.
func allRows(p *lp.Polytope) selection {
	form := p.Form()
	n := p.Dim()
	s := selection{anyLimits: true, unbounded: make([]bool, n)}
	_, basis := vec.RowSpace(form.E, n)
	w := make([]float64, n)
	for k := range form.B {
		row := form.A[k*n : (k+1)*n]
		copy(w, row)
		vec.Orthogonalize(w, basis)
		if len(basis) > 0 && vec.Norm(w) <= 1e-15*vec.Norm(row) {
			s.anyLimits = false
			continue
		}
		s.rows = append(s.rows, k)
	}
	for j := range n {
		if !math.IsInf(form.U[j], 1) && form.L[j] != form.U[j] {
			s.caps = append(s.caps, j)
		}
	}
	return s
}

// ownRows leaves out, in addition, what is redundant under the polytope's own
// limits.
func ownRows(ctx context.Context, p *lp.Polytope) (selection, error) {
	form := p.Form()
	s := allRows(p)
	s.anyLimits = false
	lo, hi, err := lp.BoundingBoxContext(ctx, p)
	if err != nil {
		return s, err
	}
	redundant, err := lp.RedundantRowsContext(ctx, p)
	if err != nil {
		return s, err
	}
	out := map[int]bool{}
	for _, k := range redundant {
		out[k] = true
	}
	rows := s.rows
	s.rows = nil
	for _, k := range rows {
		if !out[k] {
			s.rows = append(s.rows, k)
		}
	}
	caps := s.caps
	s.caps = nil
	for _, j := range caps {
		if hi[j] >= form.U[j]-1e-6*max(1, math.Abs(form.U[j])) {
			s.caps = append(s.caps, j)
		}
	}
	for j, l := range form.L {
		s.unbounded[j] = lo[j]-l > 1e3*max(1, math.Abs(lo[j]), math.Abs(hi[j]))
	}
	return s, nil
}

// maxNumbers is the largest number of weights of all affine pieces together: memory.
const maxNumbers = 1 << 22

// compileDual finds the dual vertices of all intervals in one pass. With
//
//	C_i = { (lambda, mu): lambda >= 0, mu' E_j - lambda' A_j <= 0 for all j >= i },
//
// the dual of entity i is C_{i+1} cut by mu' E_i - lambda' A_i <= 1 for the lower
// endpoint and <= -1 for the upper one. So its vertices other than 0 are the extreme
// rays of C_{i+1}, scaled, by the sign of that expression; those with 0 do not
// bound the entity. C_i follows from C_{i+1} by one more cut, from the last
// entity on, and the rays of C_0 prove limits empty (Farkas). Upper bounds are
// rows of A here; a row or equality without entities in a suffix needs no care,
// nor do equalities that depend on each other: they are rays and lines with 0.
func compileDual(p *lp.Polytope, sel selection, maxPieces int, effort *int) (*Intervals, error) {
	var f *Intervals
	var err error
	for _, in := range dd.Precisions {
		f, err = tryDual(p, sel, maxPieces, in, effort)
		if !errors.Is(err, dd.ErrUndecided) && (in == dd.Exact || f == nil || f.Certify() == nil) {
			break
		}
	}
	return f, err
}

func tryDual(p *lp.Polytope, sel selection, maxPieces int, in dd.Precision, effort *int) (*Intervals, error) {
	form := p.Form()
	n, k := p.Dim(), len(form.F)
	m := len(sel.rows) + len(sel.caps)
	size := max(1, m+k) // without any limit, one that is never tight
	f := &Intervals{p: p, form: form, Tables: Tables{
		AnyLimits: sel.anyLimits, Size: size, All: make([]EndpointTable, n), LimitRows: sel.rows, Caps: sel.caps,
		Floor: make([]float64, n), Free: make([]bool, n), Fixed: make([]bool, n),
	}}
	f.bounds(sel)
	scale := f.columns()
	f.Begin = make([]float64, f.Size)
	own := f.Floor
	for x, r := range f.LimitRows {
		f.Begin[x] = form.B[r] - vec.Dot(form.A[r*n:(r+1)*n], own)
	}
	for x, j := range f.Caps {
		f.Begin[len(f.LimitRows)+x] = form.U[j] - own[j]
	}
	for x := range k {
		f.Begin[m+x] = form.F[x] - vec.Dot(form.E[x*n:(x+1)*n], own)
	}
	nonneg := make([]bool, size)
	for x := range nonneg {
		nonneg[x] = x < m || x >= m+k
	}
	cone := dd.New(size, nonneg, in, dd.Budget{Rays: 20 * maxPieces, Effort: effort})
	g := make([]float64, size)
	numbers := 0
	for j := n - 1; j >= 0; j-- {
		over := func(reason string) error { return &lp.BudgetError{Entity: p.Entities()[j], Reason: reason} }
		for x := range m {
			g[x] = -f.cols[j][x] * scale[x]
		}
		for x := m; x < m+k; x++ {
			g[x] = f.cols[j][x] * scale[x]
		}
		if in == dd.Floats && spans(g) {
			return nil, dd.ErrUndecided
		}
		f.done = j + 1
		e := &f.All[j]
		e.Stride, e.Floor = size, !f.Free[j]
		if f.Fixed[j] {
			e.Upper, e.UpperSensitivity = make([]float64, size), []float64{0}
			continue
		}
		ended := func(err error) (*Intervals, error) {
			if errors.Is(err, dd.ErrBudget) {
				return f, over("too many pieces before it")
			}
			return nil, err
		}
		if err := cone.Check(); err != nil {
			return ended(err)
		}
		s, err := cone.Split(g)
		if err != nil {
			return ended(err)
		}
		count := len(s.Positive) + len(s.Negative)
		if count > maxPieces {
			return f, over(fmt.Sprintf("%d pieces, allowed are %d", count, maxPieces))
		}
		if numbers += count * size; numbers > maxNumbers {
			return f, over(fmt.Sprintf("the pieces of it and of the entities after it are %d numbers, allowed are %d", numbers, maxNumbers))
		}
		if s.Line != nil {
			// An equality fixes the entity. The other pieces are kept: where rounding makes
			// them contradict it, they say by how much to depart from it.
			e.add(f, s.Line, scale, m, false)
			w := make([]float64, size)
			for x, v := range s.Line {
				w[x] = -v
			}
			e.add(f, w, scale, m, true)
		}
		for _, x := range s.Positive {
			e.add(f, x, scale, m, false)
		}
		for _, x := range s.Negative {
			e.add(f, x, scale, m, true)
		}
		f.done = j
		if f.Free[j] {
			err = cone.Restrict(g)
		} else {
			err = cone.Cut(g)
		}
		if err != nil {
			return ended(err)
		}
	}
	err := cone.Check()
	if errors.Is(err, dd.ErrBudget) {
		return f, &lp.BudgetError{Entity: p.Entities()[0], Reason: "the proof that limits are empty takes too many pieces"}
	}
	if err != nil {
		return nil, err
	}
	f.done = 0
	f.farkas(cone, scale, m)
	return f, nil
}

// spans reports whether the sizes of coefficients differ so much that the small ones are
// like rounding in floating point.
func spans(g []float64) bool {
	const rounding = 1e-12
	most := vec.MaxAbs(g)
	return slices.ContainsFunc(g, func(v float64) bool { return v != 0 && math.Abs(v) < rounding*most })
}

// bounds fills in what the bounds of each entity are.
func (f *Intervals) bounds(sel selection) {
	form := &f.form
	p := f.p
	for j := range p.Dim() {
		f.Free[j] = math.IsInf(form.L[j], -1) || sel.unbounded[j]
		f.Fixed[j] = form.L[j] == form.U[j]
		if !f.Free[j] {
			f.Floor[j] = form.L[j]
		}
	}
	if !slices.ContainsFunc(f.Floor, func(l float64) bool { return -l > relay.FarBelow }) {
		return
	}
	if lo, hi, err := lp.BoundingBox(p); err == nil {
		for j := range f.Floor {
			if !f.Free[j] && !f.Fixed[j] {
				f.Floor[j] = relay.CountedFrom(form.L[j], lo[j], hi[j])
			}
		}
	}
}

// columns fills in the columns of the rows, upper bounds and equalities, and
// returns the scale of each: a power of two, so that no multiplier is rounded.
func (f *Intervals) columns() (scale []float64) {
	form := &f.form
	p := f.p
	n := p.Dim()
	f.cols = make([][]float64, n)
	for j := range n {
		f.cols[j] = make([]float64, f.Size)
	}
	add := func(x int, row []float64) {
		for j, v := range row {
			f.cols[j][x] = v
		}
		scale = append(scale, vec.PowerScale(row))
	}
	unit := make([]float64, n)
	for x, k := range f.LimitRows {
		add(x, form.A[k*n:(k+1)*n])
	}
	for x, j := range f.Caps {
		unit[j] = 1
		add(len(f.LimitRows)+x, unit)
		unit[j] = 0
	}
	for x := range form.F {
		add(len(f.LimitRows)+len(f.Caps)+x, form.E[x*n:(x+1)*n])
	}
	for len(scale) < f.Size {
		scale = append(scale, 1)
	}
	return scale
}

// add takes a scaled ray (lambda, mu): z_i >= -lambda r + mu e, or <= the negative.
func (e *EndpointTable) add(f *Intervals, x, scale []float64, m int, upper bool) {
	w := make([]float64, len(x))
	sens := 0.
	for k, v := range x {
		v *= scale[k]
		if upper != (k < m) {
			v = -v
		}
		w[k] = v + 0
		sens += math.Abs(v) * f.limitScale(k)
	}
	if upper {
		e.Upper, e.UpperSensitivity = append(e.Upper, w...), append(e.UpperSensitivity, sens)
	} else {
		e.Lower, e.LowerSensitivity = append(e.Lower, w...), append(e.LowerSensitivity, sens)
	}
}

// limitScale returns the scale that residuals of limit k of rho have at least.
func (f *Intervals) limitScale(k int) float64 {
	switch m := len(f.LimitRows); {
	case k < m:
		return f.form.RowScale(f.LimitRows[k], f.form.B[f.LimitRows[k]])
	case k < m+len(f.Caps):
		j := f.Caps[k-m]
		return f.form.EntityScale(j, f.form.U[j])
	case k < m+len(f.Caps)+len(f.form.F):
		x := k - m - len(f.Caps)
		return f.form.EqScale(x, f.form.F[x])
	}
	return 1
}

// farkas stores the rays of C_0, and its lines both ways.
func (f *Intervals) farkas(cone dd.Cone, scale []float64, m int) {
	var e EndpointTable
	rays, _ := cone.Rays()
	for _, x := range cone.Lines() {
		e.add(f, x, scale, m, false)
		for k := range x {
			x[k] = -x[k]
		}
		e.add(f, x, scale, m, false)
	}
	for _, x := range rays {
		e.add(f, x, scale, m, false)
	}
	f.Rays, f.RaySensitivity = e.Lower, e.LowerSensitivity
}

// beyondBudget reports whether the closed form was refused for its size.
func beyondBudget(err error) bool {
	_, is := errors.AsType[*lp.BudgetError](err)
	return is
}
