package python

import (
	"testing"

	"golang.org/x/sys/unix"
)

// TestPollerRests polls for what does not come: every poll in vain is followed by more waits
// without one, up to a limit, and one that finds a byte ends that.
func TestPollerRests(t *testing.T) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(pair[0])
	defer unix.Close(pair[1])
	var p poller
	rest := 0
	for range 12 {
		p.poll(pair[0])
		if p.rest < min(max(2*rest, int(soon/wake)), most) || p.rest > most {
			t.Fatalf("after a rest of %d waits a poll in vain is followed by %d", rest, p.rest)
		}
		rest = p.rest
		for left := rest; left > 0; left-- {
			if p.left != left {
				t.Fatalf("%d waits are left of %d, want %d", p.left, rest, left)
			}
			p.poll(pair[0])
		}
	}
	if rest != most {
		t.Fatalf("12 polls in vain are followed by a rest of %d waits, want %d", rest, most)
	}
	if _, err := unix.Write(pair[1], []byte{'.'}); err != nil {
		t.Fatal(err)
	}
	// The processor may be taken from a poll, which then counts as one in vain.
	for try := 0; p.rest != 0; try++ {
		if try == 1000 {
			t.Fatalf("polls that find a byte are followed by a rest of %d waits", p.rest)
		}
		p.left = 0
		p.poll(pair[0])
	}
}
