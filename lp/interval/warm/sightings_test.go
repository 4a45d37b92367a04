package warm

import (
	"testing"

	"paspo/lp/internal/basis"
	"paspo/lp/internal/lptest"
)

func TestSightings(t *testing.T) {
	var s sightings
	state := func(k int) []basis.State {
		out := make([]basis.State, 12)
		for j := range out {
			out[j] = basis.State(k >> j & 1)
		}
		return out
	}
	for times := int64(1); times < 9; times++ {
		if got := s.again(state(5)); got != times {
			t.Fatalf("found %d times, counted %d", times, got)
		}
	}
	s.halve()
	if got := s.again(state(5)); got != 5 {
		t.Errorf("half of 8 and one more are %d", got)
	}
	// Counts are kept in limited space: that of other bases displaces this one.
	for k := range 1 << 12 {
		if k != 5 {
			s.again(state(k))
		}
	}
	if got := s.again(state(5)); got != 1 {
		t.Errorf("found %d times after 4 095 others", got)
	}
}

// TestRareBasesAreNotKept holds a store to keep what is found often.
func TestRareBasesAreNotKept(t *testing.T) {
	m, err := newModel(t.Context(), lptest.CappedSimplex(t, 20, 5), 1)
	if err != nil {
		t.Fatal(err)
	}
	e := m.suffix[0].stores[0]
	state := func(k int) []basis.State { // a basis of one column, the budget is tight
		out := make([]basis.State, e.g.N+e.g.M)
		for v := range out {
			switch {
			case v == k || v > e.g.N:
				out[v] = basis.Basic
			}
		}
		return out
	}
	kept := func(k int) bool { return e.find(state(k)) != nil }
	e.keep(state(1))
	if kept(1) {
		t.Error("kept at first sight")
	}
	for range 9 {
		e.keep(state(1))
	}
	if !kept(1) {
		t.Fatal("not kept though found ten times")
	}
	for range 2 {
		e.keep(state(2))
	}
	if !kept(1) || kept(2) {
		t.Error("what was found ten times gave way to what was found twice")
	}
	for range 30 {
		e.keep(state(2))
	}
	if kept(1) || !kept(2) {
		t.Error("what was found long ago did not give way")
	}
}
