package progress

import (
	"io"
	"os"
	"slices"

	"golang.org/x/term"
)

const eraseLine = "\r\x1b[K"

// terminal returns w as a terminal that takes escape sequences, nil where it is none, or one
// that takes none (TERM is dumb or empty).
func terminal(w io.Writer) *os.File {
	f, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) || slices.Contains([]string{"", "dumb"}, os.Getenv("TERM")) {
		return nil
	}
	return f
}

// size returns how many cells a line of a terminal has, and how many lines there are, as far as
// the terminal says.
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

// cut returns as much of a line as a terminal of that many cells shows without wrapping it.
func cut(line string, width int) string {
	if r := []rune(line); len(r) >= width {
		return string(r[:width-1])
	}
	return line
}
