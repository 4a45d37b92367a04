package cudatest

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"testing"

	"paspo/internal/checkout"
)

// Races says that the kernels are compiled for the race check, which makes a race
// an error of the device.
func Races() bool { return os.Getenv("PASPO_TEST_RACES") == "1" }

// Real says that tests run on the device of the machine.
func Real() bool { return os.Getenv("PASPO_TEST_GPU") == "1" }

// Environ is what selects the fake driver, for programs that a test starts.
func Environ(t testing.TB) []string {
	t.Helper()
	l, err := build()
	if err != nil {
		t.Fatalf("the fake driver: %v", err)
	}
	return []string{"PASPO_LIBCUDA=" + l.driver, "PASPO_FAKE_KERNELS=" + l.kernels}
}

type libraries struct{ driver, kernels string }

var build = sync.OnceValues(func() (l libraries, err error) {
	// The libraries ask for these; go test has to know, which keeps results.
	_, _ = os.Getenv("PASPO_FAKE_ORDER"), os.Getenv("PASPO_FAKE_RACES")
	root, err := checkout.Root()
	if err != nil {
		return l, err
	}
	l.driver, err = library(root, "libcuda.so.1", []string{
		"-std=c++17", "-O2", "-Wall", "-Wextra", "-Wno-unused-parameter", "-Wno-missing-field-initializers",
		"-fvisibility=hidden", "-fPIC", "-shared", "-pthread",
	}, "internal/cudatest/fake/all.cpp", "internal/cudatest/fake/*", "kernels/host/race.h")
	if err != nil {
		return l, err
	}
	if Races() {
		l.kernels, err = racing(root)
		return l, err
	}
	l.kernels, err = library(root, "kernels.so", []string{
		"-std=c++17", "-O3", "-march=native", "-fPIC", "-shared", "-pthread",
		"-fsanitize=alignment", "-fno-sanitize-recover=alignment", // which devices insist on
	}, "kernels/host/all.cpp", "kernels/host/*", "kernels/*.cu", "kernels/*.cuh")
	return l, err
})

// racing compiles the kernels with a call for every access, and what is called and what
// runs them, which are our own and have no such calls.
func racing(root string) (string, error) {
	check, err := library(root, "race.o", []string{
		"-std=c++17", "-O3", "-march=native", "-Wall", "-Wextra", "-fvisibility=hidden", "-fPIC", "-pthread", "-c", "-DPASPO_RACE",
	}, "kernels/host/race.cpp", "kernels/host/*.h", "kernels/host/shim.cpp")
	if err != nil {
		return "", err
	}
	return library(root, "racing.so", []string{
		"-std=c++17", "-O2", "-g1", "-march=native", "-fPIC", "-shared", "-pthread", "-DPASPO_RACE",
		"-fsanitize=thread", "-nodefaultlibs", "-Wl,-z,defs", check, "-lstdc++", "-lm", "-lgcc_s", "-lc",
	}, "kernels/host/all.cpp", "kernels/host/*", "kernels/*.cu", "kernels/*.cuh")
}

// library compiles sources into a library, unless that has been done with the
// same sources, the same of what they include, and the same compiler.
func library(root, name string, flags []string, sources string, included ...string) (string, error) {
	var files []string
	var compiled int
	for i, pattern := range append([]string{sources}, included...) {
		found, err := checkout.Files(root, pattern)
		if err != nil {
			return "", err
		}
		files = append(files, found...)
		if i == 0 {
			compiled = len(found)
		}
	}
	version, err := exec.Command("g++", "--version").Output()
	if err != nil {
		return "", fmt.Errorf("g++: %w", err)
	}
	sum := sha256.New()
	fmt.Fprintf(sum, "%s %q", version, flags)
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(sum, "%s %d %s", file, len(text), text)
	}
	dir := filepath.Join(root, ".cache", "fake", fmt.Sprintf("%x", sum.Sum(nil)[:8]))
	path := filepath.Join(dir, name)

	// Packages are tested at the same time, by processes of their own.
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	lock, err := os.Create(path + ".lock")
	if err != nil {
		return "", err
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return "", err
	}
	if _, err := os.Stat(path); err == nil || !os.IsNotExist(err) {
		return path, err
	}
	if err := sweep(filepath.Dir(dir), name, dir); err != nil {
		return "", err
	}
	temporary := path + ".new"
	args := slices.Concat([]string{"-o", temporary}, files[:compiled], flags, []string{"-ldl"})
	if out, err := exec.Command("g++", args...).CombinedOutput(); err != nil {
		return "", fmt.Errorf("g++: %w\n%s", err, out)
	}
	return path, os.Rename(temporary, path)
}

// keep is the number of builds of a library that stay.
const keep = 4

// sweep removes builds of a library that are older than the last ones.
func sweep(cache, name, but string) error {
	type built struct {
		dir string
		fs.FileInfo
	}
	var all []built
	paths, err := checkout.Files(cache, "*/"+name)
	if err != nil {
		return err
	}
	for _, p := range paths {
		if info, err := os.Stat(p); err == nil && filepath.Dir(p) != but {
			all = append(all, built{filepath.Dir(p), info})
		}
	}
	slices.SortFunc(all, func(a, b built) int { return b.ModTime().Compare(a.ModTime()) })
	for _, b := range all[min(len(all), keep):] {
		if err := os.RemoveAll(b.dir); err != nil {
			return err
		}
	}
	return nil
}
