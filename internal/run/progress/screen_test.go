package progress

import (
	"os"
	"strings"
	"testing"
)

// A screen overwrites the lines that it showed before, and shows no more lines than the terminal has.
func TestScreen(t *testing.T) {
	var w strings.Builder
	s := &Screen{w: &w, size: func() (int, int) { return 10, 4 }}
	s.Show("a\nb\n")
	s.Show("1234567890123\n2\n3\n4\nlast\n")
	s.Show("x")
	want := "\r\x1b[Ja\nb\n" + "\x1b[2A\r\x1b[J123456789\n2\nlast\n" + "\x1b[3A\r\x1b[Jx\n"
	if w.String() != want {
		t.Errorf("got  %q\nwant %q", w.String(), want)
	}
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	if NewScreen(null) != nil || NewScreen(&w) != nil {
		t.Error("what is no terminal is a screen")
	}
}
