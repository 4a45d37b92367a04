package relax

import (
	"fmt"

	"paspo/envs/internal/snapshot"
	"paspo/internal/finite"
	"paspo/lp"
)

// Bounds holds bounds that follow the state of one copy of an environment.
// They are computed when they are asked for.
type Bounds struct {
	w       *program
	want    func(lo, hi []float64) // sets the bounds as stated, infinite where there is none
	lo, hi  []float64              // as stated
	l, u    []float64              // relaxed, within the bounds of the polytope
	amount  float64
	current bool
	last    []float64 // the action that led here, nil at the start
	action  []float64
}

func (w *Template) Follow(want func(lo, hi []float64)) *Bounds {
	n := w.p.Dim()
	return &Bounds{
		w: w.new(), want: want,
		lo: make([]float64, n), hi: make([]float64, n), l: make([]float64, n), u: make([]float64, n),
		action: make([]float64, n),
	}
}

// moved says that the state has changed, by an action or, where it is nil, by
// the start of an episode.
func (f *Bounds) Moved(action []float64) {
	f.current = false
	if f.last = nil; action != nil {
		copy(f.action, action)
		f.last = f.action
	}
}

// set takes a known relaxation.
func (f *Bounds) Set(amount float64) {
	f.want(f.lo, f.hi)
	f.amount, f.current = amount, true
	l, u := f.w.p.Bounds()
	for j := range f.l {
		f.l[j], f.u[j] = max(l[j], f.lo[j]-amount), min(u[j], f.hi[j]+amount)
	}
}

func (f *Bounds) Limits(lim *lp.Limits) {
	f.update()
	lim.Lower, lim.Upper = f.l, f.u
}

func (f *Bounds) Relaxation() float64 {
	f.update()
	return f.amount
}

func (f *Bounds) update() {
	if f.current {
		return
	}
	f.want(f.lo, f.hi)
	f.Set(f.w.least(f.lo, f.hi, f.last))
}

// save writes the relaxation into a snapshot, nothing where f is nil.
func (f *Bounds) Save(w *snapshot.Writer) {
	if f != nil {
		w.Float(f.Relaxation())
	}
}

// load reads what save wrote.
func (f *Bounds) Load(r *snapshot.Reader) float64 {
	if f == nil {
		return 0
	}
	x := r.Float()
	if r.Err == nil && !(x >= 0 && finite.Is(x)) {
		r.Err = fmt.Errorf("envs: snapshot: the relaxation of limits is %g", x)
	}
	return x
}
