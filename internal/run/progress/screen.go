package progress

import (
	"fmt"
	"io"
	"strings"
)

// Screen is a number of lines of a terminal that are redrawn.
type Screen struct {
	w     io.Writer
	size  func() (width, height int)
	lines int // number of lines shown
}

// NewScreen returns a screen on a terminal, nil where w is not a terminal with escape sequences.
func NewScreen(w io.Writer) *Screen {
	f := terminal(w)
	if f == nil {
		return nil
	}
	return &Screen{w: f, size: func() (int, int) { return size(f) }}
}

// Show replaces the lines, cut to the width of the terminal. Where there are too many for its
// height, the last line is kept and lines before it are left out.
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
