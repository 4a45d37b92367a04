//go:build gpu

package cuda_test

import (
	"debug/elf"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"paspo/cuda"
	"paspo/internal/cudatest"
)

var kinds = []struct {
	name string
	err  error
}{
	{"not built", cuda.ErrNotBuilt},
	{"no driver", cuda.ErrNoDriver},
	{"broken", cuda.ErrBroken},
	{"old", cuda.ErrOld},
	{"no device", cuda.ErrNoDevice},
	{"lost", cuda.ErrLost},
}

// TestProbe is run by probe, in a process that has opened no driver yet.
func TestProbe(t *testing.T) {
	if os.Getenv("PASPO_PROBE") == "" {
		t.Skip("started by other tests")
	}
	devices, err := cuda.Devices()
	if err == nil {
		var names []string
		for _, d := range devices {
			names = append(names, d.Name)
		}
		c, oerr := cuda.Open(len(devices) - 1)
		if oerr != nil {
			t.Fatal(oerr)
		}
		version, verr := cuda.DriverVersion()
		fmt.Printf("probe: %s: %v, CUDA %s\n", strings.Join(names, ", "), errors.Join(c.Close(), verr), version)
		return
	}
	var is []string
	for _, k := range kinds {
		if errors.Is(err, k.err) {
			is = append(is, k.name)
		}
	}
	if errors.As(err, new(*cuda.Error)) {
		is = append(is, "call")
	}
	_, again := cuda.Open(0)
	if again == nil || again.Error() != err.Error() {
		t.Errorf("Devices says %v, Open %v", err, again)
	}
	fmt.Printf("probe: [%s] %q\n", strings.Join(is, ", "), err)
}

