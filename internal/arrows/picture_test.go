package arrows

import (
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"paspo/internal/checkout"
)

var (
	drawn   = regexp.MustCompile(`(?m)^ +(\w+)(?:\["(.*?)"\])? --> (\w+)(?:\["(.*?)"\])?$`)
	divider = regexp.MustCompile(`, *(<br/>)?`)
)

// picture reads the picture in docs/architecture.md: which nodes a node points to, and the node
// of every package. A label begins with the packages of its node, separated by commas; a node
// without one is called what its package is.
func picture(t *testing.T) (arrows map[string][]string, node map[string]string) {
	t.Helper()
	root, err := checkout.Root()
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(filepath.Join(root, "docs", "architecture.md"))
	if err != nil {
		t.Fatal(err)
	}
	arrows, labels := map[string][]string{}, map[string]string{}
	for _, m := range drawn.FindAllStringSubmatch(string(page), -1) {
		arrows[m[1]] = append(arrows[m[1]], m[3])
		for k := 1; k < 5; k += 2 {
			if m[k+1] != "" || labels[m[k]] == "" {
				labels[m[k]] = m[k+1]
			}
		}
	}
	node = map[string]string{}
	for name, label := range labels {
		if label == "" {
			label = name
		}
		names, _, _ := strings.Cut(strings.ReplaceAll(label, ",<br/>", ", "), "<br/>")
		for k, p := range divider.Split(names, -1) {
			if k > 0 {
				first, _, _ := strings.Cut(names, ",")
				p = path.Join(path.Dir(first), p)
			}
			node[p] = name
		}
	}
	return arrows, node
}

// of returns the node of a package, that of internal/run for what is below it too.
func of(node map[string]string, pkg string) string {
	for ; strings.HasPrefix(pkg, "internal/"); pkg = path.Dir(pkg) {
		if n := node[pkg]; n != "" {
			return n
		}
	}
	return node[pkg]
}

// Every arrow of the picture is an import, and every import is an arrow or follows from some.
func TestPicture(t *testing.T) {
	arrows, node := picture(t)
	imports := map[[2]string]bool{}
	all, _ := list(t)
	for pkg, imported := range all {
		from := of(node, pkg)
		for _, p := range imported {
			to, own := strings.CutPrefix(p, "paspo/")
			if to = of(node, to); own && from != "" && to != "" && from != to {
				imports[[2]string{from, to}] = true
			}
		}
	}
	var reaches func(from, to string) bool
	reaches = func(from, to string) bool {
		return slices.ContainsFunc(arrows[from], func(x string) bool { return x == to || reaches(x, to) })
	}
	for from, all := range arrows {
		for _, to := range all {
			if !imports[[2]string{from, to}] {
				t.Errorf("the picture has %s import %s", from, to)
			}
		}
	}
	for arrow := range imports {
		if !reaches(arrow[0], arrow[1]) {
			t.Errorf("the picture does not say that %s imports %s", arrow[0], arrow[1])
		}
	}
	if len(imports) < 50 {
		t.Errorf("only %d imports were compared", len(imports))
	}
}
