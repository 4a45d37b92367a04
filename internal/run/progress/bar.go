package progress

import (
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"sync"
	"time"

	"paspo/internal/cells"
)

const (
	redraw = 100 * time.Millisecond

	barCells, fewestCells = 24, 4
	leastName             = 8 // cells that a shortened name has at least

	// recent is the number of returns that the shown mean is over.
	recent = 10
)

// Bar shows the progress of training: on a terminal in one line that is redrawn and fits its width,
// else in one line for every tenth and every minute. Log lines that are written through it appear
// above it. It is safe for concurrent use. A nil Bar shows nothing.
type Bar struct {
	mu    sync.Mutex
	w     io.Writer
	width func() int // nil where it is no terminal
	now   func() time.Time

	name         string
	start, total int64
	step         int64
	began, drawn time.Time
	tenth        int64     // of the last line without a terminal
	returns      []float64 // the recent ones
	line         string    // shown on the terminal
}

// New returns a bar for steps start..total. A terminal without escape sequences gets lines.
func New(w io.Writer, name string, start, total int64) *Bar {
	var width func() int
	if f := terminal(w); f != nil {
		width = func() int { w, _ := size(f); return w }
	}
	return newBar(w, width, time.Now, name, start, total)
}

func newBar(w io.Writer, width func() int, now func() time.Time, name string, start, total int64) *Bar {
	b := &Bar{w: w, width: width, now: now, name: name, start: start, total: total, step: start, began: now()}
	b.drawn, b.tenth = b.began, b.tenths()
	if width != nil {
		b.draw()
	}
	return b
}

func (b *Bar) tenths() int64 { return int64(10 * b.share()) }

func (b *Bar) share() float64 {
	if b.total <= 0 {
		return 1
	}
	return min(1, float64(b.step)/float64(b.total))
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
	since := b.now().Sub(b.drawn)
	switch {
	case b.width == nil:
		if b.tenths() > b.tenth || since >= time.Minute {
			b.drawn, b.tenth = b.now(), b.tenths()
			fmt.Fprintln(b.w, b.plainLine())
		}
	case since >= redraw || step >= b.total:
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

// Close draws the bar once more and ends its line.
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
	b.line = b.text(b.width() - 1)
	io.WriteString(b.w, eraseLine+b.line)
}

// plainLine returns the line for a writer that is not a terminal.
func (b *Bar) plainLine() string {
	return strings.Join(append([]string{b.head(), b.count()}, b.parts()...), "  ")
}

func (b *Bar) head() string { return b.headOf(b.name) }

func (b *Bar) headOf(name string) string {
	return fmt.Sprintf("%s %3.0f%%", name, math.Floor(100*b.share()))
}

func (b *Bar) count() string { return group(b.step) + "/" + group(b.total) }

// parts returns the rate, the return and the time to go, as far as they are known. A line that is
// too narrow leaves them out in this order.
func (b *Bar) parts() []string {
	elapsed := b.drawn.Sub(b.began)
	done := b.step - b.start
	rate := float64(done) / elapsed.Seconds()
	if done <= 0 || elapsed <= 0 {
		return nil
	}
	parts := []string{group(int64(rate)) + " steps/s"}
	if len(b.returns) > 0 {
		var sum float64
		for _, r := range b.returns {
			sum += r
		}
		parts = append(parts, fmt.Sprintf("return %.4g", sum/float64(len(b.returns))))
	}
	left := time.Duration(float64(max(0, b.total-b.step)) / rate * float64(time.Second))
	return append(parts, "ETA "+left.Round(time.Second).String())
}

// text returns the line in at most width cells, since a line that wraps could not be erased. Where
// it is too long, first the bar shrinks and the count of steps is left out, then the bar is left
// out, then the name is cut, then parts are left out from the first on.
func (b *Bar) text(width int) string {
	parts := b.parts()
	head := b.headOf(shortened(b.name, cells.Width(b.head()+strings.Join(append([]string{""}, parts...), "  "))-width))
	for i := -1; i <= len(parts); i++ {
		tail := parts[max(i, 0):]
		if i < 0 {
			tail = append([]string{b.count()}, parts...)
		}
		rest := strings.Join(append([]string{""}, tail...), "  ")
		left := width - cells.Width(head+rest)
		if cells := min(barCells, left-1); cells >= fewestCells {
			full := int(b.share() * float64(cells))
			return head + " " + strings.Repeat("█", full) + strings.Repeat("░", cells-full) + rest
		}
		if left >= 0 && i >= 0 {
			return head + rest
		}
	}
	// Not even the name fits: show the percentage alone.
	if line := fmt.Sprintf("%.0f%%", math.Floor(100*b.share())); len(line) <= width {
		return line
	}
	return ""
}

// shortened returns a name that is cut by less cells, to leastName cells at least.
func shortened(name string, less int) string {
	if less <= 0 || cells.Width(name) <= leastName {
		return name
	}
	most, r := max(leastName, cells.Width(name)-less), []rune(name)
	for len(r) > 0 && cells.Width(string(r)) > most-1 {
		r = r[:len(r)-1]
	}
	return string(r) + "…"
}

// group returns n with a comma between groups of three digits.
func group(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
