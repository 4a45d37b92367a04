package uniform

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"paspo/internal/rng"
	"paspo/lp"
	"paspo/lp/internal/hull"
	"paspo/lp/internal/parallel"
)

// proposal is a simple set around a polytope that rejection draws from.
type proposal struct {
	name string
	// order lists the inequalities that rejected most in the pilot first.
	order []int

	// A simplex {a >= origin, sum w a = total} has sign 1; {a <= origin, sum w a =
	// total} has sign -1, where w are the units of amounts, so that the sum is one of
	// amounts as stated; side is |total - sum w origin|. A box has sign 0.
	sign   float64
	origin []float64
	side   float64
	weight []float64 // w
	width  []float64 // of a box
}

const (
	// pilotProposals estimate the acceptance of a proposal.
	pilotProposals = 20_000
	// rejectionShard is the number of points that share a stream.
	rejectionShard = 512
	// maxProposalsPerPoint ends rejection that was asked for where it is hopeless.
	maxProposalsPerPoint = 100_000_000
)

// statedTotal returns the total of an equality that states the sum of all entities,
// in units of the largest, or of two inequalities that state it together.
func statedTotal(p *lp.Polytope) (total float64, ok bool) {
	n := p.Dim()
	w := weights(p)
	// of returns the total that a row holds the sum of all entities to, and false where the
	// row is of something else.
	of := func(row []float64, rhs float64) (total float64, ok bool) {
		for j, c := range row {
			if row[0] == 0 || c*w[0] != row[0]*w[j] {
				return 0, false
			}
		}
		return rhs / row[0] * w[0], true
	}
	e, rhs, _ := p.Equalities()
	for k, f := range rhs {
		if total, ok = of(e[k*n:(k+1)*n], f); ok {
			return total, true
		}
	}
	least, most := math.Inf(-1), math.Inf(1)
	a, rhs, _ := p.Inequalities()
	for k, b := range rhs {
		if len(p.Terms(k)) > 0 {
			continue
		}
		switch total, ok := of(a[k*n:(k+1)*n], b); {
		case ok && a[k*n] > 0:
			most = min(most, total)
		case ok:
			least = max(least, total)
		}
	}
	// In rows of different units both are rounded.
	stated := !math.IsInf(least, 0) && !math.IsInf(most, 0)
	return most, stated && math.Abs(most-least) <= 1e-15*math.Abs(most)
}

// weights returns the units of amounts against the largest.
func weights(p *lp.Polytope) []float64 {
	w := slices.Repeat([]float64{1}, p.Dim())
	if units, _, _ := p.Units(); units != nil {
		most := slices.Max(units)
		for j, d := range units {
			w[j] = d / most
		}
	}
	return w
}

// plainProposal returns the set that a user thinks of as everything: with a budget the
// simplex of shares that are not negative (of shares above their lower bounds where some
// bound is negative), else the bounding box.
func plainProposal(p *lp.Polytope, flat *affineHull) *proposal {
	total, ok := statedTotal(p)
	if !ok {
		return boxProposal(flat)
	}
	origin := make([]float64, p.Dim())
	lower, _ := p.Bounds()
	for j, l := range lower {
		if l < 0 {
			copy(origin, lower)
			// A lower endpoint that is not stated is the polytope's own.
			for i := range origin {
				if math.IsInf(origin[i], 0) {
					origin[i] = flat.lo[i]
				}
			}
			return simplexProposal("the simplex above the lower bounds", weights(p), origin, total, 1)
		}
		origin[j] = 0
	}
	return simplexProposal("the simplex", weights(p), origin, total, 1)
}

func boxProposal(flat *affineHull) *proposal {
	q := &proposal{name: "the bounding box", origin: flat.lo, width: make([]float64, len(flat.lo))}
	for j := range q.width {
		q.width[j] = flat.hi[j] - flat.lo[j]
	}
	return q
}

func simplexProposal(name string, w, origin []float64, total, sign float64) *proposal {
	side := total
	for j, o := range origin {
		side -= o * w[j]
	}
	return &proposal{name: name, sign: sign, origin: origin, weight: w, side: side * sign}
}

// proposals returns the sets that rejection may draw from, the plain one first.
// There is none where the polytope has no volume in them.
func proposals(p *lp.Polytope, flat *affineHull) []*proposal {
	n := p.Dim()
	total, ok := statedTotal(p)
	switch {
	case ok && flat.dim() == n-1:
		lower := simplexProposal("the simplex above the least shares", weights(p), flat.lo, total, 1)
		upper := simplexProposal("the simplex below the largest shares", weights(p), flat.hi, total, -1)
		if upper.side < lower.side {
			lower = upper
		}
		props := []*proposal{plainProposal(p, flat), lower}
		if !(props[0].side > 0) {
			props = props[1:]
		}
		return props
	case !ok && flat.dim() == n:
		return []*proposal{boxProposal(flat)}
	}
	return nil
}

