package progress

import (
	"bytes"
	"math"
	"os"
	"strings"
	"testing"
	"time"
)

type clock struct{ t time.Time }

func (c *clock) now() time.Time { return c.t }

func TestBar(t *testing.T) {
	var w bytes.Buffer
	c := &clock{time.Unix(0, 0)}
	width := 120
	b := newBar(&w, func() int { return width }, c.now, "portfolio", 1000, 3000)
	last := func() string {
		s := w.String()
		return s[strings.LastIndex(s, eraseLine)+len(eraseLine):]
	}

	if got, want := last(), "portfolio  33% ████████░░░░░░░░░░░░░░░░  1,000/3,000"; got != want {
		t.Errorf("start: %q", got)
	}
	c.t = c.t.Add(time.Second)
	b.Update(1500, 0.25)
	if got, want := last(), "portfolio  50% ████████████░░░░░░░░░░░░  1,500/3,000  500 steps/s  return 0.25  ETA 3s"; got != want {
		t.Errorf("half: %q", got)
	}

	before := w.Len()
	b.Update(1600, math.NaN()) // too soon to draw
	if w.Len() != before {
		t.Error("drawn twice within a moment")
	}

	if _, err := b.Write([]byte("a warning\n")); err != nil {
		t.Fatal(err)
	}
	if s := w.String()[before:]; !strings.HasPrefix(s, eraseLine+"a warning\nportfolio") {
		t.Errorf("log line: %q", s)
	}

	width = 60
	c.t = c.t.Add(time.Second)
	b.Update(3000, 0.35)
	if got, want := last(), "portfolio 100% ████████████████████████  3,000/3,000"; got != want {
		t.Errorf("narrow: %q", got)
	}
	b.Close()
	if !strings.HasSuffix(w.String(), "\n") {
		t.Error("the line is not ended")
	}
	b.Close()
	if strings.HasSuffix(w.String(), "\n\n") {
		t.Error("the line is ended twice")
	}
}

func TestNoTerminal(t *testing.T) {
	f, err := os.Create(t.TempDir() + "/out")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b := New(f, "portfolio", 0, 10)
	if b != nil {
		t.Fatal("a file is taken for a terminal")
	}
	b.Update(5, 1)
	b.Close()
}

func TestGroup(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", -1000: "-1,000", -100: "-100", 1234567: "1,234,567"} {
		if got := group(n); got != want {
			t.Errorf("group(%d) = %q, want %q", n, got, want)
		}
	}
}
