package exact

import (
	"math/big"
	"slices"
)

// Problem is the linear program
//
//	min c . x   s.t.   A_k x <= b_k, or = b_k where Eq[k],   l <= x <= u.
//
// Elements of Lower and Upper are nil where x has no such bound.
type Problem struct {
	C            []*big.Rat
	A            [][]*big.Rat
	B            []*big.Rat
	Eq           []bool
	Lower, Upper []*big.Rat

	// Effort, where not 0, is the number of steps, each about a product of two words,
	// after which Minimize ends without an answer.
	Effort int
}

// Status says how a solve ended.
type Status int

const (
	Optimal Status = iota
	Infeasible
	Unbounded
	Exhausted // by its effort
)

func (s Status) String() string {
	return [...]string{"optimal", "infeasible", "unbounded", "exhausted"}[s]
}

// Solution is an optimal vertex. Dual holds the multipliers of the rows, of the
// sign that makes c - A' Dual the reduced costs: not positive for an inequality.
type Solution struct {
	X     []*big.Rat
	Value *big.Rat
	Dual  []*big.Rat
}

// column says how a column of the tableau makes up variable of: x = shift + sign y.
type column struct {
	of   int
	sign int64
}

// Minimize solves p by the two-phase simplex method on an integer tableau whose
// rows share one denominator, so that no fraction is ever reduced (Edmonds,
// Systems of distinct representatives and linear algebra, 1967).
//
// Pivoting is by Dantzig's rule, and by Bland's after a run of degenerate
// pivots, which cannot cycle.
func Minimize(p *Problem) (*Solution, Status) {
	t := newTableau(p)
	if status := t.phaseOne(); status != Optimal {
		return nil, status
	}
	if status := t.phaseTwo(p.C); status != Optimal {
		return nil, status
	}
	return t.solution(p), Optimal
}

type tableau struct {
	n     int // variables of the problem
	m     int // rows of the problem, ahead of the rows of upper bounds
	cols  []column
	shift []*big.Rat

	// The first len(cols) columns are y, then comes one a row, its slack or the artificial of an
	// equality, then the right-hand side. The artificial of an inequality, which is that column of
	// either sign, has no column.
	eq    []bool // of rows that are equalities
	rows  [][]*big.Int
	obj   []*big.Int
	den   *big.Int
	basis []int

	effort  int
	limited bool

	rowScale []*big.Rat // what row k was multiplied with
	objScale *big.Rat

	t1, t2, factor, odd big.Int // odd is den without its power of two
}

func (t *tableau) slack(k int) int      { return len(t.cols) + k }
func (t *tableau) rhs() int             { return len(t.cols) + len(t.rows) }
func (t *tableau) artificial(k int) int { return t.rhs() + 1 + k } // its number in a basis

// enters says whether a column may enter the basis: no artificial does.
func (t *tableau) enters(c int) bool {
	return c < len(t.cols) || c < t.rhs() && !t.eq[c-len(t.cols)]
}

