package closedform

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"paspo/internal/rng"
	"paspo/lp"
	"paspo/lp/internal/lptest"
	"paspo/lp/internal/vec"
	"paspo/lp/interval/relay"
)

// compiled returns the closed form of the canonical form of p, with nothing behind it.
func compiled(t testing.TB, p *lp.Polytope) *Solver {
	t.Helper()
	f, err := Compile(t.Context(), p.Canonical(), Budget{2000, 100})
	if err != nil {
		t.Fatal(err)
	}
	s := New(f, func() (relay.Solver, error) { return nil, errors.New("nothing is behind") })
	t.Cleanup(func() { s.Close() })
	return s
}

// plainInterval evaluates the pieces as they are defined.
func plainInterval(e *EndpointTable, rho []float64) (lo, hi float64) {
	lo, hi = math.Inf(-1), math.Inf(1)
	if e.Floor {
		lo = 0
	}
	for w := e.Lower; len(w) > 0; w = w[e.Stride:] {
		lo = max(lo, vec.Dot(w[:e.Stride], rho))
	}
	for w := e.Upper; len(w) > 0; w = w[e.Stride:] {
		hi = min(hi, vec.Dot(w[:e.Stride], rho))
	}
	return lo, hi
}

// TestPruned compares intervals from the pieces that pruning keeps with those from all pieces. choose
// takes endpoints and corners, where pieces are equal.
func TestPruned(t *testing.T) {
	r := rand.New(rng.New(7, "prune"))
	all := []*lp.Polytope{lptest.CappedPortfolio(t, 0.2), lptest.RandomSimplex(t, r, 9, 6, 0.3), lptest.RandomSimplex(t, r, 8, 24, 0), lptest.RandomSimplex(t, r, 30, 5, 0)}
	all = append(all, lptest.Presets(t)...)
	for _, p := range all {
		s := compiled(t, p)
		f := s.f
		worst := 0.
		c := s.Chain(1).(*chain)
		lo, hi, a := []float64{0}, []float64{0}, []float64{0}
		for range 500 {
			c.Begin(1, nil)
			for i := range p.Dim() {
				if err := c.Next(lo, hi); err != nil {
					t.Fatal(err)
				}
				full, own := &f.All[i], &f.Needed[i]
				rho := c.groups[ownLimits].b.Rho[:f.Size]
				l, u := plainInterval(full, rho)
				x, y := plainInterval(own, rho)
				// In units of what an endpoint moves when all limits are relaxed.
				sens := 1.
				for _, g := range slices.Concat(own.LowerSensitivity, own.UpperSensitivity) {
					sens = max(sens, g)
				}
				worst = max(worst, math.Abs(l-x)/sens, math.Abs(u-y)/sens)
				a[0] = lptest.Choose(r, lo[0], hi[0])
				c.Fix(a)
			}
		}
		s.Close()
		if !(worst <= 1e-13) {
			t.Errorf("%s: endpoints differ by %g", p.Describe(), worst)
		}
		d := s.Compiled()
		n, needed := d.Pieces()
		t.Logf("%s: %d of %d pieces, difference %.2g, %v, %d steps", p.Describe(), needed, n, worst, f.took, f.steps)
	}
}

// TestPrunedThin compares endpoints with exact arithmetic on a polytope that is empty once limits are
// tightened by 1e-13. Given the least of the first entity, that of the second is
// 0.97670521273 by a piece of sensitivity 1605, and 0.97670521253 by the more sensitive ones
// beside it, though relaxing all limits by 2e-11 moves it by no more.
func TestPrunedThin(t *testing.T) {
	inf := math.Inf(1)
	p, err := lp.New(lp.Description{
		Entities: []string{"a", "b", "c", "d", "e"}, Total: 3.586094877080445,
		Lower: []float64{0, 0, -0.5376439663737453, 0, 0.34230694960935204},
		Upper: []float64{inf, inf, inf, inf, 0.34230694960935204},
		Rows: []lp.Row{
			{Coef: []float64{0, -0.0063658764886535294, -0.0053220823801685135, 0, 59.84151000757541}, Min: 20.47577662739621, Max: 20.47577662739621},
			{Coef: []float64{0.10977749834222221, 0, 0, 123.61623188184686, 912.893127362489}, Min: -inf, Max: 427.4901969844028},
			{Coef: []float64{0, 0, 0, -31.904488803413535, 19.568443135257834}, Min: -inf, Max: -22.956080432466553},
			{Coef: []float64{-0.0056436283360034485, -0.667408649624439, 193.42294606746148, 0, 0}, Min: -inf, Max: 78.22779635470647},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	s := compiled(t, p)
	if err := lptest.WalkChecked(s, rand.New(rng.New(1, "thin")), nil, 100); err != nil {
		t.Error(err)
	}
	units, _, _ := p.Canonical().Units()
	least := []float64{0.929769194070057 / units[0]}
	c, lo, hi := s.Chain(1), []float64{0}, []float64{0}
	c.Begin(1, nil)
	if err := c.Next(lo, hi); err != nil {
		t.Fatal(err)
	}
	c.Fix(least)
	if err := c.Next(lo, hi); err != nil {
		t.Fatal(err)
	}
	if err := lptest.CheckInterval(s.Polytope(), least, nil, lo[0], hi[0]); err != nil {
		t.Error(err)
	}
}

// On a_1 + a_2 + a_3 = 1, a >= 0, a_1 + 2 a_2 <= 1/2 each endpoint has one piece but
// those of the last entity, which the total fixes.
func TestPrunedCounts(t *testing.T) {
	p, err := lp.New(lp.Description{
		Entities: []string{"a", "b", "c"}, Total: 1,
		Rows: []lp.Row{{Name: "row", Coef: []float64{1, 2, 0}, Min: math.Inf(-1), Max: 0.5}},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range compiled(t, p).Compiled().Entities[:2] {
		if e.NeededLower != 1 || e.NeededUpper != 1 || e.Upper < 2 {
			t.Errorf("%+v", e)
		}
	}
}

// A budget that ends keeps what is not decided, and the count is the same on
// every run.
func TestPruneBudget(t *testing.T) {
	p := lptest.CappedPortfolio(t, 0.2)
	f, err := compileDual(p, allRows(p), 2000, new(1<<40))
	if err != nil {
		t.Fatal(err)
	}
	last := math.MaxInt
	for _, budget := range []int{0, 300_000, 3_000_000, 30_000_000} {
		kept := 0
		for again := range 2 {
			effort, count := budget, 0
			f.prune(&effort)
			for i := range f.Needed {
				lower, upper := f.Needed[i].counts()
				count += lower + upper
			}
			if again > 0 && count != kept {
				t.Errorf("budget %d: %d pieces, then %d", budget, kept, count)
			}
			kept = count
		}
		t.Logf("budget %d: %d pieces", budget, kept)
		if kept > last {
			t.Errorf("budget %d keeps %d pieces, a smaller one %d", budget, kept, last)
		}
		last = kept
	}
}
