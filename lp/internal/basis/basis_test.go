package basis

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"

	"paspo/internal/exact"
	"paspo/internal/rng"
	"paspo/lp/internal/vec"
)

// randomProgram draws a program with a bounded feasible set for the query that it
// returns beside it: coefficients of one kind, equalities, rows with two limits,
// fixed columns, columns and rows twice.
func randomProgram(r *rand.Rand) (*Program, *Query) {
	m, n := r.IntN(6), 1+r.IntN(7)
	g := &Program{
		M: m, N: n, A: make([]float64, m*n), C: make([]float64, n), Equality: make([]bool, m),
		Size: make([]float64, n+m), Up: make([]float64, n),
	}
	kind := r.IntN(4)
	coef := func() float64 {
		switch kind {
		case 0:
			return float64(r.IntN(3) - 1)
		case 1:
			return math.Round(100*r.Float64()) / 100
		case 2:
			return r.NormFloat64()
		}
		return r.NormFloat64() * math.Pow(10, 4*r.Float64()-2)
	}
	for k := range g.A {
		if r.IntN(4) > 0 {
			g.A[k] = coef()
		}
	}
	if n > 1 && r.IntN(3) == 0 {
		for k := range m {
			g.A[k*n] = g.A[k*n+1]
		}
	}
	g.C[0] = 1 - 2*float64(r.IntN(2))
	if r.IntN(3) == 0 {
		for j := range g.C {
			g.C[j] = coef()
		}
	}
	q := &Query{R: make([]float64, m), Up: make([]float64, n+m), Tol: make([]float64, n+m), Own: true, Growth: 1}
	g.Tol = q.Tol
	x := make([]float64, n)
	for j := range x {
		g.Up[j] = []float64{0.5, 1, 1, 1, 0}[r.IntN(5)]
		x[j] = g.Up[j] * []float64{0, r.Float64(), r.Float64(), 1}[r.IntN(4)]
		q.Up[j], q.Tol[j], g.Size[j] = g.Up[j], 1e-12, 2
	}
	for k := range m {
		v, size := 0., 1.
		for j := range x {
			v += g.A[k*n+j] * x[j]
			size += abs(g.A[k*n+j])
		}
		q.Up[n+k] = math.Inf(1)
		switch r.IntN(4) {
		case 0:
			q.Up[n+k], g.Equality[k] = 0, true
		case 1:
			v += 0.1
			q.Up[n+k] = 0.3
		case 2:
			v += r.Float64()
		}
		q.R[k], q.Tol[n+k], g.Size[n+k] = v, 1e-12, size+abs(v)
	}
	return g, q
}

// optimum solves a query in rational arithmetic, with limits relaxed by part of their
// tolerances.
func optimum(g *Program, q *Query, part float64) (float64, exact.Status) {
	p := &exact.Problem{}
	for j, c := range g.C {
		p.C = append(p.C, vec.Rational(c))
		p.Lower = append(p.Lower, vec.Rational(-part*q.Tol[j]))
		p.Upper = append(p.Upper, vec.Rational(q.Up[j]+part*q.Tol[j]))
	}
	for k := range g.M {
		var row, neg []*big.Rat
		for _, v := range g.A[k*g.N : (k+1)*g.N] {
			row, neg = append(row, vec.Rational(v)), append(neg, vec.Rational(-v))
		}
		slack, equal := vec.Rational(part*q.Tol[g.N+k]), g.Equality[k] && part == 0
		p.A, p.B, p.Eq = append(p.A, row), append(p.B, new(big.Rat).Add(vec.Rational(q.R[k]), slack)), append(p.Eq, equal)
		if u := q.Up[g.N+k]; !equal && !math.IsInf(u, 1) {
			low := new(big.Rat).Sub(vec.Rational(u), vec.Rational(q.R[k]))
			p.A, p.B, p.Eq = append(p.A, neg), append(p.B, low.Add(low, slack)), append(p.Eq, false)
		}
	}
	s, status := exact.Minimize(p)
	if status != exact.Optimal {
		return math.NaN(), status
	}
	v, _ := s.Value.Float64()
	return v, status
}

