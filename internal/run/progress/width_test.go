package progress

import (
	"bytes"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// Whatever the width, the line fits and says how far it is, as soon as that fits.
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
