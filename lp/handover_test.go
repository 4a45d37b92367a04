package lp

import (
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"paspo/internal/rng"
)

// mixedLimits are those of a batch whose rows are under the polytope's own limits,
// under others that the closed form covers, and under caps that it does not.
func mixedLimits(p *Polytope, rows int, r *rand.Rand) []Limits {
	n := p.Dim()
	limits := make([]Limits, rows)
	for x := range limits {
		switch r.IntN(3) {
		case 0:
			b := slices.Clone(p.Form().B)
			for k := range b {
				b[k] += 0.2 * r.Float64()
			}
			limits[x].B = b
		case 1:
			u := make([]float64, n)
			for j := range u {
				u[j] = (2 + 2*r.Float64()) / float64(n)
			}
			limits[x].Upper = u
		}
	}
	return limits
}

// walkPlaces completes actions at given places of their intervals, batch rows at a
// time, and returns all ends, one row after another.
func walkPlaces(t testing.TB, s Solver, batch int, limits []Limits, place []float64) []float64 {
	t.Helper()
	n := s.Polytope().Dim()
	ends := make([]float64, 2*n*len(limits))
	lo, hi, a := make([]float64, batch), make([]float64, batch), make([]float64, batch)
	c := s.Chain(batch)
	for from := 0; from < len(limits); from += batch {
		rows := min(batch, len(limits)-from)
		c.Begin(rows, limits[from:])
		for i := range n {
			if err := c.Next(lo, hi); err != nil {
				t.Errorf("entity %d: %v", i, err)
				return ends
			}
			for x := range rows {
				at := (from+x)*n + i
				ends[2*at], ends[2*at+1] = lo[x], hi[x]
				a[x] = min(lo[x]+(hi[x]-lo[x])*place[at], hi[x])
			}
			c.Fix(a)
		}
	}
	return ends
}

// TestMixedBatch holds every row of a mixed batch to the bits that it has alone and
// among goroutines, and rows that the closed form leaves to those of warm-start bases.
func TestMixedBatch(t *testing.T) {
	const rows = 60
	for _, name := range []string{"portfolio", "compute"} {
		p, err := presetPolytope(name)
		if err != nil {
			t.Fatal(err)
		}
		r := rand.New(rng.New(3, "mixed", name))
		n := p.Dim()
		limits := mixedLimits(p, rows, r)
		place := make([]float64, rows*n)
		for k := range place {
			place[k] = r.Float64()
		}
		open := func(method string) Solver {
			s, err := NewSolver(p, SolverConfig{Method: method})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { s.Close() })
			return s
		}
		s := open("explicit")
		want := walkPlaces(t, s, rows, limits, place)
		var wait sync.WaitGroup
		for _, batch := range []int{1, 7, 16, rows} {
			wait.Go(func() {
				if err := sameBits(want, walkPlaces(t, s, batch, limits, place)); err != nil {
					t.Errorf("%s: batches of %d: %v", name, batch, err)
				}
			})
		}
		wait.Wait()
		if err := sameBits(want, walkPlaces(t, open("explicit"), 3, limits, place)); err != nil {
			t.Errorf("%s: a fresh solver: %v", name, err)
		}
		kept := walkPlaces(t, open("lazy"), rows, limits, place)
		capped := 0
		for x, lim := range limits {
			of := func(ends []float64) []float64 { return ends[2*n*x : 2*n*(x+1)] }
			if lim.Upper != nil {
				capped++
				if err := sameBits(of(kept), of(want)); err != nil {
					t.Errorf("%s: row %d with caps: %v", name, x, err)
				}
				continue
			}
			for k, v := range of(want) {
				if math.Abs(v-of(kept)[k]) > 1e-9 {
					t.Errorf("%s: row %d: end %d is %v, by warm-start bases %v", name, x, k, v, of(kept)[k])
				}
			}
		}
		stats, ok := WarmStarts(s)
		total := stats.Total()
		if !ok || total.Hits == 0 || total.Left > 0 || capped == 0 {
			t.Errorf("%s: %d rows with caps: %v", name, capped, total)
		}
		if unscaled(s).(*explicitSolver).behind.started().(*lazySolver).behind.started() != nil {
			t.Errorf("%s: linear programs were needed", name)
		}
		t.Logf("%s: %v", name, total)
	}
}

