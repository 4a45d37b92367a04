package atomicfile

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

type failing struct {
	File
	write, sync, close error
}

func (f failing) Write(b []byte) (int, error) {
	if f.write != nil {
		return 0, f.write
	}
	return f.File.Write(b)
}

func (f failing) Sync() error { return errors.Join(f.sync, f.File.Sync()) }

func (f failing) Close() error { return errors.Join(f.close, f.File.Close()) }

func TestWriteKeepsTheOldFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a")
	if err := Write(path, []byte("old"), Create); err != nil {
		t.Fatal(err)
	}
	full := errors.New("no space left on device")
	for _, f := range []failing{{write: full}, {sync: full}, {close: full}} {
		err := Write(path, []byte("new"), func(p string) (File, error) {
			file, err := Create(p)
			f.File = file
			return f, err
		})
		if !errors.Is(err, full) {
			t.Errorf("%+v: the error is %v", f, err)
		}
		if b, err := os.ReadFile(path); err != nil || string(b) != "old" {
			t.Errorf("the old file reads %q, %v", b, err)
		}
		if all, _ := os.ReadDir(dir); len(all) != 1 {
			t.Errorf("%d files are left, want 1", len(all))
		}
	}
	if err := Write(path, []byte("new"), Create); err != nil {
		t.Fatal(err)
	}
	if b, _ := os.ReadFile(path); string(b) != "new" {
		t.Errorf("the new file reads %q", b)
	}
}

func TestCause(t *testing.T) {
	_, err := os.Open(filepath.Join(t.TempDir(), "none"))
	if got := Cause(err).Error(); got != "no such file or directory" {
		t.Errorf("Cause is %q", got)
	}
	if e := errors.New("x"); Cause(e) != e {
		t.Error("Cause changed an error without a path")
	}
}
