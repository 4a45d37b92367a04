package relax

import "math"

// simplex minimises cost . x over bounds on x and on linear forms of it,
//
//	lo_j <= x_j <= hi_j,  lo_i <= row_i . x <= hi_i,
//
// for a few dozen rows and columns whose bounds change between solutions while
// the rest stays. It is the dual simplex method for bounded variables on a
// dense tableau (Vanderbei, Linear Programming, 5th edition, chapters 5 and 9):
// x and the forms are one set of variables, of which as many as there are forms
// are basic, y = D x with D (rows x cols) exchanged pivot by pivot. It starts
// where x is nonbasic, which is dual feasible for cost >= 0 on variables with a
// finite lower bound, and every solution starts from there, so that it depends
// on the bounds alone.
type simplex struct {
	rows, cols int
	lo, hi     []float64 // cols, then rows
	cost       []float64 // cols
	forms      []float64 // rows x cols

	d        []float64 // the tableau
	reduced  []float64 // reduced costs of the nonbasic variables
	nonbasic []int     // cols
	basic    []int     // rows
	at       []float64 // values of the nonbasic variables
	y        []float64 // values of the basic variables
	solved   []float64 // values of all variables
	pivots   int
}

func newSimplex(cols int) *simplex {
	return &simplex{cols: cols, lo: make([]float64, cols), hi: make([]float64, cols), cost: make([]float64, cols)}
}

// row adds a form and returns the index of its bounds.
func (s *simplex) row(coef []float64, lo, hi float64) int {
	s.forms = append(s.forms, coef...)
	s.lo, s.hi = append(s.lo, lo), append(s.hi, hi)
	s.rows++
	return s.cols + s.rows - 1
}

// clone returns a simplex with bounds and a tableau of its own.
func (s *simplex) clone() *simplex {
	c := *s
	c.lo, c.hi = append([]float64(nil), s.lo...), append([]float64(nil), s.hi...)
	c.d, c.reduced = make([]float64, len(s.forms)), make([]float64, s.cols)
	c.nonbasic, c.basic = make([]int, s.cols), make([]int, s.rows)
	c.at, c.y = make([]float64, s.cols), make([]float64, s.rows)
	c.solved = make([]float64, s.cols+s.rows)
	return &c
}

const (
	simplexFeasible = 1e-12 // of a variable outside of its bounds, of size 1
	simplexPivot    = 1e-9
)

// solve says whether it found the minimum, as far as rounding lets it know.
func (s *simplex) solve() bool {
	copy(s.d, s.forms)
	copy(s.reduced, s.cost)
	for j := range s.nonbasic {
		s.nonbasic[j] = j
		switch {
		case !math.IsInf(s.lo[j], 0):
			s.at[j] = s.lo[j]
		case !math.IsInf(s.hi[j], 0):
			s.at[j] = s.hi[j]
		default:
			s.at[j] = 0
		}
	}
	for i := range s.basic {
		s.basic[i] = s.cols + i
	}
	size := s.rows + s.cols
	for s.pivots = 0; s.pivots < 50*size; s.pivots++ {
		s.evaluate()
		// Largest infeasibility and largest pivot while that is quick; the smallest
		// indices of Bland's rule cannot cycle.
		bland := s.pivots > 5*size
		i, bound := s.leaving(bland)
		if i < 0 {
			return true
		}
		j := s.entering(i, bound > s.y[i], bland)
		if j < 0 {
			return false
		}
		s.exchange(i, j, bound)
	}
	return false
}

// evaluate computes the basic variables anew, so that rounding does not add up.
func (s *simplex) evaluate() {
	for i := range s.y {
		row := s.d[i*s.cols : (i+1)*s.cols]
		var sum float64
		for j, x := range s.at {
			sum += row[j] * x
		}
		s.y[i] = sum
	}
}

// leaving returns the row whose variable is to leave the basis and the bound
// that it violates, -1 where there is none.
func (s *simplex) leaving(bland bool) (row int, bound float64) {
	row = -1
	var worst float64
	for i, v := range s.basic {
		y, b := s.y[i], 0.
		switch {
		case y < s.lo[v]:
			b = s.lo[v]
		case y > s.hi[v]:
			b = s.hi[v]
		default:
			continue
		}
		by := math.Abs(y-b) / max(1, math.Abs(b))
		switch {
		case by <= simplexFeasible:
		case bland && (row < 0 || v < s.basic[row]), !bland && by > worst:
			row, bound, worst = i, b, by
		}
	}
	return row, bound
}

// entering returns the nonbasic variable that is to move the variable of row i
// up or down, -1 where none can: the one that keeps the reduced costs feasible.
func (s *simplex) entering(i int, up, bland bool) int {
	best, ratio := -1, math.Inf(1)
	row := s.d[i*s.cols : (i+1)*s.cols]
	for j, c := range row {
		v := s.nonbasic[j]
		if math.Abs(c) <= simplexPivot || s.lo[v] == s.hi[v] {
			continue
		}
		atLow, atHigh := s.at[j] == s.lo[v], s.at[j] == s.hi[v]
		if rises := (c > 0) == up; atLow && !rises || atHigh && rises {
			continue
		}
		r := math.Abs(s.reduced[j] / c)
		switch {
		case r < ratio-simplexFeasible:
		case r > ratio+simplexFeasible:
			continue
		case bland && v > s.nonbasic[best], !bland && math.Abs(c) <= math.Abs(row[best]):
			continue
		}
		best, ratio = j, min(r, ratio)
	}
	return best
}

// exchange makes the variable of row i nonbasic at the bound and that of column
// j basic.
func (s *simplex) exchange(i, j int, bound float64) {
	row := s.d[i*s.cols : (i+1)*s.cols]
	inv := 1 / row[j]
	for k := range row {
		row[k] *= -inv
	}
	row[j] = inv
	for l := range s.rows {
		if l != i {
			eliminate(s.d[l*s.cols:(l+1)*s.cols], row, j)
		}
	}
	eliminate(s.reduced, row, j)
	s.basic[i], s.nonbasic[j] = s.nonbasic[j], s.basic[i]
	s.at[j] = bound
}

func eliminate(other, row []float64, j int) {
	c := other[j]
	if c == 0 {
		return
	}
	other[j] = 0
	for k, x := range row {
		other[k] += c * x
	}
}

// values copies the first values of x.
func (s *simplex) values(x []float64) {
	for j, v := range s.nonbasic {
		s.solved[v] = s.at[j]
	}
	for i, v := range s.basic {
		s.solved[v] = s.y[i]
	}
	copy(x, s.solved)
}

// value returns the value of a variable after values.
func (s *simplex) value(v int) float64 { return s.solved[v] }
