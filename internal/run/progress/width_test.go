package progress

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// The line fits every width, and shows the percentage in every width that has room for it.
func TestWidths(t *testing.T) {
	c := &clock{time.Unix(0, 0)}
	for width := 1; width <= 120; width++ {
		var w bytes.Buffer
		b := newBar(&w, func() int { return width }, c.now, "portfolio", 0, 3000)
		for _, step := range []int64{0, 1000, 3000} {
			c.t = c.t.Add(time.Second)
			b.Update(step, -0.5)
			line := b.line
			if utf8.RuneCountInString(line) >= width {
				t.Errorf("width %d: %q wraps", width, line)
			}
			if width > len("100%") && !strings.Contains(line, "%") {
				t.Errorf("width %d: %q does not say how far it is", width, line)
			}
		}
	}
}

// A long name is cut before the rate, the return or the time to go are left out.
func TestLongNames(t *testing.T) {
	for name, want := range map[string]string{
		"python:myenv:make": "python:myenv:m…  20%  12,344 steps/s  return -101.6  ETA 3s",
		"数数数数数数数数数数":        "数数数数数数数…  20%  12,344 steps/s  return -101.6  ETA 3s",
	} {
		c := &clock{t: time.Unix(0, 0)}
		b := newBar(io.Discard, func() int { return 60 }, c.now, name, 0, 50_000)
		b.step, b.returns, b.drawn = 10_000, []float64{-101.6}, c.t.Add(810045*time.Microsecond)
		if got := b.text(59); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
