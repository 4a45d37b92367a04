package arm64

import (
	"bytes"
	"errors"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"paspo/internal/checkout"
	"paspo/internal/safetensors"
)

const (
	compiler = "aarch64-linux-gnu-gcc"
	emulator = "qemu-aarch64"
	system   = "/usr/aarch64-linux-gnu" // where the cross compiler has its libc
)

// packages are what apt unpacks for a build with CLP.
var packages = []string{
	"coinor-libclp-dev", "coinor-libclp1", "coinor-libcoinutils-dev", "coinor-libcoinutils3v5", "libblas-dev", "libblas3",
	"liblapack-dev", "liblapack3", "libgfortran5", "libbz2-dev", "libbz2-1.0", "zlib1g-dev", "zlib1g",
}

// tools skips a test where there are no tools, and returns the folder of the module.
func tools(t *testing.T) string {
	for _, tool := range []string{compiler, "aarch64-linux-gnu-g++", emulator} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("SKIPPED: nothing tests the kernels of arm64, since there is no %s (make emulator installs it on Debian)", tool)
		}
	}
	root, err := checkout.Root()
	if err != nil {
		t.Fatal(err)
	}
	return root
}

// run runs a command in the folder of the module. Settings of the build for this machine do not
// reach that for arm64.
func run(t *testing.T, root string, env []string, args ...string) string {
	t.Helper()
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Dir = root
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "CGO_") {
			cmd.Env = append(cmd.Env, v)
		}
	}
	cmd.Env = append(cmd.Env, env...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

var cross = []string{"GOOS=linux", "GOARCH=arm64", "CGO_ENABLED=1", "CC=" + compiler, "CXX=aarch64-linux-gnu-g++"}

func TestKernels(t *testing.T) {
	root := tools(t)
	run(t, root, cross, "go", "test", "-short", "-vet=off", "-ldflags=-s -w", "-exec", emulator+" -L "+system,
		"./internal/blas", "./internal/ops", "./lp/internal/pieces")
}

// TestTraining trains with CLP for arm64, which apt fetches into the checkout's cache and installs nowhere.
func TestTraining(t *testing.T) {
	root := tools(t)
	clp, err := unpacked()
	if err != nil {
		t.Skipf("SKIPPED: nothing trains on arm64, since CLP for it cannot be had: %v", err)
	}
	usr, triple := filepath.Join(clp, "usr"), "lib/aarch64-linux-gnu"
	libs := []string{filepath.Join(usr, triple), filepath.Join(usr, triple, "blas"), filepath.Join(usr, triple, "lapack"), filepath.Join(clp, triple)}
	env := append([]string{
		"PKG_CONFIG_LIBDIR=" + filepath.Join(usr, triple, "pkgconfig"), "PKG_CONFIG_SYSROOT_DIR=" + clp,
		"CGO_LDFLAGS=-O2 -L" + strings.Join(libs, " -L") + " -Wl,-rpath-link," + strings.Join(libs, ":"),
	}, cross...)
	emulate := []string{emulator, "-L", system, "-E", "LD_LIBRARY_PATH=" + strings.Join(libs, ":")}

	// Gradients against the graph in float64, and rows against batches of them.
	run(t, root, env, "go", "test", "-short", "-vet=off", "-ldflags=-s -w", "-exec", strings.Join(emulate, " "),
		"-run", "GradientAgrees|RaggedMinibatch|SamplesDoNotDepend", "./policy/cpu")

	dir := t.TempDir()
	here, there := filepath.Join(dir, "here"), filepath.Join(dir, "there")
	run(t, root, env, "go", "build", "-ldflags=-s -w", "-o", there, "./cmd/train")
	run(t, root, nil, "go", "build", "-o", here, "./cmd/train")
	settings := strings.Fields("--preset paper --quiet --set ppo.steps_per_env=8 --set ppo.minibatch=32 --set ppo.epochs=2 " +
		"--set ppo.checkpoint_every=2 --set ppo.eval_episodes=1 --set report.episodes=2 --set report.starts=2")
	train := func(name string, program []string, args ...string) string {
		out := filepath.Join(dir, name)
		run(t, dir, nil, append(append(append(program, settings...), "--out", out), args...)...)
		return filepath.Join(out, "checkpoints")
	}
	whole := train("whole", append(emulate, there), "--steps", "256")
	halves := train("halves", append(emulate, there), "--steps", "128")
	run(t, dir, nil, append(emulate, there, "--quiet", "--resume", filepath.Join(dir, "halves"), "--steps", "256")...)
	const last = "iteration-00000004.safetensors"
	if !bytes.Equal(read(t, whole, last), read(t, halves, last)) {
		t.Error("a training that was resumed ends with other bits")
	}

	plain := train("plain", []string{here}, "--steps", "256", "--set", "kernels=plain")
	got, want, begun := decode(t, whole, last), decode(t, plain, last), decode(t, plain, "initial.safetensors")
	moved := 0.
	for _, p := range begun.Tensors {
		if !strings.HasPrefix(p.Name, "param.") {
			continue
		}
		a, b, c := floats(t, got, p.Name), floats(t, want, p.Name), floats(t, begun, p.Name)
		for i := range c {
			moved = max(moved, math.Abs(float64(b[i]-c[i])))
			if d := math.Abs(float64(a[i] - b[i])); !(d < 1e-4) {
				t.Fatalf("%s: element %d is %g on arm64, %g here", p.Name, i, a[i], b[i])
			}
		}
	}
	if moved < 1e-2 {
		t.Errorf("training has moved parameters by %g at most: nothing to compare", moved)
	}
}

// unpacked returns the folder of the packages. apt reads lists of its own, for arm64.
func unpacked() (string, error) {
	to, err := checkout.Cache("arm64", "clp")
	if err != nil {
		return "", err
	}
	if _, err := os.Stat(to); err == nil {
		return to, nil
	}
	dir, err := os.MkdirTemp("", "paspo-arm64-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	part := filepath.Join(filepath.Dir(to), filepath.Base(dir))
	defer os.RemoveAll(part)
	if err := errors.Join(os.MkdirAll(filepath.Join(dir, "lists", "partial"), 0o755), os.MkdirAll(filepath.Join(dir, "archives", "partial"), 0o755),
		os.MkdirAll(part, 0o755)); err != nil {
		return "", err
	}
	script := `
		get() { apt-get -qq -o APT::Architecture=arm64 -o APT::Architectures=arm64 -o APT::Sandbox::User= -o Acquire::Languages=none \
			-o Dir::State::status=/dev/null -o Dir::State::lists="$PWD/lists" -o Dir::Cache="$PWD" "$@"; }
		get update && get download "${@:2}" && for deb in *.deb; do dpkg -x "$deb" "$1"; done`
	cmd := exec.Command("bash", append([]string{"-e", "-c", script, "bash", part}, packages...)...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", errors.New(strings.TrimSpace(err.Error() + " " + string(out)))
	}
	return to, os.Rename(part, to)
}

func read(t *testing.T, dir, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func decode(t *testing.T, dir, name string) *safetensors.File {
	t.Helper()
	f, err := safetensors.Decode(read(t, dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func floats(t *testing.T, f *safetensors.File, name string) []float32 {
	t.Helper()
	p, _ := f.Lookup(name)
	v, err := p.Float32()
	if err != nil {
		t.Fatal(err)
	}
	return v
}
