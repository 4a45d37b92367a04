package wheel

import (
	"archive/zip"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func write(t *testing.T, files map[string]string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "x.whl")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	z := zip.NewWriter(f)
	for name, text := range files {
		w, err := z.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestUnpackTakesOneFolder(t *testing.T) {
	w := &Wheel{Folder: "a/include/"}
	to := t.TempDir()
	if err := w.unpack(write(t, map[string]string{
		"a/include/x.h": "x", "a/include/deep/y.h": "y", "a/include/../../z": "z", "b/w": "w",
	}), to); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(to)
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != 1 || entries[0].Name() != "x.h" {
		t.Errorf("unpacked %v", entries)
	}
}

func TestCheckRefusesOtherContents(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x")
	if err := os.WriteFile(path, []byte("abc"), 0o644); err != nil {
		t.Fatal(err)
	}
	const abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
	if err := check(path, abc); err != nil {
		t.Error(err)
	}
	if err := check(path, strings.Repeat("0", 64)); err == nil || !strings.Contains(err.Error(), abc) {
		t.Errorf("another sum: %v", err)
	}
}

func TestNoWheelForTheArchitecture(t *testing.T) {
	if _, err := (&Wheel{Name: "thing"}).Fetch(); err == nil || !strings.Contains(err.Error(), "no thing for ") {
		t.Errorf("got %v", err)
	}
}
