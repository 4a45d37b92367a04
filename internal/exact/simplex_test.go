package exact

import (
	"math/big"
	"testing"

	"pgregory.net/rapid"

	_ "paspo/internal/seeded"
)

func rat(v float64) *big.Rat { return new(big.Rat).SetFloat64(v) }

func rats(v ...float64) []*big.Rat {
	r := make([]*big.Rat, len(v))
	for i, x := range v {
		r[i] = rat(x)
	}
	return r
}

func TestMinimize(t *testing.T) {
	zeros := rats(0, 0)
	for _, c := range []struct {
		name   string
		p      Problem
		status Status
		value  float64
	}{
		{"vertex", Problem{C: rats(-3, -2), A: [][]*big.Rat{rats(1, 1), rats(1, 3)}, B: rats(4, 6), Eq: []bool{false, false},
			Lower: zeros, Upper: []*big.Rat{rat(3), nil}}, Optimal, -11},
		{"equality", Problem{C: rats(1, 2), A: [][]*big.Rat{rats(1, 1)}, B: rats(1), Eq: []bool{true},
			Lower: zeros, Upper: []*big.Rat{rat(0.25), nil}}, Optimal, 1.75},
		{"free", Problem{C: rats(1, 0), A: [][]*big.Rat{rats(-1, 1), rats(-1, -1)}, B: rats(2, 2), Eq: []bool{false, false},
			Lower: []*big.Rat{nil, nil}, Upper: []*big.Rat{nil, nil}}, Optimal, -2},
		{"upper alone", Problem{C: rats(-1, 0), A: [][]*big.Rat{rats(1, 1)}, B: rats(9), Eq: []bool{false},
			Lower: []*big.Rat{nil, rat(0)}, Upper: []*big.Rat{rat(7), nil}}, Optimal, -7},
		{"redundant equalities", Problem{C: rats(1, 1), A: [][]*big.Rat{rats(1, 1), rats(2, 2)}, B: rats(1, 2), Eq: []bool{true, true},
			Lower: zeros, Upper: []*big.Rat{nil, nil}}, Optimal, 1},
		{"infeasible", Problem{C: rats(1, 1), A: [][]*big.Rat{rats(1, 1), rats(-1, -1)}, B: rats(1, -2), Eq: []bool{false, false},
			Lower: zeros, Upper: []*big.Rat{nil, nil}}, Infeasible, 0},
		{"unbounded", Problem{C: rats(-1, 0), A: [][]*big.Rat{rats(1, -1)}, B: rats(1), Eq: []bool{false},
			Lower: zeros, Upper: []*big.Rat{nil, nil}}, Unbounded, 0},
	} {
		s, status := Minimize(&c.p)
		if status != c.status {
			t.Errorf("%s: %v, want %v", c.name, status, c.status)
			continue
		}
		if status == Optimal && s.Value.Cmp(rat(c.value)) != 0 {
			t.Errorf("%s: %v, want %v", c.name, s.Value, c.value)
		}
	}
}

// TestCertificates checks every optimum by feasibility of x and of the duals and
// by equal objectives, exactly.
func TestCertificates(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n, m := rapid.IntRange(1, 5).Draw(t, "n"), rapid.IntRange(0, 5).Draw(t, "m")
		num := rapid.Custom(func(t *rapid.T) *big.Rat {
			return big.NewRat(rapid.Int64Range(-4, 4).Draw(t, "p"), rapid.Int64Range(1, 3).Draw(t, "q"))
		})
		maybe := func(name string, from *big.Rat) *big.Rat {
			if rapid.IntRange(0, 3).Draw(t, name) == 0 {
				return nil
			}
			v := num.Draw(t, name)
			if from != nil {
				v = new(big.Rat).Add(from, v.Abs(v))
			}
			return v
		}
		p := &Problem{}
		for range n {
			p.C = append(p.C, num.Draw(t, "c"))
			l := maybe("l", nil)
			p.Lower = append(p.Lower, l)
			p.Upper = append(p.Upper, maybe("u", l))
		}
		for range m {
			row := make([]*big.Rat, n)
			for j := range row {
				row[j] = num.Draw(t, "a")
			}
			p.A = append(p.A, row)
			p.B = append(p.B, num.Draw(t, "b"))
			p.Eq = append(p.Eq, rapid.IntRange(0, 2).Draw(t, "eq") == 0)
		}
		s, status := Minimize(p)
		p.Effort = rapid.IntRange(1, 100_000).Draw(t, "effort")
		if limited, by := Minimize(p); by != status && by != Exhausted || by == Optimal && limited.Value.Cmp(s.Value) != 0 {
			t.Fatalf("%v, with limited effort %v", status, by)
		}
		if status != Optimal {
			return
		}
		dot := func(a, b []*big.Rat) *big.Rat {
			sum := new(big.Rat)
			for i := range a {
				sum.Add(sum, new(big.Rat).Mul(a[i], b[i]))
			}
			return sum
		}
		if dot(p.C, s.X).Cmp(s.Value) != 0 {
			t.Fatalf("c x = %v, value %v", dot(p.C, s.X), s.Value)
		}
		bound := dot(s.Dual, p.B)
		for k := range p.A {
			ax := dot(p.A[k], s.X)
			if c := ax.Cmp(p.B[k]); c > 0 || p.Eq[k] && c != 0 {
				t.Fatalf("row %d: %v beside %v", k, ax, p.B[k])
			}
			if !p.Eq[k] && s.Dual[k].Sign() > 0 {
				t.Fatalf("dual %d is %v", k, s.Dual[k])
			}
		}
		for j, x := range s.X {
			l, u := p.Lower[j], p.Upper[j]
			if l != nil && x.Cmp(l) < 0 || u != nil && x.Cmp(u) > 0 {
				t.Fatalf("x %d is %v outside [%v, %v]", j, x, l, u)
			}
			z := new(big.Rat).Set(p.C[j])
			for k := range p.A {
				z.Sub(z, new(big.Rat).Mul(p.A[k][j], s.Dual[k]))
			}
			switch z.Sign() {
			case 1:
				if l == nil {
					t.Fatalf("reduced cost %v of x %d, which has no lower bound", z, j)
				}
				bound.Add(bound, z.Mul(z, l))
			case -1:
				if u == nil {
					t.Fatalf("reduced cost %v of x %d, which has no upper bound", z, j)
				}
				bound.Add(bound, z.Mul(z, u))
			}
		}
		if bound.Cmp(s.Value) != 0 {
			t.Fatalf("dual bound %v, value %v", bound, s.Value)
		}
	})
}
