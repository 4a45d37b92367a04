package exact

import (
	"math"
	"math/big"
	"slices"
)

// Set is { x : A_k x <= b_k, or = b_k where Eq[k],  l <= x <= u } with right-hand
// sides and bounds that change from question to question.
//
// It answers linear programs over the last of its variables, the first being fixed,
// by certificates: a basis that a dual simplex in double-double arithmetic ends in
// gives a point, whose every residual is computed, and multipliers, whose bound holds
// by weak duality whatever they are. Programs that these do not decide go to Minimize.
// Bases are kept, as they do not depend on right-hand sides.
//
// A point counts as one of the set where no limit is broken by more than 1e-25 of its
// scale: this is 1e9 times finer than the data are.
type Set struct {
	n    int
	a    [][]float64
	eq   []bool
	size []float64 // of each variable
	unit []float64 // the power of two that size is rounded to

	scale  []float64 // of each row: sum_j |A_kj| size_j
	divide []float64 // the power of two that it is rounded to

	kept map[objective][]*basis
	sub  map[int]*suffix

	relaxed *Set

	certified, rationals int
}

// Counts returns how many programs certificates decided, and how many Minimize.
func (s *Set) Counts() (certified, rational int) {
	certified, rational = s.certified, s.rationals
	if s.relaxed != nil {
		c, r := s.relaxed.Counts()
		certified, rational = certified+c, rational+r
	}
	return certified, rational
}

type objective struct{ first, entity, sign int }

// Limits are those of one question. Relax moves all limits out by as much times their
// scales max(|b_k|, sum_j |A_kj| size_j), or inequalities and bounds in where it is
// negative.
type Limits struct {
	B, Lower, Upper []float64 // infinite where absent
	Relax           float64
}

// Answer is a linear program's. Sensitivity is how far the value moves, to first order and
// relative to the size of the variable, when all limits move by their scales.
type Answer struct {
	Status      Status
	Value       float64
	Sensitivity float64
}

// NewSet returns a set with variables of the given sizes, which are positive.
func NewSet(a [][]float64, eq []bool, size []float64) *Set {
	s := &Set{n: len(size), a: a, eq: eq, size: size, kept: map[objective][]*basis{}, sub: map[int]*suffix{}}
	for _, v := range size {
		s.unit = append(s.unit, power(v))
	}
	for _, row := range a {
		sum := 0.
		for j, c := range row {
			sum += math.Abs(c) * size[j]
		}
		s.scale = append(s.scale, sum)
		s.divide = append(s.divide, power(sum))
	}
	return s
}

// power rounds to a power of two.
func power(x float64) float64 {
	if x == 0 {
		return 1
	}
	_, e := math.Frexp(x)
	return math.Ldexp(1, e)
}

// far is an artificial bound, in sizes, of variables that have none.
const far = 1 << 40

func (s *Set) suffix(first int) *suffix {
	if f := s.sub[first]; f != nil {
		return f
	}
	f := &suffix{s: s, first: first, n: s.n - first}
	for k, row := range s.a {
		var index []int
		var value []float64
		for j, c := range row[first:] {
			if c != 0 {
				index, value = append(index, j), append(value, c/s.divide[k]*s.unit[first+j])
			}
		}
		f.index, f.value = append(f.index, index), append(f.value, value)
	}
	for j := range f.n {
		f.index = append(f.index, []int{j}, []int{j})
		f.value = append(f.value, []float64{-1}, []float64{1})
	}
	m := len(f.index)
	f.right, f.slack, f.artificial, f.at = make([]pair, m), make([]float64, m), make([]bool, m), make([]int, m)
	f.x, f.alpha, f.lambda, f.work = make([]pair, f.n), make([]pair, f.n), make([]pair, f.n), make([]pair, 2*f.n*f.n)
	s.sub[first] = f
	return f
}

// Extreme returns the least value of sign times the variable after prefix, divided
// by sign: its least value for 1, its largest for -1.
func (s *Set) Extreme(prefix []float64, sign int, l *Limits) Answer {
	cost := make([]float64, s.n-len(prefix))
	cost[0] = float64(sign)
	a := s.minimize(prefix, cost, l, objective{len(prefix), len(prefix), sign})
	a.Value *= float64(sign)
	a.Sensitivity /= s.size[len(prefix)]
	return a
}

