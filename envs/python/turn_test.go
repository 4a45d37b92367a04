package python

import "testing"

// TestPollerRests polls for what does not come: every poll in vain is followed by more waits
// without one, up to a limit, and one that finds the turn over ends that.
func TestPollerRests(t *testing.T) {
	var p poller
	turn := int64(turnStep)
	rest := 0
	for range 12 {
		if p.poll(&turn) {
			t.Fatal("the turn is over")
		}
		if p.rest < min(max(2*rest, int(soon/wake)), most) || p.rest > most {
			t.Fatalf("after a rest of %d waits a poll in vain is followed by %d", rest, p.rest)
		}
		rest = p.rest
		for left := rest; left > 0; left-- {
			if p.left != left {
				t.Fatalf("%d waits are left of %d, want %d", p.left, rest, left)
			}
			p.poll(&turn)
		}
	}
	if rest != most {
		t.Fatalf("12 polls in vain are followed by a rest of %d waits, want %d", rest, most)
	}
	turn = turnDone
	// The processor may be taken from a poll, which then counts as one in vain.
	for try := 0; p.rest != 0; try++ {
		if try == 1000 {
			t.Fatalf("polls that find the turn over are followed by a rest of %d waits", p.rest)
		}
		p.left = 0
		if !p.poll(&turn) {
			t.Fatal("the turn is not over")
		}
	}
}
