package lp

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"

	"paspo/internal/rng"
)

// Share is the estimated share of a simple set that a polytope covers.
type Share struct {
	// Of names the set: the simplex of the budget, or the bounding box.
	Of string

	Proposals, Accepted int

	// Estimate is Accepted / Proposals and StdErr its standard error. Where
	// nothing was accepted, Below is the upper end of the share's 95 % interval,
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
	return fmt.Sprintf("%.4g +- %.2g of %s", s.Estimate, s.StdErr, s.Of)
}

// FeasibleShare estimates the share of the simplex {a >= 0, sum a = total} that
// is feasible from n uniform points of it. Where lower bounds are negative it is
// the simplex above them; without a budget, the bounding box of the polytope.
func FeasibleShare(p *Polytope, n int, stream *rng.Stream) (Share, error) {
	if n < 1 {
		return Share{}, fmt.Errorf("lp: the feasible share needs at least one point, not %d", n)
	}
	hull, err := newAffineHull(p)
	if err != nil {
		return Share{}, err
	}
	q := plainProposal(p, hull)
	s := Share{Of: q.name}
	if len(proposals(p, hull)) == 0 {
		s.Flat = true
		return s, nil
	}
	const shard = 1 << 14
	shards := (n + shard - 1) / shard
	accepted := make([]int, shards)
	c := newContains(p, nil)
	err = parallel(shards, runtime.GOMAXPROCS(0), func(i int) error {
		r := rand.New(stream.Split(uint64(i)))
		buf, walk := make([]float64, p.Dim()), c.walk()
		for range min(shard, n-i*shard) {
			q.draw(r, buf)
			if c.firstViolated(buf, walk) == satisfied {
				accepted[i]++
			}
		}
		return nil
	})
	s.Proposals = n
	for _, k := range accepted {
		s.Accepted += k
	}
	f := float64(s.Accepted) / float64(n)
	s.Estimate, s.StdErr = f, math.Sqrt(f*(1-f)/float64(n))
	if s.Accepted == 0 {
		s.Below = -math.Expm1(math.Log(0.05) / float64(n)) // (1 - share)^n = 0.05
	}
	return s, err
}
