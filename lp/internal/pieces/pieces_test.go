package pieces

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// example returns pieces, a batch and a column, with zeros of both signs among
// the numbers. Rows beyond the batch's hold zeros.
func example(r *rand.Rand, rows, stride, lowers, uppers int, floor bool) (*Pieces, *Batch, []float64) {
	numbers := func(n int) []float64 {
		x := make([]float64, n)
		for i := range x {
			switch x[i] = r.NormFloat64(); r.IntN(5) {
			case 0:
				x[i] = 0
			case 1:
				x[i] = math.Copysign(0, -1)
			}
		}
		return x
	}
	p := New(stride, floor, numbers(lowers*stride), numbers(uppers*stride))
	b := NewBatch(rows, stride)
	b.Rows = rows
	copy(b.Rho, numbers(len(b.Rho)))
	copy(b.Z, numbers(len(b.Z)))
	for i := range b.Base {
		b.Base[i] = max(0, r.NormFloat64())
	}
	return p, b, numbers(stride)
}

// Every implementation gives the bits of the definition in Go, which the test compares with plain
// sums.
func TestPathsAgree(t *testing.T) {
	defer limitISA(2)
	for level := 0; level <= 2; level++ {
		if limitISA(level) != level {
			t.Logf("level %d is not at hand", level)
			continue
		}
		r := rand.New(rand.NewPCG(3, uint64(level)))
		for range 2000 {
			rows, stride := 1+r.IntN(20), 1+r.IntN(9)
			p, b, col := example(r, rows, stride, r.IntN(20), r.IntN(20), r.IntN(2) == 0)
			if r.IntN(3) == 0 {
				col = nil
			}
			start := append([]float64(nil), b.Rho...)
			type answer struct {
				lo, hi, rho []float64
				crossed     bool
			}
			run := func(f func() bool) answer {
				copy(b.Rho, start)
				crossed := f()
				var a answer
				for row := range rows {
					x := make([]float64, stride)
					b.Row(x, row)
					a.lo, a.hi, a.rho = append(a.lo, b.Lo[row]), append(a.hi, b.Hi[row]), append(a.rho, x...)
				}
				// Rows beyond the batch may cross.
				a.crossed = crossed && !(b.Ld > rows)
				return a
			}
			want := run(func() bool { return p.rows(b, col) })
			for row := range rows {
				rho := want.rho[row*stride : (row+1)*stride]
				for k, v := range rho {
					w := start[k*b.Ld+row]
					if col != nil {
						w -= float64(col[k] * b.Z[row])
					}
					if v != w {
						t.Fatalf("rho %v, want %v", v, w)
					}
				}
				lo, hi := math.Inf(-1), math.Inf(1)
				if p.floor {
					lo = 0
				}
				for w := p.lower; len(w) > 0; w = w[stride:] {
					lo = max(lo, Weigh(w, rho))
				}
				for w := p.upper; len(w) > 0; w = w[stride:] {
					hi = min(hi, Weigh(w, rho))
				}
				if want.lo[row] != lo+b.Base[row] || want.hi[row] != hi+b.Base[row] || lo > hi && b.Ld == rows && !want.crossed {
					t.Fatalf("[%v, %v], want [%v, %v] + %v", want.lo[row], want.hi[row], lo, hi, b.Base[row])
				}
			}
			paths := map[string]func() bool{
				"eval":   func() bool { return p.Eval(b, col) },
				"narrow": func() bool { return p.narrowC(b, col) },
			}
			if b.Ld%lanes == 0 {
				paths["wide"] = func() bool { return p.wideC(b, col) }
			}
			for name, f := range paths {
				if got := run(f); fmt.Sprint(got) != fmt.Sprint(want) {
					t.Fatalf("level %d, %s, %d rows: %+v, want %+v", level, name, rows, got, want)
				}
			}
		}
	}
}

func TestNoAllocation(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 4))
	for _, rows := range []int{1, 3, 64} {
		p, b, col := example(r, rows, 6, 9, 9, true)
		if n := testing.AllocsPerRun(100, func() { p.Eval(b, col) }); n > 0 {
			t.Errorf("%d rows: %v allocations", rows, n)
		}
	}
}

func BenchmarkEval(b *testing.B) {
	r := rand.New(rand.NewPCG(5, 5))
	for _, c := range [][3]int{{1, 6, 4}, {1, 6, 16}, {1, 6, 64}, {1, 7, 400}, {4, 6, 4}, {4, 6, 16}, {8, 6, 4}, {8, 6, 64}, {64, 6, 4}, {64, 6, 64}} {
		p, x, col := example(r, c[0], c[1], c[2]/2, c[2]/2, true)
		for name, f := range map[string]func(*Batch, []float64) bool{
			"go": p.rows, "narrow": p.narrowC, "wide": p.wideC,
		} {
			if name == "wide" && x.Ld%lanes != 0 {
				continue
			}
			b.Run(fmt.Sprintf("%dx%dx%d/%s", c[0], c[1], c[2], name), func(b *testing.B) {
				clear(col)
				for range b.N {
					f(x, col)
				}
			})
		}
	}
}
