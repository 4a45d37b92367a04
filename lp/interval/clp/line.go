package clp

import (
	"math"
	"math/big"

	"paspo/lp"
	"paspo/lp/internal/tolerance"
	"paspo/lp/internal/vec"
	"paspo/lp/interval/relay"
)

// line is the closed form of a suffix on which the equalities leave a segment
// or a point,
//
//	a_j = from_j . f + along_j s,
//
// where f is what the prefix leaves of the right-hand sides. It is found in
// rational arithmetic.
type line struct {
	from  [][]float64 // a suffix entity
	along []float64   // 1 or 0 for the first entity of the suffix

	// The same of the inequalities: A_k a = rowFrom_k . f + rowAlong_k s.
	rows     []int
	rowFrom  [][]float64
	rowAlong []float64
}

// newLine returns nil where the suffix from entity i on keeps more freedom.
func newLine(p *lp.Polytope, i int) *line {
	form := p.Form()
	n, k := p.Dim(), len(form.F)
	w := n - i
	if w > k+1 {
		return nil
	}
	// Gauss-Jordan on [E_R | I], from the last column, so that the first entity
	// stays free where it can.
	t := make([][]*big.Rat, k)
	for r := range t {
		t[r] = make([]*big.Rat, w+k)
		for c := range t[r] {
			t[r][c] = new(big.Rat)
			if c < w {
				t[r][c].SetFloat64(form.E[r*n+i+c])
			}
		}
		t[r][w+r].SetInt64(1)
	}
	pivot := make([]int, w) // row of the pivot of a column, -1 without
	rank := 0
	var v big.Rat
	for c := w - 1; c >= 0; c-- {
		pivot[c] = -1
		for r := rank; r < k; r++ {
			if t[r][c].Sign() == 0 {
				continue
			}
			t[r], t[rank] = t[rank], t[r]
			inv := new(big.Rat).Inv(t[rank][c])
			for _, x := range t[rank] {
				x.Mul(x, inv)
			}
			for o := range t {
				if o == rank || t[o][c].Sign() == 0 {
					continue
				}
				factor := new(big.Rat).Set(t[o][c])
				for q, x := range t[o] {
					x.Sub(x, v.Mul(factor, t[rank][q]))
				}
			}
			pivot[c] = rank
			rank++
			break
		}
	}
	if w-rank > 1 {
		return nil
	}
	free := -1
	for c, r := range pivot {
		if r < 0 {
			free = c
		}
	}
	from, along := make([][]*big.Rat, w), make([]*big.Rat, w)
	for c, r := range pivot {
		from[c], along[c] = make([]*big.Rat, k), new(big.Rat)
		for q := range from[c] {
			from[c][q] = new(big.Rat)
			if r >= 0 {
				from[c][q].Set(t[r][w+q])
			}
		}
		if free >= 0 {
			if r >= 0 {
				along[c].Neg(t[r][free])
			} else {
				along[c].SetInt64(1)
			}
		}
	}
	l := &line{}
	for c := range w {
		l.from = append(l.from, vec.Floats(from[c]))
		l.along = append(l.along, vec.Float(along[c]))
	}
	for r := range form.B {
		sumFrom, sumAlong := make([]*big.Rat, k), new(big.Rat)
		for q := range sumFrom {
			sumFrom[q] = new(big.Rat)
		}
		terms := 0.
		for c := range w {
			x := form.A[r*n+i+c]
			if x == 0 {
				continue
			}
			terms += math.Abs(x * vec.Float(along[c]))
			coef := new(big.Rat).SetFloat64(x)
			sumAlong.Add(sumAlong, v.Mul(coef, along[c]))
			for q := range sumFrom {
				sumFrom[q].Add(sumFrom[q], new(big.Rat).Mul(coef, from[c][q]))
			}
		}
		if math.Abs(vec.Float(sumAlong)) > tolerance.Noise*terms {
			l.rows = append(l.rows, r)
			l.rowFrom = append(l.rowFrom, vec.Floats(sumFrom))
			l.rowAlong = append(l.rowAlong, vec.Float(sumAlong))
		}
	}
	return l
}

// interval writes the endpoints and their witnesses, of which the prefix is set. r and
// f are the limits that the prefix leaves. The caller checks the witnesses. It returns
// by how much, at most, an endpoint moves when every limit is relaxed by its scale.
func (l *line) interval(q *relay.Query, r, f []float64, w *witnesses) (sens float64) {
	low, high := math.Inf(-1), math.Inf(1)
	lowSlack, highSlack := 0., 0. // how far an endpoint moves when its limit is relaxed by 1
	cut := func(coef, rhs, size float64) {
		s, g := rhs/coef, size/math.Abs(coef)
		// Of what is ill-conditioned, rounding decides whether it is the endpoint.
		slop := 0.
		if g > tolerance.Sensitivity {
			slop = 1e-15 * g
		}
		if coef > 0 && s-slop < high {
			sens = max(sens, g)
		}
		if coef < 0 && s+slop > low {
			sens = max(sens, g)
		}
		if coef > 0 && s < high {
			high, highSlack = s, 1/coef
		}
		if coef < 0 && s > low {
			low, lowSlack = s, -1/coef
		}
	}
	for x, k := range l.rows {
		v, size := vec.DotScale(l.rowFrom[x], f)
		cut(l.rowAlong[x], r[k]-v, max(1, math.Abs(q.B[k]))+size)
	}
	for c, along := range l.along {
		base, size := vec.DotScale(l.from[c], f)
		j := q.Entity + c
		if along != 0 {
			cut(along, q.U[j]-base, size)
			cut(-along, base-q.L[j], size)
		}
		sens = max(sens, size)
	}
	if math.IsInf(low, -1) && math.IsInf(high, 1) {
		low, high = 0, 0 // a point: nothing depends on s
	}
	if low > high {
		// Rounding: both limits are relaxed by the same amount.
		s := (highSlack*low + lowSlack*high) / (lowSlack + highSlack)
		low, high = s, s
	}
	for c := range l.along {
		j := q.Entity + c
		base := vec.Dot(l.from[c], f)
		w.atLow[j] = vec.Snap(base+l.along[c]*low, q.L[j], q.U[j])
		w.atUpper[j] = vec.Snap(base+l.along[c]*high, q.L[j], q.U[j])
	}
	w.lo, w.hi = w.atLow[q.Entity], w.atUpper[q.Entity]
	if w.lo > w.hi {
		w.lo, w.hi = w.hi, w.lo
		w.atLow, w.atUpper = w.atUpper, w.atLow
	}
	return sens
}
