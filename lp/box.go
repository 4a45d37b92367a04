package lp

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"

	"paspo/lp/internal/optima"
	"paspo/lp/internal/parallel"
	"paspo/lp/internal/vec"
)

// BoundingBox returns the least and the largest value of every entity. They are proved
// where something satisfies all limits exactly, else they are those of limits relaxed
// by rounding.
func BoundingBox(p *Polytope) (lo, hi []float64, err error) {
	return BoundingBoxContext(context.Background(), p)
}

// BoundingBoxContext is BoundingBox until ctx ends.
func BoundingBoxContext(ctx context.Context, p *Polytope) (lo, hi []float64, err error) {
	if p.points != nil {
		lo, hi = slices.Clone(p.points[0]), slices.Clone(p.points[0])
		for _, v := range p.points {
			for j, x := range v {
				lo[j], hi[j] = min(lo[j], x), max(hi[j], x)
			}
		}
		return lo, hi, nil
	}
	if p.terms != nil {
		n := p.Dim()
		if lo, hi, err = BoundingBoxContext(ctx, p.terms.lifted); err != nil {
			return nil, nil, err
		}
		return lo[:n:n], hi[:n:n], nil
	}
	if q := p.Canonical(); q != p {
		if lo, hi, err = BoundingBoxContext(ctx, q); err != nil {
			return nil, nil, err
		}
		return p.stated(lo), p.stated(hi), nil
	}
	c := p.known
	c.Lock()
	defer c.Unlock()
	if c.lo == nil {
		if c.lo, c.hi, _, err = p.findRanges(ctx); err != nil {
			return nil, nil, err
		}
	}
	return slices.Clone(c.lo), slices.Clone(c.hi), nil
}

// known keeps what takes many programs to find: the bounding box and the redundant rows.
type known struct {
	sync.Mutex
	lo, hi    []float64 // nil until they are found
	redundant *[]int    // likewise
}

// findRanges returns the bounding box, and how far the size of every entity moves, in
// units of a share, when all limits move by that share of what their terms come to.
func (p *Polytope) findRanges(ctx context.Context) (lo, hi, moves []float64, err error) {
	n := p.Dim()
	lo, hi, moves = make([]float64, n), make([]float64, n), make([]float64, n)
	// The number of shards does not follow the machine: the last bits depend on it.
	shards := 1
	if n > boxShard {
		shards = 8
	}
	root := optima.New(p.Form())
	done := Stage(ctx, "ranges of the entities", n)
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
			if lo[j], hi[j], moves[j], err = p.rangeOf(j, s); err != nil {
				return fmt.Errorf("lp: range of %s: %w", p.entities[j], err)
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
func (p *Polytope) rangeOf(j int, s *optima.Sweep) (lo, hi, moves float64, err error) {
	end := func(sign float64) (value, moves float64, err error) {
		if s != nil {
			if value, moves, ok := s.End(j, sign); ok {
				return value, moves, nil
			}
		}
		c := make([]float64, p.Dim())
		c[j] = -sign
		if value, moves, ok := p.leastExactly(c, p.form.B); ok {
			return -sign * value, moves, nil
		}
		if err := p.emptyExactly(); err != nil {
			return 0, 0, err
		}
		_, value, err = p.Minimize(c, nil)
		return -sign * value, p.almostMoves(c), err
	}
	var lowMoves float64
	if lo, lowMoves, err = end(-1); err != nil {
		return 0, 0, 0, err
	}
	if hi, moves, err = end(1); err != nil {
		return 0, 0, 0, err
	}
	lo = vec.Snap(lo, p.form.L[j], p.form.U[j])
	lo, hi = lo+0, vec.Snap(hi, p.form.L[j], p.form.U[j])+0 // not -0
	if -lo > hi {
		moves = lowMoves
	}
	return lo, max(lo, hi), moves, nil
}
