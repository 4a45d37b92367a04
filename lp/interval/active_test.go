package interval

import (
	"math"
	"testing"

	"paspo/internal/rng"
	"paspo/lp"
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
	s, err := New(p, Config{Method: "explicit"})
	if err != nil {
		t.Fatal(err)
	}
	counts, ok, err := CountActive(s, 100, rng.New(1, "active"))
	if !ok || err != nil {
		t.Fatal(ok, err)
	}
	for i, c := range counts[:2] {
		if c.ActiveLower != 1 || c.ActiveUpper != 1 || c.Lower < 1 || c.Upper < 2 {
			t.Errorf("entity %d: %+v", i, c)
		}
	}
	if c := counts[2]; c.ActiveUpper < 1 || c.ActiveUpper > c.Upper || c.ActiveLower < 1 || c.ActiveLower > c.Lower {
		t.Errorf("%+v", c)
	}
	s = opened(t, p, Config{Method: "clp"})
	if _, ok, _ := CountActive(s, 1, rng.New(1)); ok {
		t.Error("linear programs have pieces")
	}
}
