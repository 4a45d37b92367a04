package seeded

import (
	"io/fs"
	"os"
	"path"
	"strings"
	"testing"

	"paspo/internal/checkout"
)

// Every package with rapid tests has a fixed seed, or what its tests say is not a matter
// of the code.
func TestEveryRapidTestIsSeeded(t *testing.T) {
	root, err := checkout.Root()
	if err != nil {
		t.Fatal(err)
	}
	drawn, fixed := map[string]bool{}, map[string]bool{}
	err = fs.WalkDir(os.DirFS(root), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() && strings.HasPrefix(d.Name(), ".") && name != "." {
			return fs.SkipDir
		}
		if !strings.HasSuffix(name, "_test.go") {
			return nil
		}
		text, err := os.ReadFile(path.Join(root, name))
		if err != nil {
			return err
		}
		dir := path.Dir(name)
		drawn[dir] = drawn[dir] || strings.Contains(string(text), "\t\"pgregory.net/rapid\"\n")
		fixed[dir] = fixed[dir] || strings.Contains(string(text), "\t_ \"paspo/internal/seeded\"\n")
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	count := 0
	for dir, d := range drawn {
		if d {
			count++
		}
		if d && !fixed[dir] {
			t.Errorf("the tests of %s draw by chance: import paspo/internal/seeded", dir)
		}
	}
	if count == 0 {
		t.Error("no tests are found")
	}
}
