package network

import (
	"math"
	"slices"
	"testing"

	"paspo/policy"
)

func initial(t *testing.T, cfg policy.Config, heads int, fit *policy.Fit, seed uint64) (*Layout, []float32) {
	t.Helper()
	l := NewLayout(&cfg, 5, heads+1, heads)
	w := make([]float32, l.Size)
	if err := initialise(w, l, &cfg, fit, seed); err != nil {
		t.Fatal(err)
	}
	return l, w
}

// Every tensor fills +-1/sqrt(fan_in), the fan-in of head i being latent + i.
func TestInitialBounds(t *testing.T) {
	const heads = 20
	l, w := initial(t, policy.DefaultConfig(), heads, nil, 1)
	largest := func(x []float32) float64 {
		m := 0.
		for _, v := range x {
			m = max(m, math.Abs(float64(v)))
		}
		return m
	}
	for i := range l.Tensors {
		s := &l.Tensors[i]
		blocks := 1
		if s.Net == "heads" {
			blocks = heads
		}
		for h := range blocks {
			size := s.Size / blocks
			fanIn := s.In
			if s.Net == "heads" && s.Layer == 0 {
				fanIn = 32 + h
			}
			bound := 1 / math.Sqrt(float64(fanIn))
			got := largest(Slice(w, s)[h*size : (h+1)*size])
			// The largest of k uniform numbers is below 0.2 with probability 0.2^k.
			if got > bound || size > 20 && got < 0.8*bound {
				t.Errorf("%s, head %d: largest %g, bound %g", s.Name, h, got, bound)
			}
		}
	}
	_, again := initial(t, policy.DefaultConfig(), heads, nil, 1)
	_, other := initial(t, policy.DefaultConfig(), heads, nil, 2)
	if !slices.Equal(w, again) || slices.Equal(w, other) {
		t.Error("the parameters are not a function of the seed")
	}
}
