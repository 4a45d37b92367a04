package atomicfile_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"paspo/internal/atomicfile"
	"paspo/internal/faultfs"
)

// Whatever goes wrong, the name holds the old content or the new one; where Write
// reports no error it is the new one.
func TestWriteIsWholeOrNot(t *testing.T) {
	for kind := faultfs.Fails; kind <= faultfs.Killed; kind++ {
		for at := 1; ; at++ {
			dir := t.TempDir()
			path := filepath.Join(dir, "a")
			if err := atomicfile.Write(path, []byte("old")); err != nil {
				t.Fatal(err)
			}
			disk, restore := faultfs.Use(kind, at)
			err := atomicfile.Write(path, []byte("new"))
			restore()
			b, readErr := os.ReadFile(path)
			if readErr != nil || string(b) != "old" && string(b) != "new" || err == nil && string(b) != "new" {
				t.Errorf("%v at %d: %q, %v; the error is %v", kind, at, b, readErr, err)
			}
			if kind == faultfs.Killed || kind == faultfs.ReadOnly {
				atomicfile.Sweep(dir, 0)
			}
			if all, _ := os.ReadDir(dir); len(all) != 1 {
				t.Errorf("%v at %d: %v are left", kind, at, all)
			}
			if !disk.Tripped() {
				break
			}
		}
	}
}

func TestSweepTakesItsOwn(t *testing.T) {
	dir := t.TempDir()
	old := ".paspo-0123456789abcdef.tmp"
	for _, name := range []string{old, ".paspo-1123456789abcdef.tmp", "paspo.tmp", ".paspo-x.tmp", ".a.safetensors.12.3.tmp", "config.yaml"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	ago := time.Now().Add(-2 * time.Hour)
	if err := os.Chtimes(filepath.Join(dir, old), ago, ago); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		within time.Duration
		left   int
	}{{time.Hour, 5}, {0, 4}} {
		atomicfile.Sweep(dir, c.within)
		if all, _ := os.ReadDir(dir); len(all) != c.left {
			t.Errorf("%v are left, want %d", all, c.left)
		}
	}
}

func TestCause(t *testing.T) {
	_, err := os.Open(filepath.Join(t.TempDir(), "none"))
	if got := atomicfile.Cause(err).Error(); got != "no such file or directory" {
		t.Errorf("Cause is %q", got)
	}
	if e := errors.New("x"); atomicfile.Cause(e) != e {
		t.Error("Cause changed an error without a path")
	}
}

// What is written takes the place of a file, not of a pipe or a device.
func TestWriteKeepsPipes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := atomicfile.Write(path, []byte("x")); err == nil || !strings.Contains(err.Error(), "a file is allowed") {
		t.Error(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode()&os.ModeNamedPipe == 0 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}
