package bounds

import (
	"fmt"

	"paspo/envs"
	"paspo/envs/internal/snapshot"
	"paspo/internal/finite"
	"paspo/lp"
	"paspo/lp/relax"
)

// Bounds holds bounds that follow the state of one copy of an environment, one an entity.
// They are computed when they are asked for.
type Bounds struct {
	t       *Template
	w       *relax.Program
	want    func(lo, hi []float64) // sets the bounds as stated, infinite where there is none
	lo, hi  []float64              // as stated
	l, u    []float64              // relaxed, within the bounds of the polytope
	amount  float64                // by which they are relaxed
	at      []float64              // an allocation within the relaxed bounds, nil where they were restored
	current bool                   // all of these are those of the present state
	last    []float64              // the action that led here, nil at the start
	action  []float64
}

// Template is what the bounds of all copies of an environment share.
type Template struct {
	p     *lp.Polytope
	known []float64 // a point of p
	relax *relax.Template
}

// New returns the template of bounds within p. Lower and upper say of which entities the lower and
// the upper bound may be finite.
func New(p *lp.Polytope, lower, upper func(j int) bool) (*Template, error) {
	if err := p.RefuseTerms("envs: bounds that follow the state and are relaxed"); err != nil {
		return nil, err
	}
	known, err := envs.EqualWeights(p)
	if err != nil {
		return nil, err
	}
	return &Template{p: p, known: known, relax: relax.New(p, known, lower, upper)}, nil
}

// Follow returns bounds of one copy. want sets the bounds as stated for its present state.
func (t *Template) Follow(want func(lo, hi []float64)) *Bounds {
	n := t.p.Dim()
	return &Bounds{
		t: t, w: t.relax.Program(), want: want,
		lo: make([]float64, n), hi: make([]float64, n), l: make([]float64, n), u: make([]float64, n),
		action: make([]float64, n),
	}
}

// Moved says that the state has changed: by an action or, where that is nil, by the start of an
// episode.
func (f *Bounds) Moved(action []float64) {
	f.current = false
	if f.last = nil; action != nil {
		copy(f.action, action)
		f.last = f.action
	}
}

// Set relaxes the bounds of the present state by an amount that is known.
func (f *Bounds) Set(amount float64) {
	f.want(f.lo, f.hi)
	f.amount, f.at, f.current = amount, nil, true
	l, u := f.t.p.Bounds()
	for j := range f.l {
		f.l[j], f.u[j] = max(l[j], f.lo[j]-amount), min(u[j], f.hi[j]+amount)
	}
}

// Limits implements envs.Limiter.
func (f *Bounds) Limits(lim *lp.Limits) {
	f.update()
	lim.Lower, lim.Upper = f.l, f.u
}

// Relaxation implements envs.Relaxer.
func (f *Bounds) Relaxation() float64 {
	f.update()
	return f.amount
}

func (f *Bounds) update() {
	if f.current {
		return
	}
	f.want(f.lo, f.hi)
	amount, at := f.w.Least(f.lo, f.hi, f.last)
	f.Set(amount)
	f.at = at
}

// Save writes the relaxation into a snapshot, nothing where f is nil.
func (f *Bounds) Save(w *snapshot.Writer) {
	if f != nil {
		w.Float(f.Relaxation())
	}
}

// Load reads what Save wrote.
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