func newTableau(p *Problem) *tableau {
	t := &tableau{effort: p.Effort, limited: p.Effort > 0, n: len(p.C), m: len(p.A), den: big.NewInt(1), shift: make([]*big.Rat, len(p.C))}
	var caps []int // columns with an upper bound beside the lower one
	for j := range t.n {
		switch l, u := p.Lower[j], p.Upper[j]; {
		case l != nil:
			t.shift[j] = l
			if u != nil {
				caps = append(caps, len(t.cols))
			}
			t.cols = append(t.cols, column{j, 1})
		case u != nil:
			t.shift[j] = u
			t.cols = append(t.cols, column{j, -1})
		default:
			t.shift[j] = new(big.Rat)
			t.cols = append(t.cols, column{j, 1}, column{j, -1})
		}
	}
	t.rows = make([][]*big.Int, t.m+len(caps))
	t.basis, t.eq = make([]int, len(t.rows)), make([]bool, len(t.rows))
	t.rowScale = make([]*big.Rat, len(t.rows))
	width := t.rhs() + 1
	numbers := make([]big.Int, len(t.rows)*width)
	for k := range t.rows {
		ints := make([]*big.Int, width)
		for c := range ints {
			ints[c] = &numbers[k*width+c]
		}
		var rhs *big.Rat
		var scale *big.Int
		if k < t.m {
			rhs = Less(p.B[k], p.A[k], t.shift)
			scale = CommonDenominator(append(slices.Clone(p.A[k]), rhs))
			for c, col := range t.cols {
				scaled(ints[c], p.A[k][col.of], scale)
				if col.sign < 0 {
					ints[c].Neg(ints[c])
				}
			}
		} else {
			c := caps[k-t.m]
			rhs = new(big.Rat).Sub(p.Upper[t.cols[c].of], p.Lower[t.cols[c].of])
			scale = rhs.Denom()
			ints[c].Set(scale)
		}
		scaled(ints[t.rhs()], rhs, scale)
		t.rowScale[k] = new(big.Rat).SetInt(scale)
		t.eq[k] = k < t.m && p.Eq[k]
		ints[t.slack(k)].SetInt64(1)
		t.basis[k] = t.slack(k)
		if ints[t.rhs()].Sign() < 0 {
			for _, x := range ints {
				x.Neg(x)
			}
			t.rowScale[k].Neg(t.rowScale[k])
		}
		if t.eq[k] {
			ints[t.slack(k)].SetInt64(1)
		}
		if t.eq[k] || ints[t.slack(k)].Sign() < 0 {
			t.basis[k] = t.artificial(k)
		}
		t.rows[k] = ints
	}
	return t
}

// phaseOne minimises the sum of the artificial variables.
func (t *tableau) phaseOne() Status {
	t.obj = make([]*big.Int, t.rhs()+1)
	for c := range t.obj {
		t.obj[c] = new(big.Int)
	}
	need := false
	for k, b := range t.basis {
		if b < t.artificial(0) {
			continue
		}
		need = true
		for c, x := range t.rows[k] {
			if t.enters(c) || c == t.rhs() {
				t.obj[c].Sub(t.obj[c], x)
			}
		}
	}
	if !need {
		return Optimal
	}
	if status := t.optimize(); status != Optimal {
		return status
	}
	if t.obj[t.rhs()].Sign() != 0 {
		return Infeasible
	}
	// What is left of the artificials is 0: pivot them out where a row has
	// anything else. A row that has nothing else is redundant.
	for k, b := range t.basis {
		if b < t.artificial(0) {
			continue
		}
		for c := range t.rhs() {
			if s := t.rows[k][c].Sign(); s != 0 && t.enters(c) {
				if s < 0 {
					for _, x := range t.rows[k] {
						x.Neg(x)
					}
				}
				t.pivot(k, c)
				break
			}
		}
		if t.exhausted() {
			return Exhausted
		}
	}
	return Optimal
}

func (t *tableau) phaseTwo(c []*big.Rat) Status {
	scale := CommonDenominator(c)
	t.objScale = new(big.Rat).SetInt(scale)
	cost := make([]big.Int, len(t.cols))
	for i, col := range t.cols {
		scaled(&cost[i], c[col.of], scale)
		if col.sign < 0 {
			cost[i].Neg(&cost[i])
		}
	}
	for i, x := range t.obj {
		x.SetInt64(0)
		if i < len(cost) {
			x.Mul(&cost[i], t.den)
		}
	}
	for k, b := range t.basis {
		if b >= len(cost) || cost[b].Sign() == 0 {
			continue
		}
		for i, x := range t.rows[k] {
			t.obj[i].Sub(t.obj[i], t.t1.Mul(&cost[b], x))
		}
	}
	return t.optimize()
}

func (t *tableau) exhausted() bool { return t.limited && t.effort < 0 }

