package docs

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// commented matches a file with a comment at its package clause.
var commented = regexp.MustCompile(`(?m)^// .*\n(//.*\n)*package \w+$`)

// A package or a command says what it is for in doc.go, and nowhere else.
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
		for _, name := range names {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			if commented.Match(text) {
				with = append(with, filepath.Base(name))
			}
		}
		if len(with) != 1 || with[0] != "doc.go" {
			t.Errorf("%s: the comment of the package is in %v: doc.go alone is to have one", dir, with)
		}
	}
}