// chooseProposal returns the first set whose acceptance is at least the given
// rate, nil if there is none. With a rate of 0 it returns the best.
func chooseProposal(p *lp.Polytope, props []*proposal, least float64, stream *rng.Stream) *proposal {
	var best *proposal
	most := -1
	c := newContains(p, nil)
	buf := make([]float64, p.Dim())
	walk := c.walk()
	_, b, _ := p.Inequalities()
	for k, q := range props {
		r := rand.New(stream.Split(uint64(k)))
		accepted := 0
		by := make([]int, len(b))
		for range pilotProposals {
			q.draw(r, buf)
			switch k := c.firstViolated(buf, walk); {
			case k == satisfied:
				accepted++
			case k >= 0:
				by[k]++
			}
		}
		q.order = make([]int, len(by))
		for k := range by {
			q.order[k] = k
		}
		slices.SortStableFunc(q.order, func(i, j int) int { return by[j] - by[i] })
		if least > 0 && float64(accepted) >= least*pilotProposals {
			return q
		}
		if accepted > most {
			best, most = q, accepted
		}
	}
	if least > 0 {
		return nil
	}
	return best
}

// draw writes a uniform point of the set. A simplex is Dirichlet(1): the shares
// of independent exponentials.
func (q *proposal) draw(r *rand.Rand, a []float64) {
	if q.sign == 0 {
		for j := range a {
			a[j] = q.origin[j] + q.width[j]*r.Float64()
		}
		return
	}
	sum := 0.
	for j := range a {
		a[j] = r.ExpFloat64()
		sum += a[j]
	}
	scale := q.sign * q.side / sum
	for j := range a {
		a[j] = q.origin[j] + scale*a[j]/q.weight[j]
	}
}

// sample fills points by rejection. Shards of fixed size have streams of their
// own, so the number of workers does not matter.
func (q *proposal) sample(p *lp.Polytope, points []float64, workers int, stream *rng.Stream) (Report, error) {
	dim := p.Dim()
	n := len(points) / dim
	shards := (n + rejectionShard - 1) / rejectionShard
	proposed := make([]int, shards)
	c := newContains(p, q.order)
	err := parallel.Do(shards, workers, func(i int) error {
		r := rand.New(stream.Split(uint64(i)))
		walk := c.walk()
		out := points[i*rejectionShard*dim : min((i+1)*rejectionShard*dim, len(points))]
		for tries := 0; len(out) > 0; {
			q.draw(r, out[:dim])
			proposed[i]++
			tries++
			if c.firstViolated(out[:dim], walk) == satisfied {
				out = out[dim:]
				tries = 0
			} else if tries == maxProposalsPerPoint {
				return fmt.Errorf("uniform: rejection from %s accepted none of %d proposals for %s: use hit-and-run", q.name, tries, p.Describe())
			}
		}
		return nil
	})
	report := Report{Method: Rejection, Proposal: q.name}
	for _, k := range proposed {
		report.Proposals += k
	}
	if report.Proposals > 0 {
		report.Acceptance = float64(n) / float64(report.Proposals)
	}
	return report, err
}

// contains tests whether a point satisfies all constraints, up to the rounding of the test.
type contains struct {
	rows, limit  []float64 // m x n, m
	lower, upper []float64
	hull         *hull.Body   // nil where the rows are the whole polytope
	terms        *lp.Polytope // nil where the rows have none
}

// newContains takes the inequalities in the given order, nil for their own.
func newContains(p *lp.Polytope, order []int) *contains {
	const rounding = 1e-13
	slack := func(v float64) float64 {
		if math.IsInf(v, 0) {
			return 0
		}
		return rounding * max(1, math.Abs(v))
	}
	n := p.Dim()
	a, b, _ := p.Inequalities()
	l, u := p.Bounds()
	c := &contains{lower: make([]float64, n), upper: make([]float64, n), hull: p.Hull()}
	if p.HasTerms() {
		c.terms = p
	}
	for k := range b {
		if order != nil {
			k = order[k]
		}
		c.rows = append(c.rows, a[k*n:(k+1)*n]...)
		c.limit = append(c.limit, b[k]+slack(b[k]))
	}
	for j := range n {
		c.lower[j], c.upper[j] = l[j]-slack(l[j]), u[j]+slack(u[j])
	}
	return c
}

// termRounding is the scaled residual up to which a point is in a polytope with terms.
const termRounding = 1e-13

// Answers of firstViolated other than an inequality.
const (
	satisfied  = -1
	outOfBox   = -2
	outOfHull  = -3
	outOfTerms = -4
)

// walk returns the walk that one goroutine passes to firstViolated, nil where there is no hull.
func (c *contains) walk() *hull.Walk {
	if c.hull == nil {
		return nil
	}
	return c.hull.Walk()
}

// firstViolated returns the index of the first inequality that a violates.
func (c *contains) firstViolated(a []float64, walk *hull.Walk) int {
	for j, x := range a {
		if x < c.lower[j] || x > c.upper[j] {
			return outOfBox
		}
	}
	n := len(a)
	for k, limit := range c.limit {
		row := c.rows[k*n : k*n+n]
		sum := 0.
		for j, x := range a {
			sum += row[j] * x
		}
		if sum > limit {
			return k
		}
	}
	if c.terms != nil && c.terms.Residual(a, nil) > termRounding {
		return outOfTerms
	}
	if walk != nil && !walk.Inside(a) {
		return outOfHull
	}
	return satisfied
}
