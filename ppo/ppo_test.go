package ppo

import (
	"math/rand/v2"
	"testing"

	"paspo/internal/rng"
)

func TestShuffled(t *testing.T) {
	cfg := DefaultConfig()
	l := &learner{Config: cfg, rand: rand.New(rng.New(7, "shuffle")), rows: make([]int32, cfg.Epochs*cfg.BatchSize())}
	one, two := l.shuffled(0, nil), l.shuffled(1, nil)
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

// No minibatch has a skipped row, all other rows are in one, and those that take the places of
// skipped rows are chosen evenly.
func TestShuffledSkips(t *testing.T) {
	cfg := DefaultConfig()
	l := &learner{Config: cfg, rand: rand.New(rng.New(7, "shuffle")), rows: make([]int32, cfg.Epochs*cfg.BatchSize())}
	b := cfg.BatchSize()
	var skipped []int32
	for i := 0; i < b; i += 3 {
		skipped = append(skipped, int32(i))
	}
	seen := make([]int, b)
	for _, r := range l.shuffled(1, skipped) {
		seen[r]++
	}
	most := 0
	for i, n := range seen {
		if (n == 0) != (i%3 == 0) {
			t.Fatalf("row %d is there %d times", i, n)
		}
		most = max(most, n)
	}
	if most > 8 {
		t.Errorf("a row is there %d times", most)
	}
}
