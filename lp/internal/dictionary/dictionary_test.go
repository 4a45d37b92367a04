package dictionary

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"

	"paspo/lp/internal/exact"
)

// Values and multipliers against exact arithmetic on random programs, with rows
// added after the first optimum and several objectives in a row.
func TestAgainstExact(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	solved := 0
	for range 300 {
		n, m := 1+r.IntN(5), 1+r.IntN(6)
		effort := 1_000_000
		isFree := make([]bool, n)
		for j := range isFree {
			isFree[j] = r.IntN(4) == 0
		}
		d := New(isFree, &effort)
		q := &exact.Problem{C: make([]*big.Rat, n), Lower: make([]*big.Rat, n), Upper: make([]*big.Rat, n)}
		var rows [][]float64
		var rhs []float64
		add := func(g []float64, h float64, eq bool) {
			d.Add(g, h, eq)
			rows, rhs = append(rows, g), append(rhs, h)
			row := make([]*big.Rat, n)
			for j, v := range g {
				row[j] = new(big.Rat).SetFloat64(v)
			}
			q.A, q.B, q.Eq = append(q.A, row), append(q.B, new(big.Rat).SetFloat64(h)), append(q.Eq, eq)
		}
		sum := make([]float64, n)
		for j := range sum {
			sum[j] = 1
			if q.Lower[j] = new(big.Rat); isFree[j] {
				q.Lower[j] = nil
			}
		}
		add(sum, 4, r.IntN(2) == 0)
		for k := range m + 3 {
			if k == m {
				if _, err := d.Maximize(sum); err != nil {
					break
				}
			}
			g := make([]float64, n)
			for j := range g {
				g[j] = float64(r.IntN(7) - 3)
			}
			add(g, float64(r.IntN(6)-1), r.IntN(8) == 0)
		}
		for again := range 3 {
			c := make([]float64, n)
			for j := range c {
				c[j] = float64(r.IntN(9) - 4)
				q.C[j] = new(big.Rat).SetFloat64(-c[j])
			}
			s, status := exact.Minimize(q)
			v, err := d.Maximize(c)
			if (err == nil) != (status == exact.Optimal) {
				t.Fatalf("%v, exact status %v\n%v <= %v", err, status, rows, rhs)
			}
			if err != nil {
				break
			}
			solved++
			want, _ := s.Value.Float64()
			if math.Abs(v+want) > 1e-9 {
				t.Fatalf("%d: value %v, want %v", again, v, -want)
			}
			// c . x <= sum of multipliers x rhs, by nonnegative slacks.
			bound := 0.
			for k, h := range rhs {
				y := d.Multiplier(k)
				bound += y * h
				if !q.Eq[k] && y < -1e-9 {
					t.Fatalf("multiplier %v", y)
				}
				for j := range c {
					c[j] -= y * rows[k][j]
				}
			}
			for j, v := range c {
				if v > 1e-9 || isFree[j] && v < -1e-9 {
					t.Fatalf("reduced cost %v", v)
				}
			}
			if math.Abs(bound-v) > 1e-9 {
				t.Fatalf("bound %v, value %v", bound, v)
			}
		}
	}
	if solved < 100 {
		t.Errorf("%d programs solved", solved)
	}
}

func TestAgain(t *testing.T) {
	effort := 10_000
	d := New([]bool{false, true}, &effort)
	d.Add([]float64{1, 0}, 3, false)
	d.Add([]float64{-1, 1}, 1, false) // y <= 1 + x
	if v, err := d.Maximize([]float64{0, 1}); err != nil || v != 4 {
		t.Fatal(v, err)
	}
	c := d.Clone()
	d.Add([]float64{1, 1}, 2, false)
	if v, err := d.Again(); err != nil || v != 1.5 || d.At(0) != 0.5 || d.Slack(0) != 2.5 {
		t.Fatal(v, err)
	}
	if v, err := c.Again(); err != nil || v != 4 {
		t.Fatal(v, err)
	}
	effort = 0
	if _, err := c.Maximize([]float64{-2, 1}); err != ErrFailed {
		t.Fatal(err)
	}
}
