package interval

import (
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"paspo/internal/rng"
	"paspo/lp"
	"paspo/lp/constraints"
	"paspo/lp/internal/lptest"
	"paspo/lp/interval/relay"
	"paspo/lp/interval/warm"
)

// TestMixedBatch compares every row of a mixed batch with the bits that it has alone and in several
// goroutines, and rows that the closed form hands over with the answers of warm-start bases.
func TestMixedBatch(t *testing.T) {
	const rows = 60
	for _, name := range []string{"portfolio", "compute"} {
		p, err := constraints.Preset(name, 0)
		if err != nil {
			t.Fatal(err)
		}
		r := rand.New(rng.New(3, "mixed", name))
		n := p.Dim()
		limits := lptest.MixedLimits(p, rows, r)
		place := make([]float64, rows*n)
		for k := range place {
			place[k] = r.Float64()
		}
		open := func(method string) lp.Solver { return opened(t, p, Config{Method: method}) }
		s := open("explicit")
		want := lptest.WalkPlaces(t, s, rows, limits, place)
		var wait sync.WaitGroup
		for _, batch := range []int{1, 7, 16, rows} {
			wait.Go(func() {
				if err := lptest.SameBits(want, lptest.WalkPlaces(t, s, batch, limits, place)); err != nil {
					t.Errorf("%s: batches of %d: %v", name, batch, err)
				}
			})
		}
		wait.Wait()
		if err := lptest.SameBits(want, lptest.WalkPlaces(t, open("explicit"), 3, limits, place)); err != nil {
			t.Errorf("%s: a fresh solver: %v", name, err)
		}
		kept := lptest.WalkPlaces(t, open("lazy"), rows, limits, place)
		capped := 0
		for x, lim := range limits {
			of := func(endpoints []float64) []float64 { return endpoints[2*n*x : 2*n*(x+1)] }
			if lim.Upper != nil {
				capped++
				if err := lptest.SameBits(of(kept), of(want)); err != nil {
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
		total := stats
		if !ok || total.Hits == 0 || total.HandedOver > 0 || capped == 0 {
			t.Errorf("%s: %d rows with caps: %v", name, capped, total)
		}
		if bases, _ := find[*warm.Solver](s); bases.Behind() != nil {
			t.Errorf("%s: linear programs were needed", name)
		}
		t.Logf("%s: %v", name, total)
	}
}

// TestPrefixOutside hands rows over twice: the closed form to warm-start bases, and these to
// linear programs.
func TestPrefixOutside(t *testing.T) {
	p, err := constraints.Preset("portfolio", 0)
	if err != nil {
		t.Fatal(err)
	}
	s := opened(t, p, Config{Method: "explicit"})
	n := p.Dim()
	caps := slices.Repeat([]float64{0.2}, n)
	limits := []lp.Limits{{}, {Upper: caps}, {}, {Upper: caps}}
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
				if err := lptest.CheckInterval(p, actions[x], relay.At(limits, x), lo[x], hi[x]); err != nil {
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
	// Amounts of rows 0 and 1 are outside of their intervals, and caps of rows 1 and 3 are not for the closed form.
	rows, to := inner(c).Handed()
	if !slices.Equal(slices.Sorted(slices.Values(rows)), []int{0, 1, 3}) {
		t.Errorf("handed over: %v", rows)
	}
	if rows, _ = to.(hander).Handed(); !slices.Equal(slices.Sorted(slices.Values(rows)), []int{0, 1}) {
		t.Errorf("handed over, the next entity: %v", rows)
	}
}

// A prefix that is handed over is answered, whatever its row of the batch held before. In
// a_1 + .. + a_6 = 1, 0 <= a <= 1/4, the action before had an interval of [0, 0] for the last entity.
func TestHandoverAfterAnotherAction(t *testing.T) {
	p, err := lp.New(lp.Description{Entities: lptest.Names(6), Total: 1, Upper: slices.Repeat([]float64{0.25}, 6)})
	if err != nil {
		t.Fatal(err)
	}
	for _, method := range solverMethods {
		s := opened(t, p.Canonical(), Config{Method: method})
		c := s.(relay.Solver).Taker(1)
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
		c.BeginEmpty(1)
		c.Take(0, nil, []float64{0, 0}, false)
		if next(); math.Abs(lo[0]-0.25) > 1e-11 || math.Abs(hi[0]-0.25) > 1e-11 {
			t.Errorf("%s: after [0, 0] the third entity is in [%v, %v], want 0.25", method, lo[0], hi[0])
		}
	}
}

func TestDescribe(t *testing.T) {
	for _, c := range []struct {
		p    *lp.Polytope
		want string
	}{
		{lptest.Presets(t)[0], "explicit, lazy where caps follow the state"},
		{lptest.Presets(t)[2], "explicit, linear programs where limits follow the state"}, // 611 rows
		{lptest.CappedPortfolio(t, 0.2), "explicit"},
	} {
		s, err := New(c.p, Config{Method: "explicit"})
		if err != nil {
			t.Fatal(err)
		}
		if got := Describe(s, &lp.Limits{}); got != c.want {
			t.Errorf("%s: %q, want %q", c.p.Name(), got, c.want)
		}
		if got := Describe(s, nil); got != "explicit" {
			t.Errorf("%s under its own limits: %q", c.p.Name(), got)
		}
		s.Close()
	}
}

// The bases of a hull know no limits but its own, and say so.
func TestDescribeHull(t *testing.T) {
	p := lptest.BareHull(t)
	s, err := New(p, Config{Method: "lazy"})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if got := Describe(s, &lp.Limits{}); got != "linear programs" {
		t.Errorf("limits follow the state: %q", got)
	}
	if got := Describe(s, nil); got != "lazy" {
		t.Errorf("under its own limits: %q", got)
	}
	_, upper := p.Bounds()
	caps := slices.Clone(upper)
	for i := range caps {
		caps[i] = 10
	}
	c, lo, hi := s.Chain(1), make([]float64, 1), make([]float64, 1)
	c.Begin(1, []lp.Limits{{Upper: caps}})
	if err := c.Next(lo, hi); err != nil {
		t.Fatal(err)
	}
	if stats, ok := WarmStarts(s); !ok || stats.Hits+stats.Misses != 0 {
		t.Errorf("bases answered %v", stats)
	}
}

// Beyond says what the ladder does where there is no closed form.
func TestBeyond(t *testing.T) {
	plain := lptest.Presets(t)
	terms, err := lp.New(lp.Description{
		Entities: []string{"A", "B", "C"}, Total: 1, Upper: []float64{1, 1, 1},
		Rows: []lp.Row{{Name: "near", Coef: make([]float64, 3), Min: math.Inf(-1), Max: 0.4, Terms: []lp.Term{
			{Entity: 0, Above: 1, Below: 1, From: 0.2}, {Entity: 1, Above: 1, Below: 1, From: 0.3}, {Entity: 2, Above: 1, Below: 1, From: 0.5},
		}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		p    *lp.Polytope
		want string
	}{{plain[0], "lazy"}, {plain[2], "lazy"}, {terms, "simplex"}} {
		got, err := Beyond(t.Context(), c.p)
		if err != nil || got != c.want {
			t.Errorf("%s: %q, want %q: %v", c.p.Name(), got, c.want, err)
		}
	}
}

// hander is a chain that hands rows over to another method.
type hander interface{ Handed() ([]int, relay.Taker) }

// inner returns the chain that hands rows over, whatever the units are.
func inner(c lp.Chain) hander {
	if x, ok := c.(*unitChain); ok {
		c = x.Taker
	}
	return c.(hander)
}
