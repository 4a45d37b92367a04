package optima

import (
	"context"
	"math"

	"paspo/lp/internal/tolerance"
	"paspo/lp/internal/vec"
)

// Stage is called where a stage of a long computation begins, with its name and the number of its
// parts. It returns a function to call with the number of parts done since.
type Stage func(name string, total int) func(parts int)

// Inside returns a point that keeps clear of every inequality and bound, the mean of some
// vertices. It is nil where there is none for certain.
func (s *Sweep) Inside(ctx context.Context, stage Stage) ([]float64, error) {
	sides := NewSides(s.p)
	inside := make([]bool, sides.Len())
	center, points, scale := make([]float64, len(s.x)), 0., 1.
	visit := func() {
		points++
		for j, x := range s.x {
			center[j] += (x - center[j]) / points
			scale = max(scale, math.Abs(x))
		}
		for k := range inside {
			inside[k] = inside[k] || sides.Slack(k, s.x) > tolerance.Flat*sides.Size(k)*scale
		}
	}
	visit()
	done := stage("a point inside", len(inside))
	c := make([]float64, len(s.x))
	for k := range inside {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		done(1)
		if inside[k] {
			continue
		}
		sides.inward(k, c)
		if _, ok := s.maximum(c, -1, 0); !ok {
			return nil, nil
		}
		if visit(); !inside[k] {
			return nil, nil
		}
	}
	for k := range inside {
		if !(sides.Slack(k, center) > tolerance.Flat*sides.Size(k)*scale) {
			return nil, nil
		}
	}
	return center, nil
}

// Pierced marks inequalities that are not redundant beside all others: for each there is a
// point that breaks it by more than its tolerance and satisfies everything else. Such points
// lie on rays from inside, between the first side that the ray meets and the second. Rays go
// along the normals of rows that are not marked yet, and each starts halfway to where the last
// one met a side. A round of them costs as much as a program or two.
func (s *Sweep) Pierced(ctx context.Context, tol []float64, stage Stage) (needed []bool, err error) {
	p, n := s.p, len(s.x)
	needed = make([]bool, len(p.B))
	from, err := s.Inside(ctx, stage)
	if from == nil {
		return needed, err
	}
	solve, basis := vec.RowSpace(p.E, n)
	sides := NewSides(p)
	slack, rate := make([]float64, sides.Len()), make([]float64, sides.Len())
	d := make([]float64, n)
	done := stage("rays to rows", len(needed))
	const few = 1. / 100 // of the rows that are left: other programs find them sooner
	for found, left := 1, 0; found > 0 && float64(found) > few*float64(left); {
		found, left = 0, 0
		for i := range slack {
			slack[i] = sides.Slack(i, from)
		}
		for k := range needed {
			if needed[k] {
				continue
			}
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			row, _ := p.Side(k)
			copy(d, row)
			vec.Orthogonalize(d, basis)
			at, first, second := -1, math.Inf(1), math.Inf(1)
			for i, v := range slack {
				rate[i], _ = sides.Rate(i, d)
				if rate[i] <= 0 {
					continue
				}
				if t := v / rate[i]; t < first {
					at, first, second = i, t, first
				} else {
					second = min(second, t)
				}
			}
			if at < 0 {
				continue
			}
			if at < len(needed) && !needed[at] {
				t := min(2*first, (first+second)/2)
				for j := range s.x {
					s.x[j] = from[j] + t*d[j]
				}
				solve(s.x, p.F)
				if s.breaks(at, tol[at]) {
					needed[at] = true
					found++
					done(1)
				}
			}
			if !needed[k] {
				left++
			}
			for j := range from {
				from[j] += first / 2 * d[j]
			}
			for i := range slack {
				slack[i] -= first / 2 * rate[i]
			}
		}
	}
	return needed, nil
}

// breaks reports whether the point breaks one inequality by more than a tolerance, and
// satisfies all else.
func (s *Sweep) breaks(k int, by float64) bool {
	for j, x := range s.x {
		if !(x >= s.p.L[j] && x <= s.p.U[j]) {
			return false
		}
	}
	row, b := s.p.Side(k)
	return vec.Dot(row, s.x) > b+by && s.valid(k, tolerance.Tight)
}
