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
	if got, want := last(), "portfolio 100% █████████  1,000 steps/s  return 0.3  ETA 0s"; got != want {
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

// Without a terminal there is a line for every tenth and every minute.
func TestNoTerminal(t *testing.T) {
	f, err := os.Create(t.TempDir() + "/out")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if b := New(f, "portfolio", 0, 10); b.width != nil {
		t.Fatal("a file is taken for a terminal")
	}
	var w bytes.Buffer
	c := &clock{time.Unix(0, 0)}
	b := newBar(&w, nil, c.now, "portfolio", 0, 1000)
	for step := int64(50); step <= 1000; step += 50 {
		c.t = c.t.Add(time.Second)
		b.Update(step, 0.5)
	}
	lines := strings.SplitAfter(w.String(), "\n")
	if len(lines) != 11 || lines[0] != "portfolio  10%  100/1,000  50 steps/s  return 0.5  ETA 18s\n" || !strings.HasPrefix(lines[9], "portfolio 100%") {
		t.Errorf("lines %q", lines)
	}
	w.Reset()
	b = newBar(&w, nil, c.now, "portfolio", 0, 1_000_000)
	for step := int64(1); step <= 600; step++ {
		c.t = c.t.Add(time.Second)
		b.Update(step, math.NaN())
	}
	if n := strings.Count(w.String(), "\n"); n != 10 {
		t.Errorf("%d lines in ten minutes", n)
	}
	if _, err := b.Write([]byte("a warning\n")); err != nil || !strings.HasSuffix(w.String(), "\na warning\n") || strings.Contains(w.String(), "\x1b") {
		t.Errorf("%q", w.String())
	}
	b.Close()
}

func TestGroup(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", -1000: "-1,000", -100: "-100", 1234567: "1,234,567"} {
		if got := group(n); got != want {
			t.Errorf("group(%d) = %q, want %q", n, got, want)
		}
	}
}
