package dictionary

import (
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"

	"paspo/internal/exact"
	"paspo/lp/internal/vec"
)

// Values and multipliers against exact arithmetic on random programs, with rows
// added after the first optimum and several objectives in a row.
func TestAgainstExact(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	solved := 0
	for range 300 {
		n, m := 1+r.IntN(5), 1+r.IntN(6)
		effort := 1_000_000
		lo, hi := make([]float64, n), make([]float64, n)
		for j := range lo {
			if hi[j] = math.Inf(1); r.IntN(3) == 0 {
				hi[j] = float64(r.IntN(4))
			}
			if r.IntN(4) == 0 {
				lo[j] = math.Inf(-1)
			}
		}
		d := New(lo, hi, &effort)
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
			if !math.IsInf(lo[j], -1) {
				q.Lower[j] = new(big.Rat)
			}
			if !math.IsInf(hi[j], 1) {
				q.Upper[j] = new(big.Rat).SetFloat64(hi[j])
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
				switch {
				case v > 1e-9 && math.IsInf(hi[j], 1), v < -1e-9 && math.IsInf(lo[j], -1):
					t.Fatalf("reduced cost %v", v)
				case v > 1e-9:
					bound += v * hi[j]
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
	d := New([]float64{0, math.Inf(-1)}, []float64{math.Inf(1), math.Inf(1)}, &effort)
	d.Add([]float64{1, 0}, 3, false)
	d.Add([]float64{-1, 1}, 1, false) // y <= 1 + x
	if v, err := d.Maximize([]float64{0, 1}); err != nil || v != 4 {
		t.Fatal(v, err)
	}
	c := d.Clone(&effort)
	d.Add([]float64{1, 1}, 2, false)
	if v, err := d.Again(); err != nil || v != 1.5 || d.At(0) != 0.5 || d.x[d.d] != 2.5 {
		t.Fatal(v, err)
	}
	if v, err := c.Again(); err != nil || v != 4 {
		t.Fatal(v, err)
	}
	effort = 0
	if _, err := c.Maximize([]float64{-2, 1}); err != errFailed {
		t.Fatal(err)
	}
}

// Renew computes the coefficients that the dictionary has after many pivots, in whatever order rows are,
// also where constraints are shorter than there are variables.
func TestRenew(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 100 {
		n, effort := 2+r.IntN(5), 1_000_000
		lo, hi, c := make([]float64, n), make([]float64, n), make([]float64, n)
		for j := range hi {
			hi[j] = math.Inf(1)
		}
		d := New(lo, hi, &effort)
		d.Add(slices.Repeat([]float64{1}, n), 1, false)
		for range 6 {
			g := make([]float64, 1+r.IntN(n))
			for j := range g {
				g[j] = r.NormFloat64()
			}
			d.Add(g, r.Float64(), false)
		}
		for range 5 {
			for j := range c {
				c[j] = r.NormFloat64()
			}
			if _, err := d.Maximize(c); err != nil {
				t.Fatal(err)
			}
		}
		// Of every basic variable, its coefficients by variable and its constant.
		rows := func() map[int]map[int]float64 {
			all := map[int]map[int]float64{}
			for b, v := range d.basic {
				all[v] = map[int]float64{-1: d.row(b)[d.d], -2: d.x[v]}
				for k, w := range d.cols {
					all[v][w] = d.row(b)[k]
				}
			}
			return all
		}
		want := rows()
		if err := d.Renew(); err != nil {
			t.Fatal(err)
		}
		for v, row := range rows() {
			for w, x := range row {
				if math.Abs(x-want[v][w]) > 1e-9 {
					t.Fatalf("coefficient of %d in %d is %v, want %v", w, v, x, want[v][w])
				}
			}
		}
	}
}

// Set makes an older clone answer as a new clone does, to the bit, and allocates nothing.
func TestSet(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 100 {
		n, effort := 2+r.IntN(5), 1_000_000
		d := New(make([]float64, n), slices.Repeat([]float64{1}, n), &effort)
		g := make([]float64, n)
		for range 4 {
			for j := range g {
				g[j] = r.Float64() - 0.3
			}
			d.Add(g, 0.1+r.Float64(), false)
		}
		if _, err := d.Maximize(g); err != nil {
			t.Fatal(err)
		}
		used, limits := d.Clone(&effort), make([]float64, 4)
		for range 5 {
			for k := range limits {
				limits[k] = 0.3 * r.Float64()
			}
			solve := func(d *Dictionary) (float64, error) {
				for k, l := range limits {
					d.Limit(k, l, math.Inf(1))
				}
				return d.Again()
			}
			used.Set(d)
			got, err := solve(used)
			fresh := d.Clone(&effort)
			want, wantErr := solve(fresh)
			if (err == nil) != (wantErr == nil) || err == nil && (got != want || !slices.Equal(used.x, fresh.x)) {
				t.Fatalf("%v, %v where a new clone finds %v, %v", got, err, want, wantErr)
			}
		}
		if n := testing.AllocsPerRun(10, func() { used.Set(d) }); n > 0 {
			t.Fatalf("%v allocations", n)
		}
	}
}

// Of many rows that all touch a sphere, a first vertex is many steps away.
func TestManyRows(t *testing.T) {
	const n, m = 100, 1000
	r := rand.New(rand.NewPCG(5, 7))
	effort := 1 << 30
	lo, hi := slices.Repeat([]float64{-10}, n), slices.Repeat([]float64{10}, n)
	d := New(lo, hi, &effort)
	rows := make([][]float64, m)
	for k := range rows {
		rows[k] = make([]float64, n)
		for j := range rows[k] {
			rows[k][j] = r.NormFloat64()
		}
		d.Add(rows[k], math.Sqrt(vec.Dot(rows[k], rows[k])), false)
	}
	c := make([]float64, n)
	for j := range 3 {
		c[j] = 1
		value, err := d.Maximize(c)
		if err != nil {
			t.Fatal(err)
		}
		c[j] = 0
		bound, x := 0., make([]float64, n)
		z := slices.Clone(x)
		z[j] = 1
		for k, row := range rows {
			y := d.Multiplier(k)
			size := math.Sqrt(vec.Dot(row, row))
			bound += y * size
			for i, v := range row {
				x[i], z[i] = d.At(i), z[i]-y*v
			}
			if excess := vec.Dot(row, x)/size - 1; excess > 1e-9 || y < -1e-9 {
				t.Fatalf("x_%d: row %d is broken by %g, its multiplier is %g", j, k, excess, y)
			}
		}
		for _, v := range z {
			bound += 10 * math.Abs(v)
		}
		if !(bound-value <= 1e-8) {
			t.Errorf("the largest x_%d is %v, the dual bound %v", j, value, bound)
		}
	}
}

// What is left of a sum of which others take all but a billionth is right in its own last digit.
func TestRefine(t *testing.T) {
	parts := []float64{0.7, 0.2, 0.1 - 1e-9}
	effort := 1 << 20
	d := New(append(slices.Clone(parts), -1, 0), append(slices.Clone(parts), 1, 1), &effort)
	d.Add([]float64{1, 1, 1, 1}, 1, true)
	d.Add([]float64{0, 0, 0, 1, -1}, 0, false)
	if _, err := d.Maximize([]float64{0, 0, 0, 0, -1}); err != nil {
		t.Fatal(err)
	}
	rest := big.NewRat(1, 1)
	for _, v := range parts {
		rest.Sub(rest, new(big.Rat).SetFloat64(v))
	}
	want, _ := rest.Float64()
	d.x[3] += 1e-12 // and the row of the other is broken
	d.Refine()
	d.Refine()
	if d.At(3) != want || d.At(4) != want {
		t.Errorf("%g and %g are left, want %g", d.At(3), d.At(4), want)
	}
}
