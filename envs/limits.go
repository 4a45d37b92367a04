package envs

import (
	"fmt"

	"paspo/lp"
)

// Relaxer is implemented by environments that relax limits which leave nothing.
type Relaxer interface {
	Limiter

	// Relaxation returns by how much the limits of the present state are relaxed, 0
	// where they are as stated.
	Relaxation() float64
}

// ObservedLimits is implemented by problems whose limits follow from the
// observation alone. Whoever has the observation then has the limits: a baseline,
// or a trained policy that is deployed.
type ObservedLimits interface {
	// ObsLimiter returns a function that sets the limits of the state with the
	// given observation, nil where limits do not follow the state. The slices it
	// sets are read until its next call.
	ObsLimiter() ObsLimiter
}

// ObsLimiter sets limits from an observation. It is called by one goroutine at
// a time.
type ObsLimiter func(obs []float64, lim *lp.Limits)

// RowLimits computes the limits of observations that come in rows.
type RowLimits struct {
	p      *lp.Polytope
	more   func() ObsLimiter
	each   []ObsLimiter
	limits []lp.Limits
	obs    []float64 // of one row, the limiter's own
}

// NewRowLimits returns nil where the limits of p do not follow from observations.
func NewRowLimits(p Problem) *RowLimits {
	o, ok := p.(ObservedLimits)
	if !ok || o.ObsLimiter() == nil {
		return nil
	}
	return &RowLimits{p: p.Spec().Polytope, more: o.ObsLimiter}
}

// Of returns the limits of every row of obs, valid until the next call; nil of a
// nil r. An error names the row whose limits are none (see lp.Polytope.CheckLimits),
// or where the problem's function panicked.
func (r *RowLimits) Of(obs []float64, rows int) ([]lp.Limits, error) {
	if r == nil {
		return nil, nil
	}
	dim := len(obs) / max(rows, 1)
	for i := range rows {
		err, _ := guarded(func() {
			if len(r.each) == i {
				r.each, r.limits = append(r.each, r.more()), append(r.limits, lp.Limits{})
			}
			r.limits[i] = lp.Limits{}
			r.obs = append(r.obs[:0], rowOf(obs, i, dim)...)
			r.each[i](r.obs[:dim:dim], &r.limits[i])
		})
		if err == nil {
			err = r.p.CheckLimits(&r.limits[i])
		}
		if err != nil {
			return nil, fmt.Errorf("limits of the observation in row %d: %w", i, err)
		}
	}
	return r.limits[:rows], nil
}

// following holds bounds that follow the state of one copy of an environment.
// They are computed when they are asked for.
type following struct {
	w       *program
	want    func(lo, hi []float64) // sets the bounds as stated, infinite where there is none
	lo, hi  []float64              // as stated
	l, u    []float64              // relaxed, within the bounds of the polytope
	amount  float64
	current bool
	last    []float64 // the action that led here, nil at the start
	action  []float64
}

func (w *relaxation) follow(want func(lo, hi []float64)) *following {
	n := w.p.Dim()
	return &following{
		w: w.new(), want: want,
		lo: make([]float64, n), hi: make([]float64, n), l: make([]float64, n), u: make([]float64, n),
		action: make([]float64, n),
	}
}

// moved says that the state has changed, by an action or, where it is nil, by
// the start of an episode.
func (f *following) moved(action []float64) {
	f.current = false
	if f.last = nil; action != nil {
		copy(f.action, action)
		f.last = f.action
	}
}

// set takes a known relaxation.
func (f *following) set(amount float64) {
	f.want(f.lo, f.hi)
	f.amount, f.current = amount, true
	l, u := f.w.p.Bounds()
	for j := range f.l {
		f.l[j], f.u[j] = max(l[j], f.lo[j]-amount), min(u[j], f.hi[j]+amount)
	}
}

func (f *following) limits(lim *lp.Limits) {
	f.update()
	lim.Lower, lim.Upper = f.l, f.u
}

func (f *following) relaxation() float64 {
	f.update()
	return f.amount
}

func (f *following) update() {
	if f.current {
		return
	}
	f.want(f.lo, f.hi)
	f.set(f.w.least(f.lo, f.hi, f.last))
}

// save writes the relaxation into a snapshot, nothing where f is nil.
func (f *following) save(w *writer) {
	if f != nil {
		w.float(f.relaxation())
	}
}

// load reads what save wrote.
func (f *following) load(r *reader) float64 {
	if f == nil {
		return 0
	}
	x := r.float()
	if r.err == nil && !(x >= 0 && finite(x)) {
		r.err = fmt.Errorf("envs: snapshot: the relaxation of limits is %g", x)
	}
	return x
}
