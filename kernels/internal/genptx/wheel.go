//go:build cgo

package main

import (
	"archive/zip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// wheel is a package of PyPI that carries a part of the CUDA toolkit.
type wheel struct {
	name, version, sha256 string
	folder                string // of what is needed, in the archive
}

var (
	nvrtcWheel = wheel{
		"nvidia-cuda-nvrtc-cu12", "12.0.140", "8e94e991d85c422de4da87bdc7472fdc1364367bd4aace7000b559cd33122071",
		"nvidia/cuda_nvrtc/lib/",
	}
	nvccWheel = wheel{
		"nvidia-cuda-nvcc-cu12", "12.9.86", "5d6a0d32fdc7ea39917c20065614ae93add6f577d840233237ff08e9a38f58f0",
		"nvidia/cuda_nvcc/bin/",
	}
)

// fetch returns the folder with the contents of the wheel, which is downloaded
// by pip where the user's cache does not have it.
func (w *wheel) fetch() (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	to := filepath.Join(cache, "paspo", w.name+"-"+w.version+"-"+w.sha256[:8])
	if _, err := os.Stat(to); err == nil {
		return to, nil
	}
	tmp, err := os.MkdirTemp("", "paspo-wheel-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(tmp)
	pip := exec.Command("python3", "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps",
		"--only-binary=:all:", "--platform=manylinux1_x86_64", "--platform=manylinux2010_x86_64", "--platform=manylinux_2_12_x86_64",
		"--dest", tmp, w.name+"=="+w.version)
	if out, err := pip.CombinedOutput(); err != nil {
		return "", fmt.Errorf("pip download %s==%s: %w\n%s", w.name, w.version, err, strings.TrimSpace(string(out)))
	}
	files, err := filepath.Glob(filepath.Join(tmp, "*.whl"))
	if err != nil || len(files) != 1 {
		return "", fmt.Errorf("pip downloaded %d wheels of %s", len(files), w.name)
	}
	if err := w.check(files[0]); err != nil {
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

func (w *wheel) check(file string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return err
	}
	if got := hex.EncodeToString(h.Sum(nil)); got != w.sha256 {
		return fmt.Errorf("%s has the SHA-256 %s, not %s", filepath.Base(file), got, w.sha256)
	}
	return nil
}

func (w *wheel) unpack(file, to string) error {
	z, err := zip.OpenReader(file)
	if err != nil {
		return err
	}
	defer z.Close()
	for _, f := range z.File {
		name, ok := strings.CutPrefix(f.Name, w.folder)
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
