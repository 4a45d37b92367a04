//go:build gpu

package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"paspo/internal/cudatest"
	"paspo/internal/long"
)

// withDriver runs a command line in a process of its own, with environment variables.
func withDriver(t *testing.T, environ []string, args ...string) (status int, out, errs string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	cmd := process(ctx, args...)
	cmd.Env = append(cmd.Env, environ...)
	var o, e bytes.Buffer
	cmd.Stdout, cmd.Stderr = &o, &e
	cmd.Run()
	return cmd.ProcessState.ExitCode(), o.String(), e.String()
}

// Without a device that works, auto trains on the CPU and says why in the line of
// the device; gpu is refused in one line.
func TestWithoutDevice(t *testing.T) {
	long.Test(t)
	dir := t.TempDir()
	notALibrary := filepath.Join(dir, "libcuda.so.1")
	if err := os.WriteFile(notALibrary, []byte("not a library"), 0o644); err != nil {
		t.Fatal(err)
	}
	cases := map[string]struct {
		environ []string
		why     string
	}{
		"no driver":      {[]string{"PASPO_LIBCUDA=" + filepath.Join(dir, "missing.so")}, "no NVIDIA driver"},
		"broken library": {[]string{"PASPO_LIBCUDA=" + notALibrary}, "the driver library cannot be used"},
	}
	if !cudatest.Real() {
		fake := cudatest.Environ(t)
		add := func(name, set, why string) {
			cases[name] = struct {
				environ []string
				why     string
			}{append(fake[:len(fake):len(fake)], set), why}
		}
		add("no device", "PASPO_FAKE_DEVICES=0", "no CUDA device")
		add("old driver", "PASPO_FAKE_VERSION=11080", "driver 525 or later")
		add("no start", "PASPO_FAKE_INIT=999", "cuInit: error 999")
		add("little memory", "PASPO_FAKE_MEMORY=100000", "missing")
	}
	for name, c := range cases {
		status, out, errs := withDriver(t, c.environ, with("--json", "--out", filepath.Join(dir, name))...)
		line, _, _ := strings.Cut(errs, "\n")
		if status != 0 || !strings.HasPrefix(line, "device: CPU (no GPU: ") || !strings.Contains(line, c.why) || !json.Valid([]byte(out)) {
			t.Errorf("%s, auto: status %d, %q, want %q", name, status, errs, c.why)
		}
		status, _, errs = withDriver(t, c.environ, with("--device", "gpu", "--quiet", "--out", filepath.Join(dir, name+"-gpu"))...)
		if status != 1 || strings.Count(errs, "\n") != 1 || !strings.HasPrefix(errs, "train: device gpu: ") || !strings.Contains(errs, c.why) {
			t.Errorf("%s, gpu: status %d, %q, want %q", name, status, errs, c.why)
		}
	}
}

// A run on a device resumes on the CPU, and the other way round, with a warning that
// the last digits will differ.
func TestDevices(t *testing.T) {
	long.Test(t)
	fake := cudatest.Environ(t)
	dir := filepath.Join(t.TempDir(), "run")
	status, out, errs := withDriver(t, fake, with("--json", "--device", "gpu:0", "--out", dir)...)
	if status != 0 || !strings.HasPrefix(errs, "device: GPU 0 (") {
		t.Fatalf("status %d, %s", status, errs)
	}
	var summary struct {
		Device     string
		Violations int
	}
	if err := json.Unmarshal([]byte(out), &summary); err != nil || !strings.HasPrefix(summary.Device, "GPU 0 (") || summary.Violations != 0 {
		t.Errorf("summary %+v, %v", summary, err)
	}
	for _, s := range []struct{ device, steps, want string }{{"cpu", "2048", "device: CPU;"}, {"auto", "3072", "device: GPU 0 ("}} {
		status, _, errs := withDriver(t, fake, "--resume", dir, "--device", s.device, "--steps", s.steps)
		if status != 0 || !strings.Contains(errs, "goes on with other arithmetic") || !strings.Contains(errs, "\n"+s.want) {
			t.Errorf("resumed on %s: status %d, %s", s.device, status, errs)
		}
	}
	if status, _, errs := withDriver(t, fake, with("--device", "gpu:7", "--out", dir+"7")...); status != 1 || !strings.Contains(errs, "gpu:7") {
		t.Errorf("a device that is not there: status %d, %s", status, errs)
	}
	status, out, errs = withDriver(t, fake, "eval", dir, "--episodes", "4")
	if status != 0 || !strings.HasPrefix(errs, "device: CPU;") || !strings.Contains(out, "trained policy") {
		t.Errorf("eval: status %d, %s", status, errs)
	}
	status, out, errs = withDriver(t, fake, "eval", dir, "--episodes", "4", "--device", "gpu")
	if status != 0 || !strings.HasPrefix(errs, "device: GPU 0 (") || !strings.Contains(out, "violations (> 1e-6): 0") {
		t.Errorf("eval on a device: status %d, %s\n%s", status, errs, out)
	}
	if status, _, errs = withDriver(t, fake, "act", dir, "--device", "gpu:7"); status != 1 || !strings.Contains(errs, "gpu:7") {
		t.Errorf("act on a device that is not there: status %d, %s", status, errs)
	}
}

// When a device fails, the run ends with a checkpoint and with the command that resumes it on the
// CPU.
func TestDeviceDies(t *testing.T) {
	long.Test(t)
	if cudatest.Real() {
		t.Skip("needs the fake driver")
	}
	dir := filepath.Join(t.TempDir(), "run")
	environ := append(cudatest.Environ(t), "PASPO_FAKE_DIE=1500")
	status, _, errs := withDriver(t, environ, with("--device", "gpu", "--steps", "1000000", "--out", dir)...)
	lines := strings.Split(strings.TrimSpace(errs), "\n")
	last := lines[len(lines)-1]
	if status != 1 || !strings.HasPrefix(last, "train: ") || strings.Count(last, "error 719") != 1 || !strings.HasSuffix(last, "--resume "+dir+" --device cpu") {
		t.Fatalf("status %d, %s", status, errs)
	}
	before, err := os.ReadFile(filepath.Join(dir, "metrics.jsonl"))
	if err != nil || len(before) == 0 {
		t.Fatalf("no iteration before the device died: %v", err)
	}
	iterations := int64(bytes.Count(before, []byte("\n")))
	status, _, errs = withDriver(t, environ, "--resume", dir, "--device", "cpu", "--steps", "20000")
	if status != 0 {
		t.Fatalf("status %d, %s", status, errs)
	}
	after, err := os.ReadFile(filepath.Join(dir, "metrics.jsonl"))
	if err != nil || !bytes.HasPrefix(after, before) || int64(bytes.Count(after, []byte("\n"))) <= iterations {
		t.Errorf("the run did not go on from iteration %d: %v", iterations, err)
	}
}
