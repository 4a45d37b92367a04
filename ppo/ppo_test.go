package ppo

import (
	"math/rand/v2"
	"testing"

	"paspo/internal/rng"
)

func TestShuffled(t *testing.T) {
	cfg := DefaultConfig()
	l := &learner{Config: cfg, rand: rand.New(rng.New(7, "shuffle")), rows: make([]int32, cfg.Epochs*cfg.BatchSize())}
	one, two := l.shuffled(0), l.shuffled(1)
	same := 0
	seen := make([]bool, len(one))
	for i, r := range one {
		if seen[r] {
			t.Fatalf("row %d twice", r)
		}
		seen[r] = true
		if two[i] == r {
			same++
		}
	}
	if same > len(one)/4 {
		t.Errorf("%d of %d rows stand where they stood in the epoch before", same, len(one))
	}
}
