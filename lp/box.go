package lp

import (
	"context"
	"slices"
	"sync"

	"paspo/lp/internal/optima"
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
		if c.lo, c.hi, _, err = p.ranges(ctx); err != nil {
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

// ranges returns the bounding box, and how far sizes move: see optima.Ranges.
func (p *Polytope) ranges(ctx context.Context) (lo, hi, moves []float64, err error) {
	return optima.Ranges(ctx, p.form, p.entities, refusals{p}, stages(ctx))
}

// refusals are those of a polytope's own limits.
type refusals struct{ p *Polytope }

func (r refusals) Hidden() error { return r.p.emptyExactly() }

func (r refusals) Of(err error, b []float64) error {
	if b == nil {
		return r.p.refusal(err, nil)
	}
	return r.p.refusal(err, &Limits{B: b})
}