func slackBasis(t *rapid.T, g *Program) *Duals {
	state := make([]State, g.N+g.M)
	for k := range g.M {
		state[g.N+k] = Basic
	}
	p, err := g.Build(state)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestSearch checks searches, certificates and proofs against exact arithmetic.
func TestSearch(t *testing.T) {
	kinds := map[string]int{}
	var w Work
	rapid.Check(t, func(t *rapid.T) {
		r := rand.New(rng.New(rapid.Uint64().Draw(t, "seed"), "program"))
		g, q := randomProgram(r)
		first := slackBasis(t, g)
		kept := []*Duals{first}
		for try := range 12 {
			if try > 0 {
				for k := range q.R {
					q.R[k] += []float64{0, 0.2, 1e-13, 1e-9}[r.IntN(4)] * r.NormFloat64()
				}
			}
			want, status := optimum(g, q, 0)
			for _, p := range kept {
				if !p.Proves(q) {
					continue
				}
				kinds["proved"]++
				if v := p.Value(q); status != exact.Optimal || abs(v-want) > 1e-12*max(1, abs(want))*float64(1+len(p.y)) {
					t.Fatalf("proved %v, want %v %v", v, want, status)
				}
			}
			switch s := w.Solve(q, first, 0.01); s {
			case Infeasible:
				kinds["infeasible"]++
				if w.Certified(q) {
					kinds["certified"]++
					if status != exact.Infeasible {
						t.Fatalf("certified, but the value is %v", want)
					}
				}
			case Failed:
				kinds["failed"]++
			case Solved:
				if !w.Feasible(q, 0.01) {
					kinds["not feasible"]++
					continue
				}
				found, err := w.Duals()
				if err != nil {
					kinds[err.Error()]++
					continue
				}
				p, err := g.Build(w.State)
				if err != nil {
					kinds["of a search: "+err.Error()]++
					continue
				}
				if err := p.Verify(); err != nil {
					t.Fatal(err)
				}
				if a, b := found.Value(q), p.Value(q); a != b {
					t.Fatalf("value %v of a search, %v of its basis", a, b)
				}
				if a, b := found.Sensitivity(q), p.Sensitivity(q); a != b {
					t.Fatalf("sensitivity %v of a search, %v of its basis", a, b)
				}
				if !p.Is(w.State) {
					kinds["flipped"]++
					continue
				}
				kinds["solved"]++
				kept = append(kept, p)
				if status != exact.Optimal {
					kinds["feasible by tolerance"]++
					continue
				}
				sens := 1.
				for k, y := range p.y {
					sens += abs(y) * g.Size[g.N+p.tight[k]]
				}
				for j, z := range p.z {
					sens += abs(z) * g.Size[j]
				}
				if v := p.Value(q); abs(v-want) > 1e-13*sens {
					t.Fatalf("value %v, want %v", v, want)
				}
			}
		}
	})
	t.Log(kinds)
}

// TestDualsAreUnique holds bases that prove the same query to the same duals, bit
// by bit.
func TestDualsAreUnique(t *testing.T) {
	both := 0
	var w Work
	rapid.Check(t, func(t *rapid.T) {
		r := rand.New(rng.New(rapid.Uint64().Draw(t, "seed"), "unique"))
		g, q := randomProgram(r)
		first := slackBasis(t, g)
		var kept []*Duals
		for range 100 {
			if w.Solve(q, first, 0.01) == Solved && w.Feasible(q, 0.01) {
				if p, err := g.Build(w.State); err == nil && p.Is(w.State) {
					known := false
					for _, o := range kept {
						known = known || o.Is(w.State)
						if !o.Proves(q) {
							continue
						}
						// The search need not prove what it found.
						if a, b := o.Value(q), p.Value(q); a != b {
							t.Fatalf("%v and %v", a, b)
						}
						if !o.Is(w.State) {
							both++
						}
					}
					if !known {
						kept = append(kept, p)
					}
					first = p // searches end elsewhere when they begin elsewhere
				}
			}
			size := math.Pow(10, -14*r.Float64())
			for k := range q.R {
				q.R[k] += size * r.NormFloat64()
			}
		}
	})
	t.Logf("%d queries were proved twice", both)
}

func TestRounded(t *testing.T) {
	r := rand.New(rng.New(1, "rounded"))
	for range 2000 {
		q := 1 + r.IntN(6)
		b, c := make([]float64, q*q), make([]float64, q)
		for k := range b {
			b[k] = []float64{r.NormFloat64(), float64(r.IntN(3) - 1), math.Round(100*r.Float64()) / 100}[r.IntN(3)]
		}
		c[r.IntN(q)] = 1
		inv := make([]float64, q*q)
		if !invert(inv, b, q) {
			continue
		}
		for k := range inv {
			inv[k] *= 1 + 1e-7*r.Float64() // as after many pivots
		}
		d := multipliers{
			b: b, inv: inv, c: c, off: make([]float64, q*q), y: make([]pair, q), err: make([]float64, q),
			res: make([]float64, q), size: make([]float64, q), rows: make([]int, q),
		}
		bound := defect(d.off, inv, b, q)
		if !(bound < good) {
			continue
		}
		d.begin()
		d.refine(bound)
		y, err := d.y, d.err
		for k, v := range solveRational(b, c) {
			want, _ := v.Float64()
			diff := new(big.Rat).Sub(v, vec.Rational(y[k].hi))
			diff.Sub(diff, vec.Rational(y[k].lo))
			if d, _ := diff.Float64(); abs(d) > err[k] {
				t.Fatalf("error %g beyond its bound %g", d, err[k])
			}
			if got, sure := y[k].rounded(err[k]); sure && got != want {
				t.Fatalf("%v, want %v", got, want)
			}
		}
	}
}
