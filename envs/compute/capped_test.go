package compute

import (
	"math"
	"testing"

	"paspo/lp"
)

func TestComputeCaps(t *testing.T) {
	c := DefaultConfig()
	c.QueueHalf = 2
	p, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	e, obs := p.New().(*Capped), make([]float64, p.Spec().ObsDim)
	e.ResetTo([]Task{{0, 1e6, 1e8, 1}, {0.002, 1e6, 1e6, 1}}, obs)
	a, err := p.GreedyBySpeed()
	if err != nil {
		t.Fatal(err)
	}
	e.Step(nil, a, obs)
	var lim lp.Limits
	e.Limits(&lim)
	some := false
	for i, done := range e.Done() {
		q := max(0, done-0.002) * 1e3
		some = some || q > 1
		if want := 2/(2+q) + e.Relaxation(); math.Abs(lim.Upper[i]-want) > 1e-12 || lim.Lower[i] != 0 || obs[18+i] != q {
			t.Errorf("server %d with a queue of %v ms: cap %v, want %v; observed %v", i, q, lim.Upper[i], want, obs[18+i])
		}
	}
	if !some {
		t.Error("no server has a queue")
	}
}
