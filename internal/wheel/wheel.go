package wheel

import (
	"archive/zip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"paspo/internal/checkout"
)

// Wheel is one version of a package.
type Wheel struct {
	Name, Version string
	SHA256        map[string]string // of the file for an architecture, as GOARCH calls it
	Folder        string            // of what is needed, in the archive
}

// place is the folder that Fetch returns.
func (w *Wheel) place() (string, error) {
	sum := w.SHA256[runtime.GOARCH]
	if sum == "" {
		return "", fmt.Errorf("no %s for %s", w.Name, runtime.GOARCH)
	}
	return checkout.Cache("wheels", w.Name+"-"+w.Version+"-"+sum[:8])
}

// Here says whether Fetch has nothing to download.
func (w *Wheel) Here() bool {
	to, err := w.place()
	if err != nil {
		return false
	}
	_, err = os.Stat(to)
	return err == nil
}

// Fetch returns a folder with the files of the wheel's folder. They are
// downloaded by pip where the checkout's cache does not have them.
func (w *Wheel) Fetch() (string, error) {
	to, err := w.place()
	if err != nil {
		return "", err
	}
	if w.Here() {
		return to, nil
	}
	tmp, err := os.MkdirTemp("", "paspo-wheel-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(tmp)
	args := []string{"-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary=:all:", "--dest", tmp}
	machine := map[string]string{"amd64": "x86_64", "arm64": "aarch64"}[runtime.GOARCH]
	for _, p := range []string{"manylinux1", "manylinux2010", "manylinux2014", "manylinux_2_12", "manylinux_2_17"} {
		args = append(args, "--platform="+p+"_"+machine)
	}
	pip := exec.Command("python3", append(args, w.Name+"=="+w.Version)...)
	if out, err := pip.CombinedOutput(); err != nil {
		return "", fmt.Errorf("pip download %s==%s: %w\n%s", w.Name, w.Version, err, strings.TrimSpace(string(out)))
	}
	files, err := checkout.Files(tmp, "*.whl")
	if err != nil || len(files) != 1 {
		return "", fmt.Errorf("pip downloaded %d wheels of %s", len(files), w.Name)
	}
	if err := check(files[0], w.SHA256[runtime.GOARCH]); err != nil {
		return "", err
	}
	// Renamed when complete, so that two that fetch at once do not meet.
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return "", err
	}
	part, err := os.MkdirTemp(filepath.Dir(to), "part-")
	if err != nil {
		return "", err
	}
	if err := w.unpack(files[0], part); err != nil {
		os.RemoveAll(part)
		return "", err
	}
	if err := os.Rename(part, to); err != nil {
		os.RemoveAll(part)
		if _, other := os.Stat(to); other != nil {
			return "", err
		}
	}
	return to, nil
}

func check(file, sum string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return err
	}
	if got := hex.EncodeToString(h.Sum(nil)); got != sum {
		return fmt.Errorf("%s has the SHA-256 %s, not %s", filepath.Base(file), got, sum)
	}
	return nil
}

func (w *Wheel) unpack(file, to string) error {
	z, err := zip.OpenReader(file)
	if err != nil {
		return err
	}
	defer z.Close()
	for _, f := range z.File {
		name, ok := strings.CutPrefix(f.Name, w.Folder)
		if !ok || name == "" || strings.Contains(name, "/") {
			continue
		}
		if err := extract(f, filepath.Join(to, name)); err != nil {
			return err
		}
	}
	return nil
}

func extract(f *zip.File, to string) error {
	r, err := f.Open()
	if err != nil {
		return err
	}
	defer r.Close()
	w, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY, 0o755)
	if err != nil {
		return err
	}
	if _, err := io.Copy(w, r); err != nil {
		w.Close()
		return err
	}
	return w.Close()
}
