package progress

import (
	"bytes"
	"testing"
	"time"
)

func TestStages(t *testing.T) {
	var w bytes.Buffer
	s := NewStages(&w, "check")
	s.show(s.began.Add(3 * time.Second))
	s.Show("ranges", 1200, 5000)
	s.show(s.began.Add(8 * time.Second))
	s.Show("closed form", 0, 0)
	s.show(s.began.Add(13 * time.Second))
	s.Close()
	if got, want := w.String(), "check (3s)\ncheck: ranges, 1,200 of 5,000 (8s)\ncheck: closed form (13s)\n"; got != want {
		t.Errorf("written %q, want %q", got, want)
	}

	w.Reset()
	s = NewStages(&w, "check")
	s.terminal = true
	s.Show("ranges", 1, 2)
	s.show(s.began.Add(3 * time.Second))
	s.Close()
	if got, want := w.String(), eraseLine+"check: ranges, 1 of 2 (3s)"+eraseLine; got != want {
		t.Errorf("drawn %q, want %q", got, want)
	}
}

func TestStagesOfShortCommands(t *testing.T) {
	var w bytes.Buffer
	s := NewStages(&w, "check")
	s.Show("ranges", 1, 2)
	s.Close()
	if w.Len() > 0 {
		t.Errorf("written %q before it has taken long", w.String())
	}
}
