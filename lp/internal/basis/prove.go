package basis

import "math"

// Proves reports whether every basic variable is within its bounds by more than its margin.
// The basis is optimal then, and every other optimal basis has the same duals.
//
// Proof: let B be this basis, and B' one with feasible duals whose variables
// violate their bounds, and whose rows miss R, by at most Slack times their sizes.
// Move these bounds and R by as much. Then B' is optimal, and B still is, with all
// basic variables strictly within their bounds; so the dual has one solution.
func (p *Duals) Proves(q *Query) bool {
	if p.bare || p.never && q.Own {
		return false
	}
	r, own, ok := p.begun(q)
	if !ok {
		return false
	}
	if !own {
		for x, v := range p.head {
			s := p.basic(x, q, r, false)
			margin := p.margin[x] * q.Growth
			if !(s >= margin && s <= q.Up[v]-margin) {
				return false
			}
		}
		return true
	}
	// Most queries have own bounds. For these the loop over basic is written out, for speed.
	weight, head, n := p.weight, p.head, p.g.N
	base, margins := p.base[:len(head)], p.margin[:len(head)]
	for x, v := range head {
		s, w := base[x], weight[:len(r)]
		for k, f := range r {
			s += w[k] * f
		}
		if v >= n {
			s += q.R[v-n]
		}
		weight = weight[len(r):]
		if margin := margins[x] * q.Growth; !(s >= margin && s <= q.Up[v]-margin) {
			return false
		}
	}
	return true
}

// Violated returns how many basic variables are beyond their bounds for q. A search that
// starts from this basis takes about as many pivots.
func (p *Duals) Violated(q *Query) int {
	r, own, ok := p.begun(q)
	if !ok {
		return len(p.head) + 1
	}
	count := 0
	for x, v := range p.head {
		s := p.basic(x, q, r, own)
		if tol := q.Tol[v]; !(s >= -tol && s <= q.Up[v]+tol) {
			count++
		}
	}
	return count
}

// begun returns what basic computes variables from: the right-hand sides of the tight rows
// and whether base holds. ok is false where a nonbasic variable would be at an infinite bound.
func (p *Duals) begun(q *Query) (r []float64, own, ok bool) {
	own = len(p.upRows) == 0 && (q.Own || len(p.upCols) == 0)
	if !own {
		for _, j := range p.upCols {
			if math.IsInf(q.Up[j], 1) {
				return nil, own, false
			}
		}
		for _, k := range p.upRows {
			if math.IsInf(q.Up[p.g.N+p.tight[k]], 1) {
				return nil, own, false
			}
		}
	}
	return q.gather(p), own, true
}

// basic returns the value of basic variable x, of those in head.
func (p *Duals) basic(x int, q *Query, r []float64, own bool) float64 {
	s := p.base[x]
	if !own {
		s = p.dynamic(x, q)
	}
	for k, w := range p.weight[x*len(r):][:len(r)] {
		s += w * r[k]
	}
	if v := p.head[x]; v >= p.g.N {
		s += q.R[v-p.g.N]
	}
	return s
}

func (q *Query) gather(p *Duals) []float64 {
	if len(q.scratch) < len(p.tight) {
		q.scratch = make([]float64, p.g.M)
	}
	for k, row := range p.tight {
		q.scratch[k] = q.R[row]
	}
	return q.scratch[:len(p.tight)]
}

// dynamic returns what variables at the upper bounds of q contribute to basic variable x.
func (p *Duals) dynamic(x int, q *Query) float64 {
	s, u, t := 0., len(p.upCols), len(p.tight)
	for i, j := range p.upCols {
		s -= p.upper[x*u+i] * q.Up[j]
	}
	for _, k := range p.upRows {
		s -= p.weight[x*t+k] * q.Up[p.g.N+p.tight[k]]
	}
	return s
}
