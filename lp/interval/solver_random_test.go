package interval

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"

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
		0x3622f7cb9, // a lower bound of -0.9 where a row leaves 1e-8
	} {
		if err := checkRandomPolytope(seed, map[string]int{}); err != nil {
			t.Errorf("%#x: %v", seed, err)
		}
	}
}

// checkRandomPolytope completes actions of a random polytope.
func checkRandomPolytope(seed uint64, kinds map[string]int) error {
	r := rand.New(rng.New(seed, "polytope"))
	d, _ := lptest.RandomPolytope(r)
	p, err := lp.New(d)
	var unbounded *lp.UnboundedError
	if errors.As(err, &unbounded) {
		kinds["unbounded"]++
		return nil
	}
	if err != nil {
		return err
	}
	for _, method := range solverMethods {
		s, err := New(p, Config{Method: method, Workers: 1})
		if err != nil {
			return fmt.Errorf("%s: %w", method, err)
		}
		kinds[method]++
		if e, ok := unscaled(s).(*closedform.Solver); ok && e.Compiled().AnyLimits {
			kinds["any limits"]++
		}
		err = lptest.WalkChecked(s, r, nil, 3)
		s.Close()
		if err != nil {
			return fmt.Errorf("%s: %w\n%+v", method, err, d)
		}
	}
	return nil
}

// TestPresetsExactly checks intervals of the presets in rational arithmetic. The
// synthetic one has 611 rows and is held to its reference instead.
func TestPresetsExactly(t *testing.T) {
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
