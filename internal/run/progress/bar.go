// Package progress shows on a terminal how far training is.
package progress

import (
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"golang.org/x/term"
)

const (
	redraw   = 100 * time.Millisecond
	barCells = 24

	// recent is the number of returns that the shown mean is over.
	recent = 10

	eraseLine = "\r\x1b[K"
)

// Bar is one line that is drawn again and again. Log lines that are written
// through it stand above it. It is safe for concurrent use. A nil Bar shows
// nothing.
type Bar struct {
	mu    sync.Mutex
	w     io.Writer
	width func() int
	now   func() time.Time

	name         string
	start, total int64
	step         int64
	began, drawn time.Time
	returns      []float64
	line         string
}

// New returns a bar on a terminal for steps start..total, nil where f is none, or one
// that takes no escape sequences (TERM is dumb or empty).
func New(f *os.File, name string, start, total int64) *Bar {
	if !term.IsTerminal(int(f.Fd())) || slices.Contains([]string{"", "dumb"}, os.Getenv("TERM")) {
		return nil
	}
	width := func() int {
		w, _, err := term.GetSize(int(f.Fd()))
		if err != nil || w <= 0 {
			return 80
		}
		return w
	}
	return newBar(f, width, time.Now, name, start, total)
}

func newBar(w io.Writer, width func() int, now func() time.Time, name string, start, total int64) *Bar {
	b := &Bar{w: w, width: width, now: now, name: name, start: start, total: total, step: start, began: now()}
	b.draw()
	return b
}

// Update states the steps done and the mean return of the episodes that have
// ended since the last call, NaN for none.
func (b *Bar) Update(step int64, meanReturn float64) {
	if b == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.step = step
	if !math.IsNaN(meanReturn) {
		b.returns = append(b.returns, meanReturn)
		b.returns = b.returns[max(0, len(b.returns)-recent):]
	}
	if b.now().Sub(b.drawn) >= redraw || step >= b.total {
		b.draw()
	}
}

// Write writes lines above the bar.
func (b *Bar) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.line != "" {
		io.WriteString(b.w, eraseLine)
	}
	n, err := b.w.Write(p)
	if b.line != "" {
		io.WriteString(b.w, b.line)
	}
	return n, err
}

// Close leaves the bar as it stands and ends its line.
func (b *Bar) Close() {
	if b == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.line == "" {
		return
	}
	b.draw()
	io.WriteString(b.w, "\n")
	b.line = ""
}

func (b *Bar) draw() {
	b.drawn = b.now()
	b.line = b.text()
	io.WriteString(b.w, eraseLine+b.line)
}

func (b *Bar) text() string {
	share := 1.
	if b.total > 0 {
		share = min(1, float64(b.step)/float64(b.total))
	}
	full := int(share * barCells)
	parts := []string{
		fmt.Sprintf("%s %3.0f%% %s%s", b.name, math.Floor(100*share), strings.Repeat("█", full), strings.Repeat("░", barCells-full)),
		group(b.step) + "/" + group(b.total),
	}
	elapsed := b.drawn.Sub(b.began)
	done := b.step - b.start
	if rate := float64(done) / elapsed.Seconds(); done > 0 && elapsed > 0 {
		parts = append(parts, group(int64(rate))+" steps/s")
		if len(b.returns) > 0 {
			var sum float64
			for _, r := range b.returns {
				sum += r
			}
			parts = append(parts, fmt.Sprintf("return %.4g", sum/float64(len(b.returns))))
		}
		left := time.Duration(float64(max(0, b.total-b.step)) / rate * float64(time.Second))
		parts = append(parts, "ETA "+left.Round(time.Second).String())
	}
	// What does not fit is left out from the end: a line that wraps cannot be
	// erased.
	room := b.width() - 1
	line := ""
	for i, p := range parts {
		if i > 0 {
			p = "  " + p
		}
		if utf8.RuneCountInString(line+p) > room {
			break
		}
		line += p
	}
	if line == "" {
		// Not even the bar fits: how far it is alone.
		if line = fmt.Sprintf("%.0f%%", math.Floor(100*share)); len(line) > room {
			line = ""
		}
	}
	return line
}

// group returns n with a comma between groups of three digits.
func group(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
