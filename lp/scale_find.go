package lp

import (
	"context"
	"errors"
	"fmt"
	"math"

	"paspo/lp/internal/units"
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
	lo, hi := units.Implied(p.form)
	finite := true
	for j := range lo {
		finite = finite && !math.IsInf(lo[j], 0) && !math.IsInf(hi[j], 0)
	}
	s := units.Guess(p.form, lo, hi)
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
		_, _, err := c.program(make([]float64, p.Dim()), nil).Optimum()
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
		least, most, moves, err := c.ranges(context.Background())
		var empty *EmptyError
		if errors.As(err, &empty) {
			return empty
		}
		if err != nil {
			if !finite {
				return err
			}
			least, most, moves = units.Over(lo, d), units.Over(hi, d), make([]float64, len(d)) // not too small at least
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
				q.known.lo, q.known.hi = p.amounts(units.Times(least, d)), p.amounts(units.Times(most, d))
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
