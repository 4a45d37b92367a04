package progress

import (
	"fmt"
	"io"
	"strings"
)

// Screen is some lines of a terminal that are written again and again.
type Screen struct {
	w     io.Writer
	size  func() (width, height int)
	lines int // that are shown
}

// NewScreen returns lines on a terminal, nil where w is none, or one that takes no escape
// sequences.
func NewScreen(w io.Writer) *Screen {
	f := terminal(w)
	if f == nil {
		return nil
	}
	return &Screen{w: f, size: func() (int, int) { return size(f) }}
}

// Show writes lines in the place of those before, cut to the terminal. Where there are too
// many the last one stays, and those before it are left out.
func (s *Screen) Show(text string) {
	width, height := s.size()
	all := strings.Split(strings.TrimRight(text, "\n"), "\n")
	if len(all) >= height {
		all = append(all[:height-2:height-2], all[len(all)-1])
	}
	var b strings.Builder
	if s.lines > 0 {
		fmt.Fprintf(&b, "\x1b[%dA", s.lines)
	}
	b.WriteString("\r\x1b[J")
	for _, line := range all {
		b.WriteString(cut(line, width) + "\n")
	}
	s.lines = len(all)
	io.WriteString(s.w, b.String())
}
