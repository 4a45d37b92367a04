//go:build cgo

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const kernels = "../.."

// The PTX in the repository is what the sources give.
func TestPTXIsCurrent(t *testing.T) {
	if _, err := nvrtcWheel.Fetch(); err != nil {
		t.Skipf("NOT CHECKED that the PTX belongs to its sources: %v", err)
	}
	ptx, err := generate("", kernels)
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(kernels, "*.ptx"))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != len(ptx) {
		t.Errorf("%d files of PTX for %d sources", len(files), len(ptx))
	}
	for name, want := range ptx {
		have, err := os.ReadFile(filepath.Join(kernels, name))
		if err != nil {
			t.Error(err)
			continue
		}
		if string(have) != want {
			t.Errorf("%s is not what its source gives: run make ptx", name)
		}
		for _, line := range []string{"\n.version 8.0\n", "\n.target sm_75\n"} {
			if !strings.Contains(want, line) {
				t.Errorf("%s has no line %q", name, line)
			}
		}
	}
}

// Every card's assembler takes the PTX, and nothing is spilled.
func TestAssemble(t *testing.T) {
	assembler, err := ptxas()
	if err != nil {
		t.Skipf("NOT CHECKED that the PTX can be assembled: %v", err)
	}
	files, err := filepath.Glob(filepath.Join(kernels, "*.ptx"))
	if err != nil || len(files) == 0 {
		t.Fatal("no PTX", err)
	}
	for _, card := range cards {
		for _, f := range files {
			us, err := assemble(assembler, f, card)
			if err != nil {
				t.Error(err)
				continue
			}
			if len(us) == 0 {
				t.Errorf("%s has no kernel", f)
			}
			for _, u := range us {
				if u.spills > 0 || u.shared > 48<<10 {
					t.Errorf("%s on %s: %d bytes spilled, %d bytes of shared memory", u.kernel, card, u.spills, u.shared)
				}
			}
		}
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