// TestStrayedPrefix hands rows over twice: the closed form to warm-start bases, and these to
// linear programs.
func TestStrayedPrefix(t *testing.T) {
	p, err := presetPolytope("portfolio")
	if err != nil {
		t.Fatal(err)
	}
	s, err := NewSolver(p, SolverConfig{Method: "explicit"})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	n := p.Dim()
	caps := slices.Repeat([]float64{0.2}, n)
	limits := []Limits{{}, {Upper: caps}, {}, {Upper: caps}}
	lo, hi, a := make([]float64, 4), make([]float64, 4), make([]float64, 4)
	actions := make([][]float64, 4)
	c := s.Chain(4)
	c.Begin(4, limits)
	for i := range n {
		if err := c.Next(lo, hi); err != nil {
			t.Fatalf("entity %d: %v", i, err)
		}
		for x := range a {
			a[x] = lo[x] + (hi[x]-lo[x])/3
			if i == 4 && x < 2 {
				a[x] = hi[x] + 5e-7
			}
			if i < 4 || x >= 2 {
				if err := checkInterval(p, actions[x], at(limits, x), lo[x], hi[x]); err != nil {
					t.Errorf("entity %d of row %d: %v", i, x, err)
				}
			}
			actions[x] = append(actions[x], a[x])
		}
		c.Fix(a)
	}
	for x, action := range actions {
		if res := p.Residual(action, &limits[x]); !(res <= 1e-6) || x >= 2 && !(res <= 1e-12) {
			t.Errorf("row %d: residual %g", x, res)
		}
	}
	if !slices.Equal(inner(c).behind.gone, []bool{true, true, false, true}) {
		t.Errorf("handed over: %v", inner(c).behind.gone)
	}
	if l := inner(c).behind.chain.(*lazyChain); !slices.Equal(l.behind.gone, []bool{true, true, false, false}) {
		t.Errorf("handed on: %v", l.behind.gone)
	}
}

// A prefix that is handed over is answered whatever its row was answered before: of
// a_1 + .. + a_6 = 1, 0 <= a <= 1/4, the last had no more than 0 before.
func TestHandoverAfterAnotherAction(t *testing.T) {
	p := sampleNew(t, Description{Entities: testNames(6), Total: 1, Upper: slices.Repeat([]float64{0.25}, 6)})
	for _, method := range []string{"clp", "lazy"} {
		s, err := NewSolver(p.Canonical(), SolverConfig{Method: method})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		c := s.Chain(1).(follower)
		lo, hi := []float64{0}, []float64{0}
		next := func() {
			t.Helper()
			if err := c.Next(lo, hi); err != nil {
				t.Fatal(err)
			}
		}
		c.Begin(1, nil)
		for _, a := range []float64{0.25, 0.25, 0, 0.25, 0.25} {
			next()
			c.Fix([]float64{a})
		}
		if next(); lo[0] != 0 || hi[0] != 0 {
			t.Errorf("%s: [%v, %v] is left, want 0", method, lo[0], hi[0])
		}
		c.follow(1)
		c.take(0, nil, []float64{0, 0}, false)
		if next(); math.Abs(lo[0]-0.25) > 1e-11 || math.Abs(hi[0]-0.25) > 1e-11 {
			t.Errorf("%s: after [0, 0] the third entity is in [%v, %v], want 0.25", method, lo[0], hi[0])
		}
	}
}

func TestDescribe(t *testing.T) {
	for _, c := range []struct {
		p    *Polytope
		want string
	}{
		{presets(t)[0], "explicit, lazy where caps follow the state"},
		{presets(t)[2], "explicit, linear programs where limits follow the state"}, // 611 rows
		{capped(t, 0.2), "explicit"},
	} {
		s, err := NewSolver(c.p, SolverConfig{Method: "explicit"})
		if err != nil {
			t.Fatal(err)
		}
		if got := Describe(s, &Limits{}); got != c.want {
			t.Errorf("%s: %q, want %q", c.p.Name(), got, c.want)
		}
		if got := Describe(s, nil); got != "explicit" {
			t.Errorf("%s under its own limits: %q", c.p.Name(), got)
		}
		s.Close()
	}
}

// inner returns the chain of a closed form, whatever the units are.
func inner(c Chain) *explicitChain {
	if x, ok := c.(*scaledChain); ok {
		c = x.Chain
	}
	return c.(*explicitChain)
}
