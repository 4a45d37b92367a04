package agent

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"paspo/internal/run/config"
	"paspo/internal/run/runfolder"
	"paspo/rl"
)

// The closed form is a file in the run folder. A damaged one is replaced, with a warning.
func TestIntervalsFile(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	r, err := Start(small(t), dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Train(context.Background(), func(rl.Metrics) {}); err != nil {
		t.Fatal(err)
	}
	r.Close()
	path := filepath.Join(dir, runfolder.IntervalsFile)
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}

	var log bytes.Buffer
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&log, nil)))
	defer slog.SetDefault(before)
	open := func() string {
		t.Helper()
		log.Reset()
		a, _, err := OpenRun(dir, Latest, config.DeviceCPU)
		if err != nil {
			t.Fatal(err)
		}
		if a.Solver.Method() != "explicit" {
			t.Errorf("method %s", a.Solver.Method())
		}
		a.Close()
		return log.String()
	}
	if s := open(); s != "" {
		t.Errorf("log %q", s)
	}
	bad := bytes.Clone(good)
	bad[len(bad)/2]++
	if err := os.WriteFile(path, bad, 0o644); err != nil {
		t.Fatal(err)
	}
	if s := open(); !strings.Contains(s, "the checksum does not match") || !strings.Contains(s, runfolder.IntervalsFile) || strings.Count(s, "\n") != 1 {
		t.Errorf("log %q", s)
	}
	if r, err = Resume(dir, nil, nil); err != nil {
		t.Fatal(err)
	}
	r.Close()
	if now, err := os.ReadFile(path); err != nil || !bytes.Equal(now, good) {
		t.Errorf("the file was not replaced: %v", err)
	}
	// A run of an older version, without such a file.
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if s := open(); s != "" {
		t.Errorf("log %q", s)
	}
}
