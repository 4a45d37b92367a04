package cli

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"paspo/internal/checkout"
)

// pythonWithNumPy returns a Python interpreter that has NumPy, and skips the test without one.
func pythonWithNumPy(t *testing.T) string {
	t.Helper()
	for _, name := range []string{os.Getenv("PASPO_TEST_PYTHON"), "python3"} {
		if name != "" && exec.Command(name, "-c", "import numpy").Run() == nil {
			return name
		}
	}
	t.Skip("SKIPPED: no python3 with NumPy; PASPO_TEST_PYTHON may name one")
	return ""
}

// The tests of the Python package pass with this binary as its program.
func TestPythonPackage(t *testing.T) {
	interpreter := pythonWithNumPy(t)
	root, err := checkout.Root()
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(interpreter, filepath.Join(root, "python", "tests", "test_paspo.py"), "-v")
	cmd.Env = append(os.Environ(), "PASPO_BINARY="+self, "PASPO_TEST_RUN=1", "PYTHONDONTWRITEBYTECODE=1")
	if !testing.Short() {
		cmd.Env = append(cmd.Env, "PASPO_TEST_LONG=1")
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	} else {
		t.Logf("%s", out)
	}
}
