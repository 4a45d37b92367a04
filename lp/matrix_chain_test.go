package lp

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"paspo/internal/race"
	"paspo/internal/rng"
	"paspo/lp/internal/vec"
)

// randomMatrix draws a matrix beside limits that hold a point of their own: rows that
// are those of the polytope, new, 0, the row before or a multiple of it, with
// coefficients over several orders.
func randomMatrix(p *Polytope, r *rand.Rand) Limits {
	lim, x := randomState(p, r)
	n := p.Dim()
	lim.A, lim.B = slices.Clone(p.Form().A), slices.Clone(p.Form().B)
	spread := []float64{0, 0, 3}[r.IntN(3)]
	for k := range p.Form().B {
		row := lim.A[k*n : (k+1)*n]
		slack := []float64{0, 1e-9, 0.01, 0.3}[r.IntN(4)]
		switch r.IntN(8) {
		case 0:
		case 1:
			clear(row)
		case 2, 3:
			if k > 0 {
				f := []float64{1, -1, 0.3}[r.IntN(3)]
				for j := range row {
					row[j] = f * lim.A[(k-1)*n+j]
				}
			}
		default:
			for j := range row {
				row[j] = 0
				if r.IntN(4) > 0 {
					row[j] = (r.Float64() - 0.3) * math.Pow(10, spread*(r.Float64()-0.5))
				}
				if k%2 == 0 {
					row[j] = math.Round(100*row[j]) / 100
				}
			}
		}
		lim.B[k] = vec.Dot(row, x) + slack
		if r.IntN(16) == 0 {
			lim.B[k] = math.Inf(1)
		}
	}
	return lim
}

// TestRandomMatrices holds intervals under matrices of a state to exact arithmetic,
// on polytopes of all kinds.
func TestRandomMatrices(t *testing.T) {
	race.Skip(t)
	kinds := map[string]int{}
	rapid.Check(t, func(t *rapid.T) {
		if err := checkRandomMatrices(rapid.Uint64().Draw(t, "seed"), kinds); err != nil {
			t.Fatal(err)
		}
	})
	t.Log(kinds)
	if kinds["left to CLP"] > kinds["answered"]/4 {
		t.Errorf("too much is left: %v", kinds)
	}
}

// What TestRandomMatrices found.
func TestRandomMatricesKept(t *testing.T) {
	race.Skip(t)
	for _, seed := range []uint64{
		0x152eafb66, // a lower bound of -0.7 where a row leaves 1e-8
		0x10000bdc,  // equalities that move an end by 4e7 times what they move
	} {
		if err := checkRandomMatrices(seed, map[string]int{}); err != nil {
			t.Errorf("%#x: %v", seed, err)
		}
	}
}

// checkRandomMatrices completes actions of a random polytope under random matrices and
// its own.
func checkRandomMatrices(seed uint64, kinds map[string]int) error {
	r := rand.New(rng.New(seed, "matrices"))
	d, _ := randomPolytope(r)
	p, err := New(d)
	if err != nil {
		return nil
	}
	limits := make([]Limits, 4)
	for x := range limits {
		limits[x] = randomMatrix(p, r)
	}
	limits[1] = Limits{}
	for _, method := range append([]string{"auto"}, solverMethods...) {
		s, err := NewSolver(p, SolverConfig{Method: method, Workers: 1})
		if err != nil {
			return fmt.Errorf("%s: %w", method, err)
		}
		err = walkChecked(s, r, limits, len(limits))
		if l, ok := unscaled(s).(*lazySolver); ok {
			m, ok := l.behind.started().(*matrixSolver)
			switch {
			case !ok:
				if len(p.Form().B) > 0 && err == nil {
					err = errors.New("no simplex behind warm-start bases")
				}
			case m.behind.started() != nil:
				kinds["left to CLP"]++
			default:
				kinds["answered"]++
			}
		}
		s.Close()
		if err != nil {
			return fmt.Errorf("%s: %w\n%+v\n%+v", method, err, d, limits)
		}
	}
	return nil
}

