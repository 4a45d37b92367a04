package progress

import (
	"io"
	"os"
	"sync"
)

// Line is one line of a terminal that is written again and again. What is written through
// it stands above. A nil Line shows nothing.
type Line struct {
	mu   sync.Mutex
	f    *os.File
	text string
}

// NewLine returns a line on a terminal, nil where f is none, or one that takes no escape
// sequences.
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

// Write writes lines above.
func (l *Line) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	io.WriteString(l.f, eraseLine)
	n, err := l.f.Write(p)
	io.WriteString(l.f, l.text)
	return n, err
}

// Close leaves the line as it stands and ends it.
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
