package setting

import (
	"math"
	"testing"
)

func TestSpan(t *testing.T) {
	for _, c := range []struct {
		s    Span
		x    float64
		want bool
		text string
	}{
		{Positive, 0, false, "(0, inf)"}, {Positive, 1e-300, true, "(0, inf)"}, {Positive, math.Inf(1), false, "(0, inf)"},
		{NonNegative, 0, true, "[0, inf)"}, {NonNegative, -1e-300, false, "[0, inf)"},
		{Share, 1, true, "[0, 1]"}, {Decay, 1, false, "[0, 1)"}, {Decay, math.NaN(), false, "[0, 1)"},
	} {
		if got := c.s.Contains(c.x); got != c.want || c.s.String() != c.text {
			t.Errorf("%g in %v: %v, want %v in %s", c.x, c.s, got, c.want, c.text)
		}
	}
}

func TestErrors(t *testing.T) {
	for want, err := range map[string]error{
		"a is 0: an integer of at least 1 is allowed": Int("a", 0, 1),
		"d is 9: an integer from 1 to 8 is allowed":   IntIn("d", 9, 1, 8),
		"b is NaN: a number in [0, 1] is allowed":     Float("b", math.NaN(), Share),
		`c is "x": one of y, z is allowed`:            Choice("c", "x", "y", "z"),
	} {
		if First(nil, err) == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	if err := First(Int("a", 1, 1), IntIn("d", 8, 1, 8), Float("b", 1, Share), Choice("c", "y", "y")); err != nil {
		t.Error(err)
	}
}