// TestMatrixPrefixes fixes prefixes that need not be feasible. What CLP refuses is
// refused for the same reason, and nothing else is.
func TestMatrixPrefixes(t *testing.T) {
	kinds := map[string]int{}
	rapid.Check(t, func(t *rapid.T) {
		seed := rapid.Uint64().Draw(t, "seed")
		r := rand.New(rng.New(seed, "matrix prefixes"))
		d, _ := randomPolytope(r)
		p, err := New(d)
		if err != nil {
			return
		}
		lim := []Limits{randomMatrix(p, r)}
		if r.IntN(4) == 0 && len(lim[0].B) > 0 {
			lim[0].B[0] -= 0.1
		}
		var chains []Chain
		for _, method := range []string{"clp", "lazy"} {
			s, err := NewSolver(p, SolverConfig{Method: method, Workers: 1})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			c := s.Chain(1)
			c.Begin(1, lim)
			chains = append(chains, c)
		}
		var prefix []float64
		for i := range p.Dim() {
			var lo, hi [2][1]float64
			var errs [2]error
			for k, c := range chains {
				errs[k] = c.Next(lo[k][:], hi[k][:])
			}
			if (errs[0] == nil) != (errs[1] == nil) {
				t.Fatalf("entity %d after %v: CLP %v, simplex %v\n%+v\n%+v", i, prefix, errs[0], errs[1], d, lim)
			}
			if errs[0] != nil {
				kinds["infeasible"]++
				var a, b *InfeasibleError
				if !errors.As(errs[0], &a) || !errors.As(errs[1], &b) {
					t.Fatalf("%v and %v", errs[0], errs[1])
				}
				if a.Entity != b.Entity || a.Row != b.Row || math.Abs(a.Amount-b.Amount) > 1e-9*a.Amount || !slices.Equal(a.Conflict, b.Conflict) {
					t.Fatalf("%+v and %+v", a, b)
				}
				return
			}
			l, h, ok := ExactInterval(p, prefix, &lim[0], 1.1e-6)
			for k := range chains {
				if slop := 1e-10 * max(1, math.Abs(l), math.Abs(h)); !ok || !(lo[k][0] >= l-slop && hi[k][0] <= h+slop && lo[k][0] <= hi[k][0]) {
					t.Fatalf("%d: entity %d after %v: [%v, %v] leaves [%v, %v] %v\n%+v\n%+v", k, i, prefix, lo[k][0], hi[k][0], l, h, ok, d, lim)
				}
			}
			a := choose(r, lo[0][0], hi[0][0])
			switch r.IntN(6) {
			case 0:
				a += math.Pow(10, -14*r.Float64()) * (r.Float64() - 0.5)
			case 1:
				a = float64(float32(a))
			case 2:
				a = hi[0][0] + 3e-7*r.Float64()
			case 3:
				a = hi[0][0] + 0.1*r.Float64()
			}
			prefix = append(prefix, a)
			for _, c := range chains {
				c.Fix([]float64{a})
			}
		}
		kinds["feasible"]++
	})
	t.Log(kinds)
}

// matrixStatesOf draws states of a benchmark's polytope, every third without a matrix.
func matrixStatesOf(p *Polytope, states int) []Limits {
	limits := stateLimits(p, states, rand.New(rng.New(4, "states")))
	for x := range limits {
		if x%3 == 2 {
			limits[x] = Limits{}
		}
	}
	return limits
}

// rightEnds says whether the interval of an entity, given what walkPlaces chose before,
// is that of limits that give by rounding at most.
func rightEnds(p *Polytope, limits []Limits, place, ends []float64, at int) bool {
	const slop = 1e-9
	row, i := at/p.Dim(), at%p.Dim()
	var prefix []float64
	for x := at - i; x < at; x++ {
		prefix = append(prefix, min(ends[2*x]+(ends[2*x+1]-ends[2*x])*place[x], ends[2*x+1]))
	}
	lo, hi, ok := ExactInterval(p, prefix, &limits[row], 2*rounding)
	if !ok || ends[2*at] < lo-slop || ends[2*at+1] > hi+slop {
		return false
	}
	lo, hi, ok = ExactInterval(p, prefix, &limits[row], 0)
	return !ok || ends[2*at] <= lo+slop && ends[2*at+1] >= hi-slop
}

