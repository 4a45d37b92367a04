package runfolder

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"paspo/internal/checkout"
	"paspo/internal/limits"
	"paspo/internal/tensorboard"
	"paspo/rl"
)

// A program says which commit it is of, or that nobody knows: one of tests has none.
func TestVersion(t *testing.T) {
	if v := This().Version; v != "development, commit unknown" {
		t.Errorf("%q", v)
	}
}

func metrics(iteration int) rl.Metrics {
	return rl.Metrics{Iteration: iteration, Step: int64(iteration) * 512, Return: float64(iteration) / 10, EntropyCoef: math.NaN()}
}

func create(t *testing.T, iterations int) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "runs", "a")
	f, err := Create(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.WriteFile(ConfigFile, []byte("env: portfolio\n")); err != nil {
		t.Fatal(err)
	}
	for i := range iterations {
		if err := f.Record(metrics(i + 1)); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return dir
}

// recorded returns the steps in the metrics file and in the event files.
func recorded(t *testing.T, dir string) (inMetrics, inEvents []float64) {
	t.Helper()
	rows, err := Metrics(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rows {
		inMetrics = append(inMetrics, r["step"])
	}
	paths, _ := checkout.Files(dir, "events*")
	for _, p := range paths {
		events, err := tensorboard.Read(p)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range events {
			if e.Version == "" {
				inEvents = append(inEvents, float64(e.Step))
			}
		}
	}
	return
}

func TestRecord(t *testing.T) {
	dir := create(t, 3)
	m, e := recorded(t, dir)
	want := []float64{512, 1024, 1536}
	if !slices.Equal(m, want) || !slices.Equal(e, want) {
		t.Errorf("metrics %v, events %v, want %v", m, e, want)
	}
	rows, _ := Metrics(dir)
	if _, ok := rows[0]["entropy_coef"]; ok || rows[2]["return"] != 0.3 {
		t.Errorf("rows %v", rows)
	}
}

func TestContinue(t *testing.T) {
	dir := create(t, 5)
	// The process died while it wrote a line.
	f, err := os.OpenFile(filepath.Join(dir, MetricsFile), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	f.WriteString(`{"iteration":6,"st`)
	f.Close()

	run, err := Continue(dir, 2*512)
	if err != nil {
		t.Fatal(err)
	}
	for i := 3; i <= 4; i++ {
		if err := run.Record(metrics(i)); err != nil {
			t.Fatal(err)
		}
	}
	run.Close()
	want := []float64{512, 1024, 1536, 2048}
	if m, e := recorded(t, dir); !slices.Equal(m, want) || !slices.Equal(e, want) {
		t.Errorf("metrics %v, events %v, want %v", m, e, want)
	}
}

// A file much larger than runs write is an error before it is read.
func TestContinueOversized(t *testing.T) {
	for _, pattern := range []string{MetricsFile, tensorboard.FilePrefix} {
		dir := create(t, 2)
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if !strings.HasPrefix(e.Name(), pattern) {
				continue
			}
			if err := os.Truncate(filepath.Join(dir, e.Name()), 20<<30); err != nil {
				t.Skip("SKIPPED: no sparse files here: ", err)
			}
		}
		run, err := Continue(dir, 512)
		if err == nil {
			run.Close()
		}
		if e := new(limits.SizeError); !errors.As(err, &e) || !strings.Contains(err.Error(), dir) {
			t.Errorf("%s of 20 GiB: error %v", pattern, err)
		}
	}
}

// A damaged line does not affect other lines, and empty lines and a byte order mark are no damage.
func TestDamagedLines(t *testing.T) {
	line := func(i int) string { return fmt.Sprintf(`{"step":%d,"return":0.5}`, 512*i) }
	text := strings.Join([]string{
		"\ufeff" + line(1), "", "  ", line(2), `{"step":15`, "\x00\x00\x00", line(3) + "\r", strings.Repeat("x", maxLine+5), line(4), line(5), "[]",
	}, "\n") + "\n" + `{"step":3`
	for _, c := range []struct {
		step int64
		want []float64
	}{{9 * 512, []float64{512, 1024, 1536, 2048, 2560}}, {3 * 512, []float64{512, 1024, 1536}}, {0, nil}} {
		dir := create(t, 0)
		if err := os.WriteFile(filepath.Join(dir, MetricsFile), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		var warned bytes.Buffer
		old := slog.Default()
		slog.SetDefault(slog.New(slog.NewTextHandler(&warned, nil)))
		run, err := Continue(dir, c.step)
		slog.SetDefault(old)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(warned.String(), `lines="5 6 8 11"`) {
			t.Errorf("warned of %s", &warned)
		}
		if lost := strings.Contains(warned.String(), "last=2560 checkpoint=4608"); lost != (c.step == 9*512) {
			t.Errorf("cut to step %d: warned of %s", c.step, &warned)
		}
		if err := run.Record(metrics(20)); err != nil {
			t.Fatal(err)
		}
		run.Close()
		if got, _ := recorded(t, dir); !slices.Equal(got, append(c.want, 20*512)) {
			t.Errorf("cut to step %d: %v, want %v", c.step, got, c.want)
		}
	}
}

// The files of a run that was killed at its start are overwritten; other files are not.
func TestCreateAfterKilledStart(t *testing.T) {
	for _, c := range []struct {
		files map[string]string
		want  string
	}{
		{map[string]string{MetricsFile: ""}, ""},
		{map[string]string{MetricsFile: "", "events.out.tfevents.1.h": "x", ".paspo-0123456789abcdef.tmp": "x"}, ""},
		{map[string]string{MetricsFile: "{}"}, "is not empty"},
		{map[string]string{"events.out.tfevents.1.h": "x"}, "is not empty"},
		{map[string]string{MetricsFile: "", "notes.txt": "x"}, "a run that was killed at its start left, and notes.txt"},
	} {
		dir := t.TempDir()
		for name, text := range c.files {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		f, err := Create(dir)
		if c.want == "" {
			if err != nil {
				t.Errorf("%v: %v", c.files, err)
				continue
			}
			if _, err := Create(dir); err == nil {
				t.Errorf("%v: a run that is being started was taken over", c.files)
			}
			f.Close()
			if entries, _ := os.ReadDir(dir); len(entries) != 2 {
				t.Errorf("%v: left %v", c.files, entries)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: error %v, want %q", c.files, err, c.want)
		}
		for name, text := range c.files {
			if b, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(b) != text {
				t.Errorf("%v: %s now holds %q, %v", c.files, name, b, err)
			}
		}
	}
}

func TestClaim(t *testing.T) {
	path := filepath.Join(t.TempDir(), "runs", "a")
	for _, want := range []string{path, path + "-2", path + "-3"} {
		if dir, err := Claim(path); err != nil || dir != want {
			t.Errorf("claimed %s, %v, want %s", dir, err, want)
		}
	}
}

func TestRefused(t *testing.T) {
	wants := func(err error, text string) {
		t.Helper()
		if err == nil || !strings.Contains(err.Error(), text) || strings.Contains(err.Error(), "\n") {
			t.Errorf("error %v, want %q", err, text)
		}
	}
	dir := create(t, 1)
	_, err := Create(dir)
	wants(err, "exists already: name another folder with --out, or go on with it by --resume "+dir)

	other := t.TempDir()
	if err := os.WriteFile(filepath.Join(other, "x"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	_, err = Create(other)
	wants(err, "is not empty")
	_, err = Create(filepath.Join(other, "x", "run"))
	wants(err, "cannot make the run folder "+other+"/x/run: not a directory")
	_, err = Create(filepath.Join(other, "x"))
	wants(err, "cannot make the run folder "+other+"/x: not a directory")

	_, err = Continue(other, 0)
	wants(err, "is no run: it has no config.yaml")
	walk := t.TempDir()
	if err := os.Mkdir(filepath.Join(walk, "policy"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(walk, "policy", ConfigFile), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	wants(Check(walk), "is no run: it has no config.yaml; "+filepath.Join(walk, "policy")+" is one")
	_, err = Continue(filepath.Join(other, "missing"), 0)
	wants(err, "no such file or directory")
	_, err = Continue(filepath.Join(other, "x"), 0)
	wants(err, "is a file")

	open, err := Continue(dir, 512)
	if err != nil {
		t.Fatal(err)
	}
	_, err = Continue(dir, 512)
	wants(err, "is being trained by another process")
	open.Close()

	// An empty folder can be used.
	f, err := Create(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
}

func TestFullDisk(t *testing.T) {
	dir := create(t, 1)
	run, err := Continue(dir, 512)
	if err != nil {
		t.Fatal(err)
	}
	defer run.Close()
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip("SKIPPED: this system has no /dev/full")
	}
	run.metrics.Close()
	run.metrics = full
	err = run.Record(metrics(2))
	if want := "cannot write " + dir + "/metrics.jsonl: no space left on device"; err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
}

func TestWriteFileNamesThePath(t *testing.T) {
	path := filepath.Join(t.TempDir(), "none", "a.json")
	err := WriteFile(path, []byte("new"))
	if want := "cannot write " + path + ": no such file or directory"; err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
}
