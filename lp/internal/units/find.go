package units

import (
	"math"

	"paspo/lp/internal/optima"
	"paspo/lp/internal/program"
)

// A size below undetermined times its derivative by the limits counts as 0: rounding of the
// data, a relative 1e-15, moves it by more than 1e-7 of itself (docs/method.md, section 6).
const undetermined = 1e-8

// Found are sizes of entities and what else the search for them found, in amounts as stated.
type Found struct {
	Sizes []float64
	Noise []float64 // the sizes of entities that count as 0, of the others 0

	Least, Most []float64 // the ranges of entities, nil where they were not found
}

// Find finds the sizes of entities of a polytope whose amounts add up to a total, NaN where
// there is none. Sizes follow from ranges, and ranges are accurate only in units of the right
// sizes: Find begins with what limits imply, and goes on until both agree.
//
// ranges returns the least and the largest value of every entity, in units amount for entities of
// the given sizes, and how far the larger magnitude moves with the limits: see optima.Ranges. They
// are nil where they are not found but the implied bounds, which are finite, count instead. Its
// error ends the search.
func Find(p program.Form, total float64, ranges func(amount, sizes []float64, finite bool) (least, most, moves []float64, err error)) (*Found, error) {
	lo, hi := implied(p)
	finite := true
	for j := range lo {
		finite = finite && !math.IsInf(lo[j], 0) && !math.IsInf(hi[j], 0)
	}
	s := guess(p, lo, hi)
	first := s
	const (
		tries   = 12
		close   = 1 << 10 // largest quotient of a unit and the one that the size found asks for
		small   = 1e-8    // smallest size, in units, that is taken as found: below, units shrink first
		nothing = 1e-30   // smallest unit, in what the search began with: below, a size counts as 0
	)
	none := make([]bool, len(s)) // of size 0
	found := &Found{Noise: make([]float64, len(s))}
	for try := 0; ; try++ {
		d := OfAmounts(s, total)
		least, most, moves, err := ranges(d, s, finite)
		if err != nil {
			return nil, err
		}
		proved := least != nil
		if !proved {
			least, most, moves = Over(lo, d), Over(hi, d), make([]float64, len(d)) // what single limits imply: too large, if anything
		}
		sizes := make([]float64, len(d))
		for j := range sizes {
			v := max(math.Abs(least[j]), math.Abs(most[j]))
			switch {
			case v < undetermined*moves[j], d[j] < nothing*first[j]:
				none[j] = true
				found.Noise[j] = v * d[j]
			case v < small && first[j] > 0:
				v = small // bounds may be far beyond all there is
			}
			if sizes[j] = v * d[j]; none[j] {
				sizes[j] = 0
			}
		}
		again := false
		for j, v := range OfAmounts(sizes, total) {
			again = again || v > close*d[j] || d[j] > close*v
		}
		if !again || try == tries {
			if found.Sizes = sizes; proved {
				found.Least, found.Most = Times(least, d), Times(most, d)
			}
			return found, nil
		}
		s = sizes
	}
}

// Guessed returns sizes that the limits imply, without a search.
func Guessed(p program.Form) []float64 {
	lo, hi := implied(p)
	return guess(p, lo, hi)
}

// implied returns bounds of the entities that follow from single rows and the bounds of
// others, infinite where none do.
func implied(p program.Form) (lo, hi []float64) {
	const rounds = 10
	b := optima.Propagate(p, rounds)
	return b.Low, b.High
}

// guess returns sizes to begin with: those of the bounds that are implied, and where these
// are infinite what some row compares the entity with.
func guess(p program.Form, lo, hi []float64) []float64 {
	n := len(lo)
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
		for k, v := range p.F {
			compare(p.E[k*n:(k+1)*n], v)
		}
		for k, v := range p.B {
			compare(p.A[k*n:(k+1)*n], v)
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
