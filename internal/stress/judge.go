package stress

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"

	"paspo/internal/exact"
	"paspo/lp"
)

const (
	// agree is the error that is promised, of an endpoint and of a residual: relative to
	// the largest size that the entity, or the row, has in the polytope.
	agree = 1e-9

	// moved is by how much of its scale a row moves, at most, when every number in it
	// moves by a relative 1e-15.
	moved = 2e-15

	// tolerance is what solvers relax limits by, at most, where nothing has a prefix.
	tolerance = 1e-6

	// rightWithin is the share of their scales by which limits may be off for an ill-conditioned
	// endpoint to count as right.
	rightWithin = 1e-11
)

// Truth answers what holds of a polytope by certificates and rational arithmetic.
// It is made from the description alone, without what package lp makes of it.
type Truth struct {
	d      lp.Description
	set    *exact.Set
	limits exact.Limits
	n      int // entities; beyond them are the weights of points

	Status exact.Status
	Lo, Hi []float64 // of every entity
	Size   []float64 // the largest |a_j|, the largest of all where it is 0
	eq     []bool
	a      [][]float64
}

// NewTruth returns the truth about a description.
func NewTruth(d lp.Description) *Truth {
	t := assemble(d)
	size, unit := t.implied(), 0.
	for j, v := range size[:t.n] {
		for _, p := range d.Points {
			v = max(v, math.Abs(p[j]))
		}
		if size[j] = v; !math.IsInf(v, 1) {
			unit = max(unit, v)
		}
	}
	t.resize(size, unit)
	t.box()
	return t
}

// implied bounds sizes by what single limits imply, 0 where the points say.
func (t *Truth) implied() []float64 {
	lo, hi := slices.Clone(t.limits.Lower), slices.Clone(t.limits.Upper)
	if len(t.d.Points) > 0 {
		size := make([]float64, len(lo))
		copy(size[t.n:], ones(len(size)-t.n))
		return size
	}
	tighten := func(row []float64, b float64) {
		for j, c := range row {
			rest := b
			for i, v := range row {
				if i != j && v != 0 {
					rest -= min(v*lo[i], v*hi[i])
				}
			}
			switch {
			case c == 0 || math.IsInf(rest, 0) || rest != rest:
			case c > 0:
				hi[j] = min(hi[j], max(rest/c, lo[j]))
			default:
				lo[j] = max(lo[j], min(rest/c, hi[j]))
			}
		}
	}
	for range 3 {
		for k, row := range t.a {
			tighten(row, t.limits.B[k])
			if t.eq[k] {
				tighten(negated(row), -t.limits.B[k])
			}
		}
	}
	size := make([]float64, len(lo))
	for j := range size {
		size[j] = max(math.Abs(lo[j]), math.Abs(hi[j]))
	}
	return size
}

// assemble makes all but the set. A hull is that of allocations and weights of the
// points that they are made of.
func assemble(d lp.Description) *Truth {
	n, k := len(d.Entities), len(d.Points)
	t := &Truth{d: d, n: n}
	row := func(c []float64, b float64, eq bool) {
		t.a, t.eq, t.limits.B = append(t.a, t.costs(c)), append(t.eq, eq), append(t.limits.B, b)
	}
	if !math.IsNaN(d.Total) {
		row(ones(n), d.Total, true)
	}
	for _, r := range d.Rows {
		if r.Min == r.Max {
			row(r.Coef, r.Min, true)
		}
	}
	for _, r := range d.Rows {
		if r.Min < r.Max && !math.IsInf(r.Max, 1) {
			row(r.Coef, r.Max, false)
		}
		if r.Min < r.Max && !math.IsInf(r.Min, -1) {
			row(negated(r.Coef), -r.Min, false)
		}
	}
	low, high := 0., math.Inf(1)
	if k > 0 {
		low = math.Inf(-1)
	}
	t.limits.Lower = orElse(slices.Clone(d.Lower), slices.Repeat([]float64{low}, n))
	t.limits.Upper = orElse(slices.Clone(d.Upper), slices.Repeat([]float64{high}, n))
	if k == 0 {
		return t
	}
	t.limits.Lower = append(t.limits.Lower, make([]float64, k)...)
	t.limits.Upper = append(t.limits.Upper, ones(k)...)
	row(append(make([]float64, n), ones(k)...), 1, true)
	for j := range n {
		c := make([]float64, n, n+k)
		c[j] = -1
		for _, v := range d.Points {
			c = append(c, v[j])
		}
		row(c, 0, true)
	}
	return t
}

