package lp

import (
	"context"
	"errors"
	"fmt"
	"math"

	"paspo/lp/internal/optima"
)

// undetermined is the part of how far a size moves with the limits, below which it counts
// as 0: moving these by a relative 1e-15, which is what rounding of the data does, moves it
// by more than 1e-7 of itself (docs/method.md, section 6).
const undetermined = 1e-8

// scaleByRows finds the sizes of a polytope without points and sets its canonical
// form. Sizes take linear programs, which take sizes to be right: they begin with what
// limits imply, and go on until both agree. It is an error where the polytope is
// empty or has no bounds.
func (p *Polytope) scaleByRows() error {
	lo, hi := p.implied()
	finite := true
	for j := range lo {
		finite = finite && !math.IsInf(lo[j], 0) && !math.IsInf(hi[j], 0)
	}
	s := p.guess(lo, hi)
	const (
		tries   = 12
		close   = 1 << 10 // largest quotient of a unit and the one that the size found asks for
		small   = 1e-8    // smallest size, in units, that is taken as found: below, units shrink first
		nothing = 1e-30   // smallest unit, in what single limits imply: below, a size counts as 0
	)
	none := make([]bool, len(s))    // of size 0
	rest := make([]float64, len(s)) // sizes of those, which are rounding
	for try := 0; ; try++ {
		d := p.amountUnits(s)
		p.setSizes(s)
		c := p.in(d, p.form.Size)
		_, _, err := c.program(make([]float64, p.Dim()), c.form.B, c.form.F, c.form.L, c.form.U).Optimum()
		if err != nil {
			err = c.refusal(err, nil)
			var empty *EmptyError
			var open *UnboundedError
			if unbounded := c.checkBounded(); !errors.As(err, &empty) && errors.As(unbounded, &open) {
				return open // rows that are all but parallel meet very far away
			}
			return err
		}
		if !finite {
			if err := c.checkBounded(); err != nil {
				return err
			}
		}
		least, most, moves, err := c.findRanges(context.Background())
		var empty *EmptyError
		if errors.As(err, &empty) {
			return empty
		}
		if err != nil {
			if !finite {
				return err
			}
			least, most, moves = over(lo, d), over(hi, d), make([]float64, len(d)) // not too small at least
		}
		sizes := make([]float64, len(d))
		for j := range sizes {
			v := max(math.Abs(least[j]), math.Abs(most[j]))
			switch implied := max(math.Abs(lo[j]), math.Abs(hi[j])); {
			case v < undetermined*moves[j], d[j] < nothing*implied:
				none[j] = true
				rest[j] = v * d[j]
			case v < small && implied > 0:
				v = small // bounds may be far beyond all there is
			}
			if sizes[j] = v * d[j]; none[j] {
				sizes[j] = 0
			}
		}
		again := false
		for j, v := range p.amountUnits(sizes) {
			again = again || v > close*d[j] || d[j] > close*v
		}
		if !again || try == tries {
			p.finish(sizes)
			for j, v := range rest {
				if v > 0 && j < p.Dim()-p.auxiliary {
					p.warnings = append(p.warnings, fmt.Sprintf("the largest amount of %s, %.2g, hangs on rounding: limits that are off in their 16th digit move its 7th or an earlier one, so that %[1]s is held to 1e-9 of the largest entity, not of itself", p.entities[j], v))
				}
			}
			if err == nil {
				q := p.Canonical()
				q.known.lo, q.known.hi = p.amounts(times(least, d)), p.amounts(times(most, d))
			}
			return nil
		}
		s = sizes
	}
}

// finish sets sizes and the canonical form.
func (p *Polytope) finish(sizes []float64) {
	p.setSizes(sizes)
	if c := p.in(p.amountUnits(sizes), p.form.Size); c != p {
		p.canon = c
	}
	p.Canonical().known = &known{}
}

// implied returns bounds of the entities that follow from single rows and the bounds
// of others, infinite where none do.
func (p *Polytope) implied() (lo, hi []float64) {
	const rounds = 10
	b := optima.Propagate(p.Form(), rounds)
	return b.Low, b.High
}

// guess returns sizes to begin with: those of the bounds, and where these are
// infinite what some row compares the entity with.
func (p *Polytope) guess(lo, hi []float64) []float64 {
	n := p.Dim()
	s := make([]float64, n)
	known := make([]bool, n)
	left := 0
	for j := range s {
		if v := max(math.Abs(lo[j]), math.Abs(hi[j])); !math.IsInf(v, 0) {
			s[j], known[j] = v, true
		} else {
			left++
		}
	}
	for left > 0 {
		found := false
		compare := func(row []float64, b float64) {
			size := 0.
			if !math.IsInf(b, 0) {
				size = math.Abs(b)
			}
			for j, c := range row {
				if known[j] {
					size = max(size, math.Abs(c)*s[j])
				}
			}
			for j, c := range row {
				if c != 0 && !known[j] && size > 0 {
					s[j], found = max(s[j], size/math.Abs(c)), true
				}
			}
		}
		for k, v := range p.form.F {
			compare(p.form.E[k*n:(k+1)*n], v)
		}
		for k, v := range p.form.B {
			compare(p.form.A[k*n:(k+1)*n], v)
		}
		if !found {
			break
		}
		for j := range s {
			if !known[j] && s[j] > 0 {
				known[j] = true
				left--
			}
		}
	}
	for j := range s {
		s[j] = min(s[j], 1e100)
		if !known[j] {
			s[j] = 0
		}
	}
	return s
}
