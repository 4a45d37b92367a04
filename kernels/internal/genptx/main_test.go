//go:build cgo

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"paspo/internal/checkout"
)

const kernels = "../.."

// The PTX in the repository is what the sources give.
func TestPTXIsCurrent(t *testing.T) {
	if _, err := nvrtcWheel.Fetch(); err != nil {
		t.Skipf("NOT CHECKED that the PTX belongs to its sources: %v", err)
	}
	if err := current("", kernels); err != nil {
		t.Error(err)
	}
	files, err := checkout.Files(kernels, "*.ptx")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range []string{"\n.version 8.0\n", "\n.target sm_75\n"} {
			if !strings.Contains(string(text), line) {
				t.Errorf("%s has no line %q", f, line)
			}
		}
	}
}

// A source that has changed, one without PTX, and PTX without a source are all
// found.
func TestPTXIsNotCurrent(t *testing.T) {
	if _, err := nvrtcWheel.Fetch(); err != nil {
		t.Skipf("NOT CHECKED that old PTX is found: %v", err)
	}
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("a.cu", "extern \"C\" __global__ void a(int *p) { *p = 1; }\n")
	write("b.cu", "extern \"C\" __global__ void b(int *p) { *p = 2; }\n")
	if err := run("", dir); err != nil {
		t.Fatal(err)
	}
	if err := current("", dir); err != nil {
		t.Errorf("what was just made: %v", err)
	}
	write("a.cu", "extern \"C\" __global__ void a(int *p) { *p = 3; }\n")
	write("c.cu", "extern \"C\" __global__ void c(int *p) { *p = 2; }\n")
	write("d.ptx", "")
	if err := current("", dir); err == nil || !strings.Contains(err.Error(), ": a.ptx, c.ptx, d.ptx (") {
		t.Errorf("the error is %v", err)
	}
}

// Every card's assembler takes the PTX, and nothing is spilled.
func TestAssemble(t *testing.T) {
	assembler, err := ptxas()
	if err != nil {
		t.Skipf("NOT CHECKED that the PTX can be assembled: %v", err)
	}
	perKernel, err := assembleAll(assembler, kernels)
	if err != nil {
		t.Fatal(err)
	}
	for name, us := range perKernel {
		if len(us) != len(cards) {
			t.Errorf("%s was assembled %d times for %d cards", name, len(us), len(cards))
		}
		for i, u := range us {
			if u.spills > 0 || u.shared > 48<<10 {
				t.Errorf("%s on %s: %d bytes spilled, %d bytes of shared memory", name, cards[i], u.spills, u.shared)
			}
		}
	}
	if perKernel["adam"] == nil {
		t.Error("adam was not assembled")
	}
}

func TestAssembleRefuses(t *testing.T) {
	assembler, err := ptxas()
	if err != nil {
		t.Skipf("NOT CHECKED that broken PTX is refused: %v", err)
	}
	f := filepath.Join(t.TempDir(), "broken.ptx")
	if err := os.WriteFile(f, []byte(".version 8.0\n.target sm_75\n.address_size 64\n.visible .entry f() { add.s32; }\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := assemble(assembler, f, "sm_75"); err == nil {
		t.Error("broken PTX was taken")
	}
}

func TestCompileError(t *testing.T) {
	if _, err := nvrtcWheel.Fetch(); err != nil {
		t.Skipf("NOT CHECKED that a broken source is refused: %v", err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "x.cu"), []byte("__global__ void f() { undeclared = 1; }\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := generate("", dir); err == nil || !strings.Contains(err.Error(), "undeclared") {
		t.Errorf("the error is %v", err)
	}
}
