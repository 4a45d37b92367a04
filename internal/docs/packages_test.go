package docs

import (
	"bytes"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
)

// A package of several files says what it is for in doc.go, and nowhere else.
func TestPackagesHaveTheirComment(t *testing.T) {
	const root = "../.."
	files := map[string][]string{}
	err := filepath.WalkDir(root, func(name string, e fs.DirEntry, err error) error {
		switch hidden := strings.HasPrefix(e.Name(), ".") && name != root; {
		case err != nil:
			return err
		case e.IsDir() && (hidden || e.Name() == "testdata" || e.Name() == "examples" || e.Name() == "shared"):
			return filepath.SkipDir
		case strings.HasSuffix(name, ".go") && !strings.HasSuffix(name, "_test.go"):
			files[filepath.Dir(name)] = append(files[filepath.Dir(name)], name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 50 {
		t.Fatalf("%d packages were found", len(files))
	}
	for dir, names := range files {
		var with []string
		command := false
		for _, name := range names {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			command = command || bytes.Contains(text, []byte("\npackage main\n")) || bytes.HasPrefix(text, []byte("package main\n"))
			if bytes.HasPrefix(text, []byte("// Package ")) || bytes.Contains(text, []byte("\n// Package "+path.Base(dir)+" ")) {
				with = append(with, filepath.Base(name))
			}
		}
		if command {
			continue
		}
		if len(with) != 1 || len(names) > 1 && with[0] != "doc.go" {
			t.Errorf("%s: the comment of the package is in %v: one doc.go is wanted", dir, with)
		}
	}
}
