package limits

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
)

func TestReadFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(path, []byte("12345"), 0o600); err != nil {
		t.Fatal(err)
	}
	if data, err := ReadFile(path, 5); err != nil || string(data) != "12345" {
		t.Errorf("%q, %v", data, err)
	}
	var size *SizeError
	if _, err := ReadFile(path, 4); !errors.As(err, &size) || *size != (SizeError{5, 4}) {
		t.Errorf("got %v", err)
	}
	// A sparse file takes no space on the disk and would take all memory.
	if err := os.Truncate(path, 20<<30); err != nil {
		t.Skipf("SKIPPED: no sparse files here: %v", err)
	}
	_, err := ReadFile(path, 1<<20)
	if want := "read " + path + ": it is too large: 20 GiB, at most 1 MiB is allowed"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

// A device has no size to look at first.
func TestReadDevice(t *testing.T) {
	var size *SizeError
	if _, err := ReadFile("/dev/zero", 1000); !errors.As(err, &size) || size.Size != -1 {
		t.Errorf("got %v", err)
	}
	if data, err := ReadFile("/dev/null", 0); err != nil || len(data) > 0 {
		t.Errorf("%q, %v", data, err)
	}
}

func TestReadFileErrors(t *testing.T) {
	dir := t.TempDir()
	if _, err := ReadFile(filepath.Join(dir, "none"), 1); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	if _, err := ReadFile(dir, 1<<20); err == nil {
		t.Error("a folder was read")
	}
}

func TestLines(t *testing.T) {
	const most = 10_000 // beyond the buffer of a bufio.Reader
	whole, long := strings.Repeat("x", most), strings.Repeat("y", most+1)
	text := "a\n\nb\r\n" + whole + "\n" + long + "\nc\n" + long
	for name, r := range map[string]io.Reader{
		"at once": strings.NewReader(text), "by bytes": iotest.OneByteReader(strings.NewReader(text)),
	} {
		l := NewLines(r, most)
		for i, want := range []struct {
			line       string
			ended, bad bool
		}{{"a", true, false}, {"", true, false}, {"b", true, false}, {whole, true, false}, {"", true, true}, {"c", true, false}, {"", false, true}} {
			line, ended, err := l.Next()
			var tooLong *LineError
			if string(line) != want.line || ended != want.ended || errors.As(err, &tooLong) != want.bad || !want.bad && err != nil {
				t.Errorf("%s, line %d: %.20q, ended %v, %v", name, i+1, line, ended, err)
			}
		}
		if _, _, err := l.Next(); err != io.EOF {
			t.Errorf("%s: the end gives %v", name, err)
		}
	}
	broken := errors.New("broken")
	if _, _, err := NewLines(iotest.ErrReader(broken), most).Next(); err != broken {
		t.Errorf("got %v", err)
	}
}

func TestBytes(t *testing.T) {
	for n, want := range map[int64]string{0: "0 bytes", 1023: "1023 bytes", 1 << 10: "1 KiB", 1536: "1.5 KiB", 1 << 20: "1 MiB", 20 << 30: "20 GiB", 1 << 62: "4 EiB"} {
		if got := Bytes(n); got != want {
			t.Errorf("Bytes(%d) = %s, want %s", n, got, want)
		}
	}
}
