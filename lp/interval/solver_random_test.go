package interval

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"

	"paspo/internal/long"
	"paspo/internal/rng"
	_ "paspo/internal/seeded"
	"paspo/lp"
	"paspo/lp/constraints"
	"paspo/lp/internal/lptest"
	"paspo/lp/interval/closedform"
)

func TestRandomPolytopes(t *testing.T) {
	kinds := map[string]int{}
	rapid.Check(t, func(t *rapid.T) {
		if err := checkRandomPolytope(rapid.Uint64().Draw(t, "seed"), kinds); err != nil {
			t.Fatal(err)
		}
	})
	t.Log(kinds)
}

// What TestRandomPolytopes found.
func TestRandomPolytopesKept(t *testing.T) {
	for _, seed := range []uint64{
		0x693d,      // two equalities fix an entity, one through a coefficient of 0.001
		0x3622f7cb9, // a lower bound of -0.9, where a row allows a width of 1e-8
	} {
		if err := checkRandomPolytope(seed, map[string]int{}); err != nil {
			t.Errorf("%#x: %v", seed, err)
		}
	}
}

// checkRandomPolytope completes actions of a random polytope.
func checkRandomPolytope(seed uint64, kinds map[string]int) error {
	r := rand.New(rng.New(seed, "polytope"))
	d := lptest.RandomPolytope(r)
	p, err := lp.New(d)
	var unbounded *lp.UnboundedError
	if errors.As(err, &unbounded) {
		kinds["unbounded"]++
		return nil
	}
	if err != nil {
		return err
	}
	return checkMethods(solverMethods, p, d, r, nil, 3, func(method string, s lp.Solver) error {
		kinds[method]++
		e, ok := find[*closedform.Solver](s)
		if !ok {
			return nil
		}
		if e.Compiled().AnyLimits {
			kinds["any limits"]++
		}
		return e.Intervals().Certify()
	})
}

// checkMethods completes rows of actions of p, which d describes, by several methods, and
// calls look with each solver then.
func checkMethods(methods []string, p *lp.Polytope, d lp.Description, r *rand.Rand, limits []lp.Limits, rows int, look func(method string, s lp.Solver) error) error {
	for _, method := range methods {
		s, err := New(p, Config{Method: method, Workers: 1})
		if err != nil {
			return fmt.Errorf("%s: %w", method, err)
		}
		if err = lptest.WalkChecked(s, r, limits, rows); err == nil {
			err = look(method, s)
		}
		s.Close()
		if err != nil {
			return fmt.Errorf("%s: %w\n%+v\n%+v", method, err, d, limits)
		}
	}
	return nil
}

// beginAll begins an action by every method.
func beginAll(t *rapid.T, methods []string, p *lp.Polytope, limits []lp.Limits) []lp.Chain {
	t.Helper()
	var chains []lp.Chain
	for _, method := range methods {
		c := opened(t, p, Config{Method: method, Workers: 1}).Chain(1)
		c.Begin(1, limits)
		chains = append(chains, c)
	}
	return chains
}

// fourStates draws limits of four states, of which one has none of its own.
func fourStates(p *lp.Polytope, r *rand.Rand, draw func(*lp.Polytope, *rand.Rand) lp.Limits) []lp.Limits {
	limits := make([]lp.Limits, 4)
	for k := range limits {
		limits[k] = draw(p, r)
	}
	limits[1] = lp.Limits{}
	return limits
}

// insideRelaxed says whether an interval is within the exact one on limits that are relaxed by as much
// as a prefix may be infeasible.
func insideRelaxed(p *lp.Polytope, prefix []float64, lim *lp.Limits, lo, hi float64) error {
	l, h, ok := lptest.ExactInterval(p, prefix, lim, 1.1e-6)
	if slop := 1e-10 * max(1, math.Abs(l), math.Abs(h)); !ok || !(lo >= l-slop && hi <= h+slop && lo <= hi) {
		return fmt.Errorf("entity %d after %v: [%v, %v] leaves [%v, %v] %v", len(prefix), prefix, lo, hi, l, h, ok)
	}
	return nil
}

// chooseAbout chooses an amount of an interval or, where how is at most 2, one that rounding
// or a little more moves off it. It says how, one of 6 ways.
func chooseAbout(r *rand.Rand, lo, hi float64) (a float64, how int) {
	a, how = lptest.Choose(r, lo, hi), r.IntN(6)
	switch how {
	case 0:
		a += math.Pow(10, -14*r.Float64()) * (r.Float64() - 0.5)
	case 1:
		a = float64(float32(a))
	case 2:
		a = hi + 3e-7*r.Float64()
	}
	return a, how
}

// TestPresetsExactly checks intervals of the presets in rational arithmetic. The
// synthetic one has 611 rows and is held to its reference instead.
func TestPresetsExactly(t *testing.T) {
	long.Test(t)
	for _, name := range []string{"portfolio", "compute"} {
		p, err := constraints.Preset(name, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, method := range solverMethods {
			s, err := New(p, Config{Method: method})
			if err != nil {
				t.Fatal(err)
			}
			if err := lptest.WalkChecked(s, rand.New(rng.New(5, name)), nil, 10); err != nil {
				t.Errorf("%s/%s: %v", name, method, err)
			}
			s.Close()
		}
	}
}
