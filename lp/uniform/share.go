package uniform

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"

	"paspo/internal/rng"
	"paspo/lp"
	"paspo/lp/internal/parallel"
	"paspo/lp/internal/vec"
)

// Share is the estimated share of a simple set that a polytope covers.
type Share struct {
	// Of names the set: the simplex of the budget, or the bounding box.
	Of string

	Proposals, Accepted int

	// Estimate is Accepted / Proposals and StdErr its standard error. Where
	// nothing was accepted, Below is the upper endpoint of the share's 95 % interval,
	// else 0.
	Estimate, StdErr, Below float64

	// Flat says that equalities, stated or implied, leave the polytope no volume
	// in the set: the share is exactly 0.
	Flat bool
}

func (s Share) String() string {
	switch {
	case s.Flat:
		return fmt.Sprintf("0 of %s: equalities leave it no volume there", s.Of)
	case s.Accepted == 0:
		return fmt.Sprintf("below %.2g of %s (none of %d points)", s.Below, s.Of, s.Proposals)
	}
	return fmt.Sprintf("%.4g +- %.2g of %s (%d points)", s.Estimate, s.StdErr, s.Of, s.Proposals)
}

// FeasibleShare estimates the share of the simplex {a >= 0, sum a = total} that
// is feasible from uniform points of it, until ctx ends. Where lower bounds are negative
// it is the simplex above them; without a budget, the bounding box of the polytope. There are
// n points, or 2^18, 2^19, .. of them where that many tell enough (see precise).
func FeasibleShare(ctx context.Context, p *lp.Polytope, n int, source rand.Source) (Share, error) {
	if n < 1 {
		return Share{}, fmt.Errorf("uniform: the feasible share needs at least one point, not %d", n)
	}
	p, stream := p.Canonical(), rng.From(source)
	q, flat, err := everything(ctx, p)
	if err != nil {
		return Share{}, err
	}
	s := Share{Of: q.name}
	if flat {
		s.Flat = true
		return s, nil
	}
	const shard, look, first = 1 << 14, 64, 16
	done := lp.Stage(ctx, "feasible share", n)
	shards := (n + shard - 1) / shard
	accepted := make([]int, shards)
	c := newContains(p, nil)
	draw := func(i int) error {
		r := rand.New(stream.Split(uint64(i)))
		buf, walk := make([]float64, p.Dim()), c.walk()
		count := min(shard, n-i*shard)
		for x := range count {
			if x%look == 0 {
				if err := ctx.Err(); err != nil {
					return err
				}
				done(min(look, count-x))
			}
			q.draw(r, buf)
			if c.firstViolated(buf, walk) == satisfied {
				accepted[i]++
			}
		}
		return nil
	}
	for from, to := 0, min(first, shards); ; from, to = to, min(2*to, shards) {
		if err := parallel.Do(to-from, runtime.GOMAXPROCS(0), func(i int) error { return draw(from + i) }); err != nil {
			return s, err
		}
		s.Proposals = min(n, to*shard)
		for _, k := range accepted[from:to] {
			s.Accepted += k
		}
		f := float64(s.Accepted) / float64(s.Proposals)
		s.Estimate, s.StdErr = f, math.Sqrt(f*(1-f)/float64(s.Proposals))
		if s.Accepted == 0 {
			s.Below = -math.Expm1(math.Log(0.05) / float64(s.Proposals)) // (1 - share)^n = 0.05
		}
		if to == shards || s.precise() {
			return s, nil
		}
	}
}

// precise says whether more points would tell little: the standard error is at most 2.5 % of the
// share, or the share is below 1e-4.
func (s Share) precise() bool {
	return s.Accepted > 0 && s.StdErr <= 0.025*s.Estimate || max(s.Below, s.Estimate+2*s.StdErr) <= 1e-4
}

// everything returns the set that the share is one of, and whether equalities leave the
// polytope no volume in it.
func everything(ctx context.Context, p *lp.Polytope) (q *proposal, flat bool, err error) {
	if p.Points() == nil {
		lo, hi, err := lp.BoundingBoxContext(ctx, p)
		if err != nil {
			return nil, false, err
		}
		q = plainProposal(p, &affineHull{n: p.Dim(), lo: lo, hi: hi})
		_, budget := statedTotal(p)
		rank := 0
		if budget {
			rank = 1
		}
		e, _, _ := p.Equalities()
		if _, basis := vec.RowSpace(e, p.Dim()); len(basis) > rank {
			return q, true, nil
		}
		fills, err := fillsEqualities(ctx, p)
		// The affine hull of many entities takes hours, and a share of points that are
		// accepted is true of a polytope without volume, too.
		const most = 1000
		if err != nil || fills || p.Dim() > most {
			return q, false, err
		}
	}
	hull, err := newAffineHull(p)
	if err != nil {
		return nil, false, err
	}
	return plainProposal(p, hull), len(proposals(p, hull)) == 0, nil
}
