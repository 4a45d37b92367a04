package progress

import (
	"io"
	"os"
	"slices"

	"golang.org/x/term"
)

const eraseLine = "\r\x1b[K"

// terminal returns w as a terminal with escape sequences, nil where it is not one (no terminal, or
// TERM is dumb or empty).
func terminal(w io.Writer) *os.File {
	f, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) || slices.Contains([]string{"", "dumb"}, os.Getenv("TERM")) {
		return nil
	}
	return f
}

// size returns the width of a terminal in cells and its height in lines, or 80 and 24 where they
// are not known.
func size(f *os.File) (width, height int) {
	width, height, err := term.GetSize(int(f.Fd()))
	if err != nil || width <= 0 {
		width = 80
	}
	if err != nil || height <= 1 {
		height = 24
	}
	return width, height
}

// cut cuts a line so that a terminal of width cells does not wrap it.
func cut(line string, width int) string {
	if r := []rune(line); len(r) >= width {
		return string(r[:width-1])
	}
	return line
}