// resize makes the set with sizes that are positive.
func (t *Truth) resize(size []float64, unit float64) {
	if unit == 0 {
		unit = 1
	}
	for j, s := range size {
		if s == 0 || math.IsInf(s, 1) {
			size[j] = unit
		}
	}
	t.Size = size
	t.set = exact.NewSet(t.a, t.eq, size)
}

// box finds the range of every entity and with it the sizes: first as they are, then
// without those that the data do not determine, for which it takes the others.
func (t *Truth) box() {
	size, _, ok := t.sizes()
	if !ok {
		return
	}
	t.resize(size, slices.Max(size[:t.n]))
	size, moves, ok := t.sizes()
	if !ok {
		return
	}
	for j, v := range moves {
		// Moving the data by a relative 1e-15 moves it by more than 1e-7 of itself.
		const undetermined = 1e-8
		if size[j] < undetermined*v {
			size[j] = 0
		}
	}
	t.resize(size, slices.Max(size[:t.n]))
}

// sizes returns the size of every variable, and how far those of entities move when all
// limits move by their scales. ok is false where there are none.
func (t *Truth) sizes() (size, moves []float64, ok bool) {
	t.Lo, t.Hi = make([]float64, t.n), make([]float64, t.n)
	size, moves = slices.Clone(t.Size), make([]float64, t.n)
	l := t.limits
	for j := range t.n {
		size[j] = 0
		for _, sign := range []int{1, -1} {
			c := make([]float64, len(size))
			c[j] = float64(sign)
			a := t.set.Minimize(nil, c, &l)
			if a.Status == exact.Infeasible {
				t.Status = exact.Infeasible
				// Limits that are relaxed by rounding may have points: those have a size too.
				if j > 0 || sign < 0 {
					return nil, nil, false
				}
				for l.Relax = 1e-17; a.Status == exact.Infeasible && l.Relax < agree; {
					l.Relax *= 10
					a = t.set.Minimize(nil, c, &l)
				}
			}
			if a.Status == exact.Infeasible {
				return nil, nil, false
			}
			if a.Status == exact.Unbounded {
				t.Status = exact.Unbounded
				return nil, nil, false
			}
			if sign > 0 {
				t.Lo[j] = a.Value
			} else {
				t.Hi[j] = -a.Value
			}
			const rounded = 1e-20 // part of what values of certificates are made of
			v := math.Abs(a.Value)
			if v < rounded*a.Sensitivity {
				v = 0
			}
			if v >= size[j] {
				size[j], moves[j] = v, a.Sensitivity
			}
		}
	}
	return size, moves, true
}

// costs pads a cost of the entities.
func (t *Truth) costs(c []float64) []float64 {
	return append(slices.Clone(c), make([]float64, t.n+len(t.d.Points)-len(c))...)
}

// relaxed returns limits that are relaxed by a share of their scales. A row of a hull, a = sum
// of w_p v_p, is measured by the size of the entity, not by the sum over all points.
func (t *Truth) relaxed(l *exact.Limits, share float64) *exact.Limits {
	m := *l
	m.Relax = share * t.part()
	return &m
}

func (t *Truth) part() float64 { return 1 / float64(1+len(t.d.Points)) }

// under returns the truth under the limits of a state.
func (t *Truth) under(lim *lp.Limits) (*Truth, *exact.Limits) {
	if lim == nil {
		return t, &t.limits
	}
	if lim.A != nil {
		t = NewTruth(stated(t.d, lim))
		return t, &t.limits
	}
	l := t.limits
	l.B = slices.Clone(l.B)
	i := copy(l.B, lim.F)
	if lim.B != nil {
		copy(l.B[max(i, len(l.B)-len(lim.B)):], lim.B)
	}
	l.Lower, l.Upper = orElse(lim.Lower, l.Lower), orElse(lim.Upper, l.Upper)
	return t, &l
}

func orElse(v, def []float64) []float64 {
	if v == nil {
		return def
	}
	return v
}