// TestMatrixHasNoMemory holds every row to the bits that it has alone, in other
// batches, after other states and among goroutines. Linear programs are not needed
// but at ends of intervals, where what is left may be empty by rounding.
func TestMatrixHasNoMemory(t *testing.T) {
	for x, p := range slices.Repeat([]*Polytope{presets(t)[0], presets(t)[1], cappedPortfolio(t, 0.2), cappedSimplex(t, 20, 10)}, 2) {
		const rows = 24
		ends := x < 4
		n := p.Dim()
		r := rand.New(rng.New(3, "matrix memory"))
		place := make([]float64, rows*n)
		for k := range place {
			place[k] = r.Float64()
			if ends && r.IntN(4) == 0 {
				place[k] = math.Round(place[k])
			}
		}
		limits := matrixStatesOf(p, rows)
		open := func(method string) Solver {
			s, err := NewSolver(p, SolverConfig{Method: method})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { s.Close() })
			return s
		}
		for _, method := range []string{"auto", "lazy"} {
			s := open(method)
			want := walkPlaces(t, s, rows, limits, place)
			var wait sync.WaitGroup
			for _, batch := range []int{1, 7, rows} {
				wait.Go(func() {
					if err := sameBits(want, walkPlaces(t, s, batch, limits, place)); err != nil {
						t.Errorf("%s, %s: batches of %d: %v", p.Name(), method, batch, err)
					}
				})
			}
			wait.Wait()
			if err := sameBits(want, walkPlaces(t, open(method), 5, limits, place)); err != nil {
				t.Errorf("%s, %s: a fresh solver: %v", p.Name(), method, err)
			}
			if x, ok := unscaled(s).(*explicitSolver); ok {
				s = x.behind.started()
			}
			if m := unscaled(s).(*lazySolver).behind.started().(*matrixSolver); !ends && m.behind.started() != nil {
				t.Errorf("%s, %s: linear programs were needed", p.Name(), method)
			}
			if method == "lazy" {
				ref := walkPlaces(t, open("clp"), rows, limits, place)
				for k, v := range want {
					// At ends what was chosen before may differ by rounding, and what is left
					// by more: exact arithmetic knows.
					if math.Abs(v-ref[k]) > 1e-9 && !(ends && rightEnds(p, limits, place, want, k/2) && rightEnds(p, limits, place, ref, k/2)) {
						t.Errorf("%s: end %d is %v, by CLP %v", p.Name(), k, v, ref[k])
					}
				}
			}
		}
	}
}

// TestWarmMatrixChainAllocatesNothing begins new states all the time.
func TestWarmMatrixChainAllocatesNothing(t *testing.T) {
	p := cappedPortfolio(t, 0.2)
	s, err := NewSolver(p, SolverConfig{Method: "lazy"})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	const rows = 4
	limits := stateLimits(p, 8*rows, rand.New(rng.New(4, "states")))
	lo, hi, a := make([]float64, rows), make([]float64, rows), make([]float64, rows)
	c := s.Chain(rows)
	at := 0
	chain := func() {
		c.Begin(rows, limits[at%8*rows:])
		at++
		for range p.Dim() {
			if err := c.Next(lo, hi); err != nil {
				t.Fatal(err)
			}
			for x := range a {
				a[x] = lo[x] + (hi[x]-lo[x])*float64(x+1)/float64(rows+1)
			}
			c.Fix(a)
		}
	}
	for range 8 {
		chain()
	}
	if n := testing.AllocsPerRun(20, chain); n > 0 {
		t.Errorf("%v allocations", n)
	}
}