// probe returns what a new process finds with settings.
func probe(t *testing.T, settings ...string) string {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestProbe$")
	cmd.Env = append(os.Environ(), "PASPO_PROBE=1")
	cmd.Env = append(cmd.Env, settings...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for line := range strings.Lines(string(out)) {
		if said, ok := strings.CutPrefix(line, "probe: "); ok {
			return strings.TrimSpace(said)
		}
	}
	t.Fatalf("it said nothing:\n%s", out)
	return ""
}

// compile makes a library of C.
func compile(t *testing.T, source string, flags ...string) string {
	t.Helper()
	dir := t.TempDir()
	in, out := filepath.Join(dir, "x.c"), filepath.Join(dir, "libx.so")
	if err := os.WriteFile(in, []byte(source), 0o644); err != nil {
		t.Fatal(err)
	}
	if text, err := exec.Command("gcc", append([]string{"-shared", "-fPIC", "-o", out, in}, flags...)...).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return out
}

func TestDriversThatAreNone(t *testing.T) {
	cudatest.Fake(t)
	dir := t.TempDir()
	text := filepath.Join(dir, "text.so")
	if err := os.WriteFile(text, []byte("This is no library, and long enough that nobody calls it too short for one, says the test.\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	empty := filepath.Join(dir, "empty.so")
	if err := os.WriteFile(empty, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	gone := compile(t, "int gone(void) { return 1; }", "-Wl,-soname,libgone-for-paspo.so")
	const start = "int cuInit(unsigned f) { return 0; } int cuDriverGetVersion(int *v) { *v = 12040; return 0; }"
	for name, c := range map[string]struct{ path, want string }{
		"no such file":           {filepath.Join(dir, "libcuda.so.1"), `[no driver] "cuda: no NVIDIA driver: ` + dir},
		"text":                   {text, `[broken] "cuda: the driver library cannot be used: ` + text + `: invalid ELF header`},
		"empty":                  {empty, `[broken] "cuda: the driver library cannot be used: ` + empty + `: file too short`},
		"a folder":               {dir, `[broken] "cuda: the driver library cannot be used: ` + dir},
		"another library":        {gone, `not a driver: no cuInit`},
		"needs another":          {compile(t, "int gone(void); int f(void) { return gone(); }", "-Wl,--no-as-needed", gone), `[broken] "cuda: the driver library cannot be used: libgone-for-paspo.so`},
		"half a driver":          {compile(t, start+"int cuDeviceGetCount(int *n) { *n = 1; return 0; }"), `: no cuDeviceGet"`},
		"a version that fails":   {compile(t, "int cuInit(unsigned f) { return 0; } int cuDriverGetVersion(int *v) { return 34; } int cuDeviceGetCount(int *n) { return 0; }"), `[call] "cuda: the driver does not start: cuInit: error 34"`},
		"an end after the start": {compile(t, start), `no cuDeviceGetCount"`},
	} {
		t.Run(name, func(t *testing.T) {
			if got := probe(t, "PASPO_LIBCUDA="+c.path); !strings.Contains(got, c.want) {
				t.Errorf("%s\ndoes not have\n%s", got, c.want)
			}
		})
	}
}

func TestDriversThatDoNotServe(t *testing.T) {
	cudatest.Fake(t)
	fake := cudatest.Environ(t)
	for name, c := range map[string]struct {
		settings []string
		want     string
	}{
		"too old":         {[]string{"PASPO_FAKE_VERSION=11080"}, `[old] "cuda: the driver is too old: it supports CUDA 11.8, 12.0 is needed (driver 525 or later)"`},
		"fails to start":  {[]string{"PASPO_FAKE_INIT=999"}, `[call] "cuda: the driver does not start: cuInit: error 999`},
		"a stub":          {[]string{"PASPO_FAKE_INIT=34"}, `[call] "cuda: the driver does not start: cuInit: error 34`},
		"no device":       {[]string{"PASPO_FAKE_DEVICES=0"}, `[no device, call] "cuda: no CUDA device: cuInit: error 100 CUDA_ERROR_NO_DEVICE: `},
		"all hidden":      {[]string{"CUDA_VISIBLE_DEVICES="}, `[no device, call] "cuda: no CUDA device: cuInit: error 100`},
		"one hidden":      {[]string{"CUDA_VISIBLE_DEVICES=1"}, "fake device 1: <nil>, CUDA 12.0"},
		"other order":     {[]string{"CUDA_VISIBLE_DEVICES=1,0"}, "fake device 1, fake device 0: <nil>"},
		"just new enough": {[]string{"PASPO_FAKE_VERSION=12000"}, "fake device 0, fake device 1: <nil>, CUDA 12.0"},
		"a newer one":     {[]string{"PASPO_FAKE_VERSION=13010"}, "fake device 0, fake device 1: <nil>, CUDA 13.1"},
	} {
		t.Run(name, func(t *testing.T) {
			got := probe(t, append(append([]string{}, fake...), c.settings...)...)
			if !strings.Contains(got, c.want) {
				t.Errorf("%s\ndoes not have\n%s", got, c.want)
			}
			if strings.Contains(got, `\n`) {
				t.Errorf("more than one line: %s", got)
			}
		})
	}
}

// A driver that starts and then counts no device.
func TestDriverWithoutDevices(t *testing.T) {
	cudatest.Fake(t)
	source := "int cuInit(unsigned f) { return 0; } int cuDriverGetVersion(int *v) { *v = 12040; return 0; } int cuDeviceGetCount(int *n) { *n = 0; return 0; }"
	for _, name := range []string{
		"cuDeviceGet", "cuDevicePrimaryCtxRetain", "cuCtxSetCurrent", "cuMemAlloc_v2", "cuModuleLoadData", "cuModuleGetFunction",
		"cuStreamCreate", "cuLaunchKernel", "cuStreamBeginCapture_v2", "cuStreamEndCapture", "cuGraphInstantiateWithFlags", "cuGraphLaunch",
	} {
		source += " int " + name + "(void) { return 999; }"
	}
	if got := probe(t, "PASPO_LIBCUDA="+compile(t, source)); got != `[no device] "cuda: no CUDA device"` {
		t.Errorf("got %s", got)
	}
	counts := strings.Replace(source, "*n = 0; return 0;", "*n = 1; return 0;", 1)
	if got := probe(t, "PASPO_LIBCUDA="+compile(t, counts)); got != `[lost, call] "cuDeviceGet: error 999"` {
		t.Errorf("got %s", got)
	}
}

// The program names no CUDA library, so that it starts without one.
func TestNeedsNoCUDALibrary(t *testing.T) {
	f, err := elf.Open(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	needed, err := f.ImportedLibraries()
	if err != nil {
		t.Fatal(err)
	}
	if len(needed) == 0 {
		t.Error("no library is needed: this is not what is linked otherwise")
	}
	for _, l := range needed {
		if strings.Contains(l, "cuda") || strings.Contains(l, "nvidia") {
			t.Errorf("%s is needed", l)
		}
	}
	symbols, err := f.ImportedSymbols()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range symbols {
		if strings.HasPrefix(s.Name, "cu") && len(s.Name) > 2 && s.Name[2] >= 'A' && s.Name[2] <= 'Z' {
			t.Errorf("%s is left to the loader", s.Name)
		}
	}
}

func TestOpenNamesTheDevicesThereAre(t *testing.T) {
	c := cudatest.Open(t)
	devices, err := cuda.Devices()
	if err != nil {
		t.Fatal(err)
	}
	for _, ordinal := range []int{-1, len(devices)} {
		if _, err := cuda.Open(ordinal); !errors.Is(err, cuda.ErrNoDevice) || !strings.Contains(err.Error(), fmt.Sprintf("gpu:%d: there are gpu:0 to gpu:%d", ordinal, len(devices)-1)) {
			t.Errorf("%d: %v", ordinal, err)
		}
	}
	d := c.Device()
	if d != devices[0] || d.Name == "" || d.Memory <= 0 || d.SMs <= 0 || 10*d.Major+d.Minor < 75 || d.SharedMemory < 48<<10 {
		t.Errorf("%+v", d)
	}
}
