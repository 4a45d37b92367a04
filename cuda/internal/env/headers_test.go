package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"paspo/internal/checkout"
	"paspo/internal/wheel"
)

// The oldest headers that are supported, and those of the next major version.
// (The rest of the tests are built with those of runtimeWheel.)
var otherHeaders = []wheel.Wheel{
	{
		Name: "nvidia-cuda-runtime-cu12", Version: "12.0.146", Folder: "nvidia/cuda_runtime/include/",
		SHA256: map[string]string{"amd64": "18c038592af387684812fa712642aa9a26c12da80acb488b6709f7cced147f71"},
	},
	{
		Name: "nvidia-cuda-runtime", Version: "13.0.48", Folder: "nvidia/cu13/include/",
		SHA256: map[string]string{"amd64": "5b54d12087a1abff81a4cbfa6556876e3afea1fc60da2e0816da374619810c89"},
	},
}

// A program that uses the GPU is compiled and linked with other headers, and with
// a libcuda.so on the linker's path, which it must not take.
func TestOtherHeaders(t *testing.T) {
	// Folders that stay, so that go finds what it built before.
	stubs, err := checkout.Cache("stubs")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(stubs, 0o755); err != nil {
		t.Fatal(err)
	}
	source := filepath.Join(stubs, "stub.c")
	if err := os.WriteFile(source, []byte("int cuInit(unsigned f) { return 34; }\nint cuMemAlloc_v2(void) { return 34; }\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("gcc", "-shared", "-fPIC", "-Wl,-soname,libcuda.so.1", "-o", filepath.Join(stubs, "libcuda.so"), source).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	// No more than package cuda, as all that is built with cgo is built anew.
	main := filepath.Join(stubs, "main.go")
	if err := os.WriteFile(main, []byte("package main\n\nimport _ \"paspo/cuda\"\n\nfunc main() {}\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, w := range otherHeaders {
		t.Run(w.Name+"-"+w.Version, func(t *testing.T) {
			include, err := w.Fetch()
			if err != nil {
				t.Skipf("SKIPPED, not checked: %v", err)
			}
			home := filepath.Join(stubs, w.Version)
			if err := os.MkdirAll(home, 0o755); err != nil {
				t.Fatal(err)
			}
			link := filepath.Join(home, "include")
			if old, _ := os.Readlink(link); old != include {
				_ = os.Remove(link)
				if err := os.Symlink(include, link); err != nil {
					t.Fatal(err)
				}
			}
			env := map[string]string{"CUDA_HOME": home, "CGO_CFLAGS": "-O0", "CGO_LDFLAGS": "-L" + stubs}
			text, err := settings(func(name string) string { return env[name] }, nil, true)
			if err != nil {
				t.Fatal(err)
			}
			program := filepath.Join(t.TempDir(), "program")
			cmd := exec.Command("sh", "-c", text+"go build -tags gpu,netgo,osusergo -o '"+program+"' '"+main+"' && readelf -d '"+program+"'")
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			if !strings.Contains(string(out), "NEEDED") || strings.Contains(string(out), "libcuda") {
				t.Errorf("it needs\n%s", out)
			}
		})
	}
}
