package progress

import (
	"io"
	"os"
	"sync"
)

// Line is one line of a terminal that is redrawn. Lines that are written through it appear above
// it. A nil Line shows nothing.
type Line struct {
	mu   sync.Mutex
	f    *os.File
	text string
}

// NewLine returns a line on a terminal, nil where f is not a terminal with escape sequences.
func NewLine(f *os.File) *Line {
	if terminal(f) == nil {
		return nil
	}
	return &Line{f: f}
}

// Show writes the line, cut to the width of the terminal.
func (l *Line) Show(text string) {
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	width, _ := size(l.f)
	l.text = cut(text, width)
	io.WriteString(l.f, eraseLine+l.text)
}

// Write writes lines above the line.
func (l *Line) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	io.WriteString(l.f, eraseLine)
	n, err := l.f.Write(p)
	io.WriteString(l.f, l.text)
	return n, err
}

// Close ends the line, which stays on the terminal.
func (l *Line) Close() {
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.text != "" {
		io.WriteString(l.f, "\n")
		l.text = ""
	}
}
