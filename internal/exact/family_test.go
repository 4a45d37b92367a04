package exact

import (
	"math"
	"math/rand/v2"
	"testing"
)

// drawSet draws a bounded set with a point of it, and a prefix of that point.
func drawSet(r *rand.Rand) (s *Set, l *Limits, prefix []float64) {
	n, m := 2+r.IntN(5), 1+r.IntN(6)
	x, size := make([]float64, n), make([]float64, n)
	l = &Limits{}
	for j := range n {
		size[j] = math.Pow(10, float64(r.IntN(7)-3))
		x[j] = size[j] * float64(r.IntN(5)) / 4
		l.Lower, l.Upper = append(l.Lower, 0), append(l.Upper, size[j])
		if r.IntN(4) == 0 {
			l.Upper[j] = math.Inf(1)
		}
	}
	var a [][]float64
	var eq []bool
	for k := range m {
		row := make([]float64, n)
		b := 0.
		for j := range n {
			if r.IntN(3) > 0 || k == 0 {
				row[j] = float64(r.IntN(9)-3) * math.Pow(10, float64(r.IntN(5)-2))
			}
			if k == 0 {
				row[j] = 1
			}
		}
		if k > 1 && r.IntN(3) == 0 {
			for j, v := range a[k-1] {
				row[j] = v * (1 + 1e-9*float64(r.IntN(3)-1))
			}
		}
		for j := range n {
			b += row[j] * x[j]
		}
		e := k > 0 && r.IntN(5) == 0
		if r.IntN(2) == 0 && !e {
			b += math.Abs(b) * math.Pow(10, -float64(r.IntN(12)))
		}
		if r.IntN(20) == 0 {
			b -= 1e-6
		}
		a, eq, l.B = append(a, row), append(eq, e), append(l.B, b)
	}
	return NewSet(a, eq, size), l, x[:r.IntN(n)]
}

// What certificates decide is what the simplex in rational arithmetic finds.
func TestSet(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	statuses := map[Status]int{}
	certified, all := 0, 0
	for trial := range 400 {
		s, l, prefix := drawSet(r)
		l.Relax = []float64{0, 1e-9, -1e-9}[trial%3]
		for _, sign := range []int{1, -1, 1} {
			got := s.Extreme(prefix, sign, l)
			cost := make([]float64, s.n-len(prefix))
			cost[0] = float64(sign)
			want := s.rational(prefix, cost, l)
			if l.Relax > 0 {
				want = s.pairs().rational(prefix, cost, s.banded(l))
			}
			statuses[want.Status]++
			if got.Status != want.Status {
				t.Fatalf("trial %d: %v, want %v", trial, got.Status, want.Status)
			}
			if want.Status != Optimal {
				continue
			}
			want.Value *= float64(sign)
			if d := math.Abs(got.Value - want.Value); d > 1e-13*s.size[len(prefix)] {
				t.Errorf("trial %d: %v, want %v", trial, got.Value, want.Value)
			}
		}
		c, r := s.Counts()
		certified, all = certified+c, all+c+r
	}
	if statuses[Infeasible] < 20 || statuses[Optimal] < 500 || certified < all*9/10 {
		t.Errorf("%v, %d of %d by certificates", statuses, certified, all)
	}
}

func BenchmarkSet(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 2))
	s, l, prefix := drawSet(r)
	for b.Loop() {
		s.Extreme(prefix, 1, l)
	}
}