// Minimize returns the least value of cost over the variables after prefix.
func (s *Set) Minimize(prefix, cost []float64, l *Limits) Answer {
	return s.minimize(prefix, cost, l, objective{entity: -1})
}

// Empty reports whether no point of the set has this prefix.
func (s *Set) Empty(prefix []float64, l *Limits) bool {
	return s.minimize(prefix, make([]float64, s.n-len(prefix)), l, objective{len(prefix), -2, 0}).Status == Infeasible
}

func (s *Set) minimize(prefix, cost []float64, l *Limits, key objective) Answer {
	if l.Relax > 0 && slices.Contains(s.eq, true) {
		return s.pairs().minimize(prefix, cost, s.banded(l), key)
	}
	f := s.suffix(len(prefix))
	f.put(prefix, l)
	for j := range f.n {
		if lo, hi := l.Lower[f.first+j], l.Upper[f.first+j]; lo > hi && l.Relax <= 0 {
			s.certified++
			return Answer{Status: Infeasible}
		}
	}
	if a, ok := f.solve(cost, key); ok {
		s.certified++
		return a
	}
	s.rationals++
	return s.rational(prefix, cost, l)
}

// pairs is s with every equality as two inequalities.
func (s *Set) pairs() *Set {
	if s.relaxed != nil {
		return s.relaxed
	}
	var a [][]float64
	for k, row := range s.a {
		a = append(a, row)
		if s.eq[k] {
			neg := make([]float64, len(row))
			for j, v := range row {
				neg[j] = -v
			}
			a = append(a, neg)
		}
	}
	s.relaxed = NewSet(a, make([]bool, len(a)), s.size)
	return s.relaxed
}

func (s *Set) banded(l *Limits) *Limits {
	r := *l
	r.B = nil
	for k, v := range l.B {
		r.B = append(r.B, v)
		if s.eq[k] {
			r.B = append(r.B, -v)
		}
	}
	return &r
}

// rational is the same program for Minimize.
func (s *Set) rational(prefix, cost []float64, l *Limits) Answer {
	i := len(prefix)
	q := &Problem{}
	rat := func(v float64) *big.Rat { return new(big.Rat).SetFloat64(v) }
	for k, row := range s.a {
		if math.IsInf(l.B[k], 1) {
			continue
		}
		left := rat(l.B[k])
		if !(s.eq[k] && l.Relax <= 0) {
			left.Add(left, rat(l.Relax*max(math.Abs(l.B[k]), s.scale[k])))
		}
		var coef []*big.Rat
		for j, c := range row {
			if j < i {
				t := rat(c)
				left.Sub(left, t.Mul(t, rat(prefix[j])))
				continue
			}
			coef = append(coef, rat(c))
		}
		q.A, q.B, q.Eq = append(q.A, coef), append(q.B, left), append(q.Eq, s.eq[k])
	}
	for j := i; j < s.n; j++ {
		bound := func(v float64, sign float64) *big.Rat {
			if math.IsInf(v, 0) {
				return nil
			}
			r := rat(v)
			return r.Add(r, rat(sign*l.Relax*max(math.Abs(v), s.size[j])))
		}
		lower, upper := bound(l.Lower[j], -1), bound(l.Upper[j], 1)
		if lower != nil && upper != nil && lower.Cmp(upper) > 0 {
			return Answer{Status: Infeasible}
		}
		q.Lower, q.Upper = append(q.Lower, lower), append(q.Upper, upper)
		q.C = append(q.C, rat(cost[j-i]))
	}
	sol, status := Minimize(q)
	if status != Optimal {
		return Answer{Status: status}
	}
	a := Answer{Status: Optimal}
	a.Value, _ = sol.Value.Float64()
	k := 0
	reduced := slices.Clone(q.C)
	for r := range s.a {
		if math.IsInf(l.B[r], 1) {
			continue
		}
		y, _ := sol.Dual[k].Float64()
		a.Sensitivity += math.Abs(y) * max(math.Abs(l.B[r]), s.scale[r])
		for j := range reduced {
			reduced[j] = new(big.Rat).Sub(reduced[j], new(big.Rat).Mul(q.A[k][j], sol.Dual[k]))
		}
		k++
	}
	for j, z := range reduced {
		v, _ := z.Float64()
		a.Sensitivity += math.Abs(v) * s.size[i+j]
	}
	return a
}
