package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestExport(t *testing.T) {
	dir, _ := finished(t)
	to := filepath.Join(t.TempDir(), "policy.onnx")
	out := succeed(t, "", "export", dir, "--onnx", to)
	data, err := os.ReadFile(to)
	if err != nil || !strings.HasPrefix(out, to+": ") || !strings.Contains(string(data), "paspo.entities") {
		t.Errorf("%s: %v", out, err)
	}
	refused(t, "--onnx is empty: name the file to write", "", "export", dir)
	refused(t, "cannot write "+dir+": it is a folder: the name of a file is allowed", "", "export", dir, "--onnx", dir)
	refused(t, `limits has "c": b, total, lower, upper, holdings are allowed`, "", "export", dir, "--onnx", to, "--limits", "b,c")
	refused(t, "cannot write "+filepath.Join(dir, "no", "x")+": no such file or directory", "", "export", dir, "--onnx", filepath.Join(dir, "no", "x"))
}
