package sweep

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"paspo/internal/long"
	"paspo/internal/run/config"
	"paspo/internal/sweep/spec"
)

// The best configuration is one wherever it is put, though the sweep was named from elsewhere and its folder has a
// name of two lines.
func TestBestIsTakenAnywhere(t *testing.T) {
	long.Test(t)
	t.Chdir(t.TempDir())
	if err := os.WriteFile("limits.yaml", []byte("entities: [A, B, C]\ntotal: 1\nbounds: {A: [0, 0.5]}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	text := strings.Replace(tinyBase, "synthetic: {rows: 5, seed: 3}}", "synthetic: {entities: 3, seed: 1}}\n  constraints: limits.yaml", 1)
	s, err := spec.Parse("sweep.yaml", []byte(strings.ReplaceAll(text, "%d", "64")+tinySpace))
	if err != nil {
		t.Fatal(err)
	}
	w, err := Create(t.Context(), s, "new\nseed: 7", nil)
	if err != nil {
		t.Fatal(err)
	}
	workers(t, w.Dir, 1)
	var b bytes.Buffer
	if err := w.Best(&b); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "best.yaml")
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := config.Load(path, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(c.Constraints); err != nil || c.Seed != 3 {
		t.Errorf("seed %d, %v", c.Seed, err)
	}
	if got := oneLine("a\r\nb"); got != `a\r\nb` {
		t.Errorf("%q", got)
	}
}

// No two columns have one name, which pandas cannot read from Parquet, where a setting of the space is called as a column is.
func TestColumnsOfAnExport(t *testing.T) {
	s, err := spec.Parse("sweep.yaml", []byte(strings.ReplaceAll(tinyBase, "%d", "64")+"seeds: [1]\nsearch: {method: grid}\nspace: {steps: {choices: [64, 128]}}\n"))
	if err != nil {
		t.Fatal(err)
	}
	w, err := Create(t.Context(), s, filepath.Join(t.TempDir(), "new"), nil)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := w.Export(&b, "csv"); err != nil {
		t.Fatal(err)
	}
	const want = "setting,setting_state,iqm,space.steps,seed,state,return,stderr,action,max_residual,violations,steps,processor_seconds,run,error,part\n"
	if b.String() != want {
		t.Errorf("%q, want %q", &b, want)
	}
}