// optimize pivots until no reduced cost is negative.
func (t *tableau) optimize() Status {
	const patience = 20
	degenerate := 0
	for {
		if t.exhausted() {
			return Exhausted
		}
		enter := -1
		for c := range t.rhs() {
			if t.obj[c].Sign() >= 0 || !t.enters(c) {
				continue
			}
			if enter < 0 || t.obj[c].Cmp(t.obj[enter]) < 0 {
				enter = c
			}
			if degenerate > patience {
				break
			}
		}
		if enter < 0 {
			return Optimal
		}
		leave := -1
		for k, row := range t.rows {
			if row[enter].Sign() <= 0 {
				continue
			}
			if leave < 0 {
				leave = k
				continue
			}
			t.t1.Mul(row[t.rhs()], t.rows[leave][enter])
			t.t2.Mul(t.rows[leave][t.rhs()], row[enter])
			if s := t.t1.Cmp(&t.t2); s < 0 || s == 0 && t.basis[k] < t.basis[leave] {
				leave = k
			}
		}
		if leave < 0 {
			return Unbounded
		}
		if t.rows[leave][t.rhs()].Sign() == 0 {
			degenerate++
		} else {
			degenerate = 0
		}
		t.pivot(leave, enter)
	}
}

// pivot needs rows[r][c] > 0.
func (t *tableau) pivot(r, c int) {
	p := t.rows[r]
	const overhead = 50 // of an operation on numbers of a few words
	words := len(t.den.Bits())
	t.effort -= (len(t.rows) + 1) * len(p) * (overhead + words*words)
	// Divisions come out even, those by the power of two in the denominator as shifts.
	t.odd.Rsh(t.den, t.den.TrailingZeroBits())
	same := p[c].Cmp(t.den) == 0
	eliminate := func(row []*big.Int) {
		f := t.factor.Set(row[c])
		for i, x := range row {
			switch {
			case f.Sign() != 0 && p[i].Sign() != 0:
				if t.t1.Mul(f, p[i]); x.Sign() == 0 {
					t.t1.Neg(&t.t1)
				} else {
					t.t2.Mul(x, p[c])
					t.t1.Sub(&t.t2, &t.t1)
				}
			case x.Sign() == 0 || same:
				continue
			default:
				t.t1.Mul(x, p[c])
			}
			t.divide(x)
		}
	}
	for k, row := range t.rows {
		if k != r {
			eliminate(row)
		}
	}
	eliminate(t.obj)
	t.den = new(big.Int).Set(p[c])
	t.basis[r] = c
}

// divide sets x to t1, of which nothing else remains, over the denominator.
func (t *tableau) divide(x *big.Int) {
	t.t1.Rsh(&t.t1, t.den.TrailingZeroBits())
	if t.odd.IsInt64() && t.odd.Int64() == 1 {
		x.Set(&t.t1)
		return
	}
	x.QuoRem(&t.t1, &t.odd, &t.t2)
}

func (t *tableau) solution(p *Problem) *Solution {
	s := &Solution{X: make([]*big.Rat, t.n), Value: new(big.Rat), Dual: make([]*big.Rat, t.m)}
	for j := range s.X {
		s.X[j] = new(big.Rat).Set(t.shift[j])
	}
	for k, b := range t.basis {
		if b >= len(t.cols) {
			continue
		}
		v := new(big.Rat).SetFrac(t.rows[k][t.rhs()], t.den)
		if col := t.cols[b]; col.sign > 0 {
			s.X[col.of].Add(s.X[col.of], v)
		} else {
			s.X[col.of].Sub(s.X[col.of], v)
		}
	}
	for j, x := range s.X {
		s.Value.Add(s.Value, new(big.Rat).Mul(p.C[j], x))
	}
	// The reduced cost of the artificial of row k is -y_k in the units of the
	// tableau. That of a slack is the same for a row that was not multiplied by -1.
	for k := range s.Dual {
		y := new(big.Rat).SetFrac(t.obj[t.slack(k)], t.den)
		y.Neg(y)
		if f := t.rowScale[k]; t.eq[k] {
			y.Mul(y, f)
		} else {
			y.Mul(y, new(big.Rat).Abs(f))
		}
		s.Dual[k] = y.Quo(y, t.objScale)
	}
	return s
}