// stated returns the description of a polytope in a state: of a total or none, and
// rows with an upper limit.
func stated(d lp.Description, lim *lp.Limits) lp.Description {
	if lim == nil {
		return d
	}
	n := len(d.Entities)
	d.Lower, d.Upper = orElse(lim.Lower, d.Lower), orElse(lim.Upper, d.Upper)
	if lim.F != nil {
		d.Total = lim.F[0]
	}
	d.Rows = slices.Clone(d.Rows)
	for k := range d.Rows {
		if lim.B != nil {
			d.Rows[k].Max = lim.B[k]
		}
		if lim.A != nil {
			d.Rows[k].Coef = lim.A[k*n : (k+1)*n]
		}
	}
	return d
}

// Verdict is a judgement of an interval.
type Verdict int

const (
	Right Verdict = iota

	// Ill is right for limits that move by 1e-11 of their scales, where the endpoints of the exact
	// interval move by more than 1e-9 when the data move by 1e-15.
	Ill

	// Void is inside the interval on limits that are relaxed by a solver's tolerance,
	// where nothing has the prefix exactly.
	Void

	Wrong
)

// Judge says what an interval is worth, the larger error of its two endpoints relative to
// the size of the entity where that is right, and what the exact interval is.
func (t *Truth) Judge(prefix []float64, lim *lp.Limits, lo, hi float64) (v Verdict, off float64, why string) {
	t, l := t.under(lim)
	if !(lo <= hi) {
		return Wrong, math.NaN(), "no interval"
	}
	i := len(prefix)
	first, second := t.set.Extreme(prefix, 1, l), exact.Answer{}
	if first.Status == exact.Optimal {
		second = t.set.Extreme(prefix, -1, l)
	}
	slop := agree * t.Size[i]
	switch {
	case first.Status == exact.Infeasible || second.Status == exact.Infeasible: // one of them alone: by less than 1e-20
		most := 10 * tolerance
		for share := moved; share < most; share *= 10 {
			m := *l
			m.Relax = share
			a := t.set.Extreme(prefix, 1, &m)
			if a.Status != exact.Optimal {
				continue
			}
			most = min(most, max(100*share, 10*agree))
			b := t.set.Extreme(prefix, -1, &m)
			if lo >= a.Value-slop && hi <= b.Value+slop {
				return Void, 0, ""
			}
			why = fmt.Sprintf("exact on limits relaxed by %.2g: [%v, %v]", share, a.Value, b.Value)
		}
		return Wrong, math.NaN(), "nothing has this prefix; " + why
	case first.Status != exact.Optimal || second.Status != exact.Optimal:
		return Wrong, math.NaN(), "the exact interval has no endpoint"
	}
	why = fmt.Sprintf("exact: [%v, %v]", first.Value, second.Value)
	for _, end := range []struct {
		sign         int
		claim, exact float64
		sensitivity  float64
	}{{1, lo, first.Value, first.Sensitivity * t.part()}, {-1, hi, second.Value, second.Sensitivity * t.part()}} {
		d := math.Abs(end.claim-end.exact) / t.Size[i]
		if end.sensitivity*moved > agree {
			v = max(v, Ill)
		}
		if d <= agree {
			if end.sensitivity*moved <= agree {
				off = max(off, d)
			}
			continue
		}
		s := float64(end.sign)
		at := func(relax float64) (float64, bool) {
			a := t.set.Extreme(prefix, end.sign, t.relaxed(l, relax))
			return a.Value, a.Status == exact.Optimal
		}
		out, _ := at(moved)
		in, ok := at(-moved)
		if !ok {
			in = end.exact + s*math.Inf(1)
		}
		moves := max(end.sensitivity*moved, math.Abs(out-end.exact)/t.Size[i], math.Abs(in-end.exact)/t.Size[i])
		if moves <= agree {
			return Wrong, d, why
		}
		out, _ = at(rightWithin)
		if in, ok = at(-rightWithin); !ok {
			in = end.exact + s*math.Inf(1)
		}
		in = end.exact + s*max(s*(in-end.exact), end.sensitivity*rightWithin*t.Size[i])
		out = end.exact - s*max(s*(end.exact-out), end.sensitivity*rightWithin*t.Size[i])
		if s*(end.claim-out) < -slop || s*(end.claim-in) > slop {
			return Wrong, d, why
		}
		v = Ill
	}
	return v, off, why
}

