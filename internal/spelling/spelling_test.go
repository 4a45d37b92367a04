package spelling

import "testing"

func TestDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{
		{"", "", 0}, {"", "abc", 3}, {"abc", "", 3}, {"abc", "abc", 0},
		{"abc", "abd", 1}, {"abc", "ab", 1}, {"ab", "abc", 1}, {"abc", "acb", 1},
		{"ca", "abc", 3}, // 2 if a byte could be changed twice
		{"kitten", "sitting", 3}, {"MSTF", "MSFT", 1},
	} {
		if got := Distance(c.a, c.b); got != c.want {
			t.Errorf("%q and %q: %d, want %d", c.a, c.b, got, c.want)
		}
	}
}

func TestNearest(t *testing.T) {
	for name, want := range map[string]string{"AAPLE": "AAPL", "aapl": "AAPL", "MSTF": "MSFT", "GOOG": "", "XX": ""} {
		if got := Nearest(name, []string{"MSFT", "AAPL"}); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}
