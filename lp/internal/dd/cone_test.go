package dd

import (
	"fmt"
	"math"
	"sort"
	"testing"

	"pgregory.net/rapid"

	_ "paspo/internal/seeded"
)

func budget() Budget {
	effort := 200_000_000
	return Budget{Rays: 100_000, Effort: &effort}
}

func generators(t *testing.T, d int, nonneg []bool, in Precision, cuts ...[]float64) Cone {
	t.Helper()
	c := New(d, nonneg, in, budget())
	for _, g := range cuts {
		if err := c.Cut(g); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.Check(); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestCube(t *testing.T) {
	// { (x, x0): |x_j| <= x0 } has 2^d rays.
	for _, in := range Precisions {
		for d := 1; d <= 6; d++ {
			var cuts [][]float64
			for j := range d {
				for _, s := range []float64{-1, 1} {
					g := make([]float64, d+1)
					g[j], g[d] = s, -1
					cuts = append(cuts, g)
				}
			}
			c := generators(t, d+1, make([]bool, d+1), in, cuts...)
			rays, _ := c.Rays()
			if len(rays) != 1<<d || len(c.Lines()) != 0 {
				t.Errorf("d %d: %d rays, %d lines, want %d and 0", d, len(rays), len(c.Lines()), 1<<d)
			}
			for _, r := range rays {
				for _, v := range r {
					if math.Abs(v) != 1 {
						t.Fatalf("ray %v", r)
					}
				}
			}
		}
	}
}

func TestLinesRemain(t *testing.T) {
	c := generators(t, 3, make([]bool, 3), Exact, []float64{1, 1, 0})
	if n := len(c.Lines()); n != 2 {
		t.Errorf("%d lines, want 2", n)
	}
	rays, _ := c.Rays()
	if len(rays) != 1 || rays[0][0]+rays[0][1] >= 0 {
		t.Errorf("rays %v", rays)
	}
	s, err := c.Split([]float64{0, 0, 0.5})
	if err != nil || s.Line == nil || s.Line[2] != 2 {
		t.Errorf("split %+v, %v", s, err)
	}
}

func TestSplitScales(t *testing.T) {
	for _, in := range Precisions {
		c := generators(t, 2, []bool{true, true}, in)
		s, err := c.Split([]float64{0.3, -1e6})
		if err != nil {
			t.Fatal(err)
		}
		if len(s.Positive) != 1 || len(s.Negative) != 1 || math.Abs(s.Positive[0][0]-1/0.3) > 1e-15 || s.Negative[0][1] != 1e-6 {
			t.Errorf("precision %v: %+v", in, s)
		}
	}
}

func TestUndecided(t *testing.T) {
	c := New(2, []bool{true, true}, Floats, budget())
	if err := c.Cut([]float64{1, -1}); err != nil {
		t.Fatal(err)
	}
	if err := c.Cut([]float64{1, -1 - 1e-10}); err != ErrUndecided {
		t.Errorf("error %v, want ErrUndecided", err)
	}
}

func TestBudget(t *testing.T) {
	effort := 10
	c := New(3, []bool{true, true, true}, Exact, Budget{Rays: 10, Effort: &effort})
	if err := c.Cut([]float64{1, -1, -1}); err != ErrBudget {
		t.Errorf("error %v, want ErrBudget", err)
	}
}

// TestAgainstBruteForce compares the rays of small random cones with those found
// by trying every set of d-1 constraints, floating point with exact arithmetic.
func TestAgainstBruteForce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := rapid.IntRange(2, 4).Draw(t, "d")
		n := rapid.IntRange(0, 5).Draw(t, "n")
		nonneg := make([]bool, d)
		for j := range nonneg {
			nonneg[j] = true
		}
		var cuts [][]float64
		for range n {
			g := make([]float64, d)
			for j := range g {
				g[j] = float64(rapid.IntRange(-3, 3).Draw(t, "g"))
			}
			cuts = append(cuts, g)
		}
		all := append([][]float64(nil), cuts...)
		for j := range d {
			g := make([]float64, d)
			g[j] = -1
			all = append(all, g)
		}
		want := bruteRays(all, d)
		for _, in := range Precisions {
			c := New(d, nonneg, in, budget())
			for _, g := range cuts {
				if err := c.Cut(g); err != nil {
					t.Fatal(err)
				}
			}
			if err := c.Check(); err != nil {
				t.Fatal(err)
			}
			rays, _ := c.Rays()
			got := keys(rays)
			if fmt.Sprint(got) != fmt.Sprint(want) {
				t.Fatalf("precision %v: %v, want %v", in, got, want)
			}
		}
	})
}

func keys(rays [][]float64) []string {
	var out []string
	for _, r := range rays {
		s := ""
		for _, v := range r {
			s += fmt.Sprintf("%.6f ", v+0)
		}
		out = append(out, s)
	}
	sort.Strings(out)
	return out
}

// bruteRays returns the extreme rays of a pointed cone.
func bruteRays(all [][]float64, d int) []string {
	seen := map[string][]float64{}
	var pick func(from int, set [][]float64)
	pick = func(from int, set [][]float64) {
		if len(set) == d-1 {
			x, ok := nullVector(set, d)
			if !ok {
				return
			}
			for _, s := range []float64{1, -1} {
				inside := true
				for _, g := range all {
					v := 0.
					for j := range g {
						v += s * g[j] * x[j]
					}
					inside = inside && v <= 1e-9
				}
				if inside {
					r := make([]float64, d)
					for j := range r {
						if r[j] = s * x[j]; math.Abs(r[j]) < 1e-12 {
							r[j] = 0
						}
					}
					normalize(r)
					seen[keys([][]float64{r})[0]] = r
				}
			}
			return
		}
		for k := from; k < len(all); k++ {
			pick(k+1, append(set[:len(set):len(set)], all[k]))
		}
	}
	pick(0, nil)
	var out []string
	for k := range seen {
		out = append(out, k)
	}
	sort.Strings(out)
	return out
}

// nullVector returns the x with set x = 0 where it is unique up to a factor.
func nullVector(set [][]float64, d int) ([]float64, bool) {
	m := make([][]float64, len(set))
	for i := range set {
		m[i] = append([]float64(nil), set[i]...)
	}
	pivot := make([]int, d)
	for j := range pivot {
		pivot[j] = -1
	}
	row := 0
	for j := 0; j < d && row < len(m); j++ {
		best := row
		for i := row; i < len(m); i++ {
			if math.Abs(m[i][j]) > math.Abs(m[best][j]) {
				best = i
			}
		}
		if math.Abs(m[best][j]) < 1e-9 {
			continue
		}
		m[row], m[best] = m[best], m[row]
		for i := range m {
			if i != row {
				f := m[i][j] / m[row][j]
				for k := range d {
					m[i][k] -= f * m[row][k]
				}
			}
		}
		pivot[j] = row
		row++
	}
	if row != d-1 {
		return nil, false
	}
	x := make([]float64, d)
	for j := range d {
		if pivot[j] < 0 {
			x[j] = 1
			for k := range d {
				if pivot[k] >= 0 {
					x[k] = -m[pivot[k]][j] / m[pivot[k]][k]
				}
			}
		}
	}
	return x, true
}