// Residual is the largest invariant residual of an action: the excess over every
// limit relative to its scale. Of a hull it is rounded up to a power of ten.
func (t *Truth) Residual(a []float64, lim *lp.Limits) float64 {
	t, l := t.under(lim)
	if len(t.d.Points) > 0 {
		for e := -16; e < 0; e++ {
			if r := math.Pow10(e); !t.set.Empty(a, t.relaxed(l, r)) {
				return r
			}
		}
		return 1
	}
	worst := 0.
	for k, row := range t.a {
		scale, sum := math.Abs(l.B[k]), 0.
		terms := 0.
		for j, c := range row {
			terms += math.Abs(c) * t.Size[j]
			sum += c * a[j]
		}
		r := (sum - l.B[k]) / max(scale, terms)
		if t.eq[k] {
			r = math.Abs(r)
		}
		worst = max(worst, r)
	}
	for j, v := range a {
		lo, hi := l.Lower[j], l.Upper[j]
		if !math.IsInf(lo, 0) {
			worst = max(worst, (lo-v)/max(math.Abs(lo), t.Size[j]))
		}
		if !math.IsInf(hi, 0) {
			worst = max(worst, (v-hi)/max(math.Abs(hi), t.Size[j]))
		}
	}
	return worst
}

// Feasible says of a prefix whether something has it: exactly, or on limits relaxed
// by the promised tolerance.
func (t *Truth) Feasible(prefix []float64, lim *lp.Limits) (exactly, almost bool) {
	t, l := t.under(lim)
	if !t.set.Empty(prefix, l) {
		return true, true
	}
	return false, !t.set.Empty(prefix, t.relaxed(l, agree))
}

// Refutes says what is wrong with what lp.New said of the description.
func (t *Truth) Refutes(err error) string {
	var empty *lp.EmptyError
	var unbounded *lp.UnboundedError
	l := t.limits
	switch {
	case errors.As(err, &empty):
		if t.Status != exact.Infeasible {
			return "called empty, but is not"
		}
		return t.refutesConflict(empty.Conflict)
	case errors.As(err, &unbounded):
		if t.Status != exact.Unbounded {
			return "called unbounded, but is not"
		}
	case err != nil:
		return ""
	case t.Status == exact.Unbounded:
		return "taken, but is unbounded"
	case t.Status == exact.Infeasible:
		// New takes what limits relaxed by a scaled 1e-14 make non-empty, in sizes that may be others.
		if l.Relax = 1e-12; t.set.Empty(nil, &l) {
			return "taken, but is empty by more than rounding"
		}
	}
	return ""
}

// refutesConflict says what is wrong with a set of constraints that is said to be
// empty, and irreducibly so.
func (t *Truth) refutesConflict(names []string) string {
	empty := func(names []string) bool {
		d := t.d
		if !slices.Contains(names, fmt.Sprintf("total = %s", format(d.Total))) {
			d.Total = math.NaN()
		}
		d.Rows = nil
		for _, r := range t.d.Rows {
			if slices.Contains(names, r.Name) {
				d.Rows = append(d.Rows, r)
			}
		}
		q := assemble(d)
		for j, e := range d.Entities {
			if l := &q.limits.Lower[j]; !slices.Contains(names, e+" >= "+format(*l)) {
				*l = math.Inf(-1)
			}
			if u := &q.limits.Upper[j]; !slices.Contains(names, e+" <= "+format(*u)) {
				*u = math.Inf(1)
			}
		}
		q.resize(slices.Clone(t.Size), 1)
		return q.set.Empty(nil, &q.limits)
	}
	if len(names) == 0 {
		return "called empty without a conflict"
	}
	if !empty(names) {
		return fmt.Sprintf("conflict %q is none", names)
	}
	for k := range names {
		if rest := slices.Concat(names[:k], names[k+1:]); empty(rest) {
			return fmt.Sprintf("conflict %q does not need %q", names, names[k])
		}
	}
	return ""
}

// format writes a number as names of constraints have it.
func format(v float64) string {
	if v == 0 {
		return "0"
	}
	return strconv.FormatFloat(v, 'g', -1, 64)
}
