package interval

import (
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"testing"

	"paspo/internal/exact"
	"paspo/internal/long"
	"paspo/internal/rng"
	"paspo/lp"
	"paspo/lp/internal/vec"
)

// thinPoints draws points of which some are 1e-12 to 1e-6 apart, equal, or on a line.
func thinPoints(r *rand.Rand) [][]float64 {
	n := 2 + r.IntN(5)
	var points [][]float64
	for range 2 + r.IntN(5) {
		v := make([]float64, n)
		for j := range v {
			v[j] = math.Round(1e8*r.Float64()) / 1e8
		}
		points = append(points, v)
	}
	for range 1 + r.IntN(3) {
		from, to := points[r.IntN(len(points))], points[r.IntN(len(points))]
		v, eps, t := make([]float64, n), math.Pow(10, -12+6*r.Float64()), r.Float64()
		kind := r.IntN(4)
		for j := range v {
			v[j] = from[j]
			switch {
			case kind == 1: // on a line, up to rounding
				v[j] += t * (to[j] - from[j])
			case kind > 1 && r.IntN(2) == 0:
				v[j] = max(0, v[j]+eps*r.NormFloat64())
			}
		}
		points = append(points, v)
	}
	return points
}

// hullInterval returns the interval of the points given a prefix, which may be relaxed by so much.
func hullInterval(points [][]float64, prefix []float64, sens float64) (lo, hi float64, ok bool) {
	q := &exact.Problem{Lower: make([]*big.Rat, len(points)), Upper: make([]*big.Rat, len(points))}
	add := func(c func(v []float64) float64, rhs, sens float64) {
		for _, sign := range []float64{1, -1} {
			var row []*big.Rat
			for _, v := range points {
				row = append(row, vec.Rational(sign*c(v)))
			}
			q.A, q.B = append(q.A, row), append(q.B, new(big.Rat).Add(vec.Rational(sign*rhs), vec.Rational(sens)))
			q.Eq = append(q.Eq, false)
		}
	}
	add(func([]float64) float64 { return 1 }, 1, 0)
	for j, a := range prefix {
		add(func(v []float64) float64 { return v[j] }, a, sens)
	}
	for v, x := range points {
		q.Lower[v] = new(big.Rat)
		q.C = append(q.C, vec.Rational(x[len(prefix)]))
	}
	s, status := exact.Minimize(q)
	if status != exact.Optimal {
		return 0, 0, false
	}
	lo = vec.Float(s.Value)
	for _, c := range q.C {
		c.Neg(c)
	}
	s, _ = exact.Minimize(q)
	return lo, -vec.Float(s.Value), true
}

// Hulls of points that nearly coincide are taken. Their intervals are those of the
// points, and never beyond them.
func TestThinHulls(t *testing.T) {
	long.Test(t)
	given := [][]float64{{1, 0}, {0.14833684, 0.256316157}, {0.14833684, 0.256316159}}
	r := rand.New(rng.New(1, "thin hulls"))
	queries, void, ill := 0, 0, 0
	for x := range thinHulls {
		points := given
		if x > 0 {
			points = thinPoints(r)
		}
		n := len(points[0])
		d := lp.Description{Total: math.NaN(), Points: points}
		for j := range n {
			d.Entities = append(d.Entities, fmt.Sprintf("E%d", j+1))
		}
		p, err := lp.New(d)
		if err != nil {
			t.Errorf("%d: %v: %v", x, points, err)
			continue
		}
		for _, v := range points {
			if res := p.Residual(v, nil); !(res <= 1e-9) {
				t.Errorf("%d: a point has a residual of %g", x, res)
			}
		}
		low, high, _ := lp.BoundingBox(p)
		for _, method := range solverMethods {
			s, err := New(p, Config{Method: method, Workers: 1})
			if err != nil {
				t.Errorf("%d: %s: %v: %v", x, method, points, err)
				continue
			}
			c := s.Chain(1)
			lo, hi := make([]float64, 1), make([]float64, 1)
			c.Begin(1, nil)
			prefix := make([]float64, 0, n)
			for i := range n {
				if err := c.Next(lo, hi); err != nil {
					t.Errorf("%d: %s: %v after %v: %v", x, method, points, prefix, err)
					break
				}
				queries++
				if tol := 1e-14; lo[0] < low[i]-tol || hi[0] > high[i]+tol {
					t.Errorf("%d: %s says [%v, %v] of [%v, %v]", x, method, lo[0], hi[0], low[i], high[i])
				}
				right := false
				l, h, ok := hullInterval(points, prefix, 0)
				if ok {
					right = math.Abs(lo[0]-l) <= 1e-9 && math.Abs(hi[0]-h) <= 1e-9
				} else {
					void++
				}
				for _, sens := range []float64{1e-15, 3e-11, 1e-6} {
					if right || ok && sens > 1e-15 {
						break
					}
					l, h, some := hullInterval(points, prefix, sens)
					right = some && lo[0] >= l-1e-9 && hi[0] <= h+1e-9
					if ok && right {
						ill++
					}
				}
				if !right {
					t.Errorf("%d: %s: %v: [%v, %v] after %v, want [%v, %v] (%v)", x, method, points, lo[0], hi[0], prefix, l, h, ok)
				}
				a := lo[0] + (hi[0]-lo[0])*[]float64{0, 1, r.Float64(), r.Float64()}[r.IntN(4)]
				prefix = append(prefix, min(max(a, lo[0]), hi[0]))
				c.Fix(prefix[i:])
			}
			s.Close()
			if len(prefix) == n {
				if res := p.Residual(prefix, nil); !(res <= 1e-9) {
					t.Errorf("%d: %s: %v ends in %v with a residual of %g", x, method, points, prefix, res)
				}
			}
		}
	}
	t.Logf("%d intervals, %d of prefixes that nothing has, %d ill-conditioned", queries, void, ill)
}

const thinHulls = 100

// Facets that are nearly parallel, whose rounding moves where they cross, let no
// interval end beyond the points.
func TestHullEndsAtItsPoints(t *testing.T) {
	p, err := lp.New(lp.Description{Total: math.NaN(), Entities: []string{"A", "B"}, Points: [][]float64{
		{7335.169002070136, 5446.176368624333}, {7572.681062013571, 18661.041887487092},
		{7572.675847489165, 18661.04398621053}, {7572.682257234999, 18661.051727910595},
		{7572.682263768575, 18661.06171060938}, {7572.689508129535, 18661.061584728253},
		{7572.686284406264, 18661.057132612426}, {7572.698454178551, 18661.065500504847},
	}})
	if err != nil {
		t.Fatal(err)
	}
	for _, method := range solverMethods {
		s, err := New(p, Config{Method: method, Workers: 1})
		if err != nil {
			t.Fatal(err)
		}
		c := s.Chain(1)
		lo, hi := make([]float64, 1), make([]float64, 1)
		c.Begin(1, nil)
		if err := c.Next(lo, hi); err != nil || lo[0] != 7335.169002070136 || hi[0] != 7572.698454178551 {
			t.Errorf("%s says [%v, %v], error %v", method, lo[0], hi[0], err)
		}
		s.Close()
	}
}
