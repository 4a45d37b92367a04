package optima

import (
	"context"
	"fmt"
	"math"
	"runtime"

	"paspo/lp/internal/parallel"
	"paspo/lp/internal/program"
	"paspo/lp/internal/vec"
)

// Refusals make the errors of limits that have no point.
type Refusals interface {
	// Hidden returns an error where the limits contradict one another by more than decimal
	// fractions do, though rounding hides it.
	Hidden() error

	// Of returns the error of a program over the form, or over it with other limits b of its
	// rows, that ended with err.
	Of(err error, b []float64) error
}

// Ranges returns the least and the largest value of every entity, and how far the larger
// magnitude moves, per unit of t, when all limits move by t times what their terms come to. An
// error names the entity.
func Ranges(ctx context.Context, p program.Form, entities []string, refusals Refusals, stage Stage) (lo, hi, moves []float64, err error) {
	n := len(p.L)
	lo, hi, moves = make([]float64, n), make([]float64, n), make([]float64, n)
	// The number of shards does not follow the machine: the last bits depend on it.
	shards := 1
	if n > boxShard {
		shards = 8
	}
	root := New(p)
	done := stage("ranges of the entities", n)
	err = parallel.Do(shards, runtime.GOMAXPROCS(0), func(i int) error {
		s := root
		if s != nil && shards > 1 {
			s = root.Clone()
		}
		for j := i * n / shards; j < (i+1)*n/shards; j++ {
			if err := ctx.Err(); err != nil {
				return err
			}
			var err error
			if lo[j], hi[j], moves[j], err = rangeOf(p, j, s, refusals); err != nil {
				return fmt.Errorf("lp: range of %s: %w", entities[j], err)
			}
			done(1)
		}
		return nil
	})
	if err != nil {
		return nil, nil, nil, err
	}
	return lo, hi, moves, nil
}

// boxShard is the number of entities up to which clones take longer than they save.
const boxShard = 64

// rangeOf returns the least and the largest value of an entity, and how far the larger
// magnitude moves with the limits. Where the sweep is nil or finds no proof, a linear program
// in rational arithmetic gives them. A point that satisfies all rows up to a tolerance would
// prove nothing where rows are nearly parallel: the closer to parallel they are, the farther
// from their crossing such a point may be.
func rangeOf(p program.Form, j int, s *Sweep, refusals Refusals) (lo, hi, moves float64, err error) {
	end := func(sign float64) (value, moves float64, err error) {
		if s != nil {
			if value, moves, ok := s.Endpoint(j, sign); ok {
				return value, moves, nil
			}
		}
		c := make([]float64, len(p.L))
		c[j] = -sign
		if value, moves, ok := leastExactly(p, c, p.B); ok {
			return -sign * value, moves, nil
		}
		if err := refusals.Hidden(); err != nil {
			return 0, 0, err
		}
		if _, value, err = p.Program(c).Optimum(); err != nil {
			err = refusals.Of(err, nil)
		}
		return -sign * value, almostMoves(p, c), err
	}
	var lowMoves float64
	if lo, lowMoves, err = end(-1); err != nil {
		return 0, 0, 0, err
	}
	if hi, moves, err = end(1); err != nil {
		return 0, 0, 0, err
	}
	lo = vec.Snap(lo, p.L[j], p.U[j])
	lo, hi = lo+0, vec.Snap(hi, p.L[j], p.U[j])+0 // not -0
	if -lo > hi {
		moves = lowMoves
	}
	return lo, max(lo, hi), moves, nil
}

// leastExactly returns the least c . a under the bounds and equalities of a form and
// limits b of its rows, found in rational arithmetic, and how far it moves, per unit of t, when
// all limits move by t times what their terms come to. ok is false where nothing satisfies them
// exactly.
func leastExactly(p program.Form, c, b []float64) (value, moves float64, ok bool) {
	r := program.Rational{A: p.A, B: b, E: p.E, F: p.F, L: p.L, U: p.U}
	v, ok := r.Minimize(c)
	if !ok {
		return 0, 0, false
	}
	return vec.Float(v), r.Moves, true
}

// almostMoves returns the moves of leastExactly where no point satisfies the limits exactly. It
// first relaxes all limits by a share of their scales, the least power of ten for which some point
// satisfies them.
func almostMoves(p program.Form, c []float64) float64 {
	for share := 1e-16; share <= 2*program.Decimals; share *= 10 {
		q := p.Program(c).Relaxed(share)
		r := program.Rational{A: q.A, B: q.B, L: q.L, U: q.U}
		if _, ok := r.Minimize(c); ok {
			return r.Moves
		}
	}
	return math.Inf(1)
}
