package measure

import (
	"math"
	"slices"
	"testing"

	"paspo/internal/rng"
	"paspo/lp"
	"paspo/lp/constraints"
	"paspo/lp/interval"
	"paspo/lp/interval/closedform"
)

// On a_1 + a_2 + a_3 = 1, a >= 0, a_1 + 2 a_2 <= 1/2 the endpoints of a_1 are 0 and 1/2:
// of the two pieces of its upper endpoint, the row and the total, the row is always
// tighter. Those of a_2 are 0 and (1/2 - a_1)/2, below 1 - a_1. That of a_3 is the
// rest.
func TestCountActive(t *testing.T) {
	p, err := lp.New(lp.Description{
		Entities: []string{"a", "b", "c"}, Total: 1,
		Rows: []lp.Row{{Name: "row", Coef: []float64{1, 2, 0}, Min: math.Inf(-1), Max: 0.5}},
	})
	if err != nil {
		t.Fatal(err)
	}
	s, err := interval.New(p, interval.Config{Method: "explicit"})
	if err != nil {
		t.Fatal(err)
	}
	counts, err := countActive(s, 100, rng.New(1, "active"))
	if len(counts) != 3 || err != nil {
		t.Fatal(counts, err)
	}
	for i, c := range counts[:2] {
		if c.ActiveLower != 1 || c.ActiveUpper != 1 || c.Lower < 1 || c.Upper < 2 {
			t.Errorf("entity %d: %+v", i, c)
		}
	}
	if c := counts[2]; c.ActiveUpper < 1 || c.ActiveUpper > c.Upper || c.ActiveLower < 1 || c.ActiveLower > c.Lower {
		t.Errorf("%+v", c)
	}
	if s, err = interval.New(p, interval.Config{Method: "clp"}); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if counts, _ := countActive(s, 1, rng.New(1)); counts != nil {
		t.Error("linear programs have pieces")
	}
}

// Every piece that is met is among those that the polytope's own limits need.
func TestActiveAreNeeded(t *testing.T) {
	var all []*lp.Polytope
	for _, name := range []string{"portfolio", "compute", "synthetic"} {
		p, err := constraints.Preset(name, 0)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
	d := all[0].Description()
	d.Upper = slices.Repeat([]float64{0.2}, len(d.Entities))
	capped, err := lp.New(d)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range append(all, capped) {
		s, err := interval.New(p, interval.Config{Method: "explicit"})
		if err != nil {
			t.Fatal(err)
		}
		active, err := countActive(s, 2000, rng.New(8, "active"))
		if err != nil {
			t.Fatal(err)
		}
		for i, e := range s.(closedform.Describer).Compiled().Entities[:p.Dim()-1] {
			if a := active[i]; a.ActiveLower > e.NeededLower || a.ActiveUpper > e.NeededUpper {
				t.Errorf("%s: %+v, %+v", p.Name(), a, e)
			}
		}
		s.Close()
	}
}
