package docs

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"paspo/internal/checkout"
)

// tree is what the documentation can name.
type tree struct {
	files fs.FS

	pages    []string // Markdown
	words    map[string]bool
	strings  map[string]bool            // literals of Go
	names    map[string]map[string]bool // package or type -> what it declares, fields and methods too
	imports  map[string]bool            // last elements of import paths
	targets  map[string]bool            // of make
	makefile string
	ignored  []string // folders that git ignores
}

var (
	word   = regexp.MustCompile(`[A-Za-z_][A-Za-z0-9_]*`)
	target = regexp.MustCompile(`(?m)^([a-z][a-z-]*):`)
)

func readTree(t *testing.T) *tree {
	t.Helper()
	root, err := checkout.Root()
	if err != nil {
		t.Fatal(err)
	}
	w := &tree{
		files: os.DirFS(root), words: map[string]bool{}, strings: map[string]bool{}, names: map[string]map[string]bool{},
		imports: map[string]bool{}, targets: map[string]bool{},
	}
	ignore, err := fs.ReadFile(w.files, ".gitignore")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(ignore)) {
		if line = strings.TrimSpace(line); strings.HasPrefix(line, "/") && strings.HasSuffix(line, "/") {
			w.ignored = append(w.ignored, strings.Trim(line, "/"))
		}
	}
	err = fs.WalkDir(w.files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if name != "." && (strings.HasPrefix(d.Name(), ".") || slices.Contains(w.ignored, name) || name == "internal/docs") {
				return fs.SkipDir
			}
			return nil
		}
		return w.read(name)
	})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *tree) read(name string) error {
	switch {
	case path.Ext(name) == ".md":
		w.pages = append(w.pages, name)
		return nil
	case !slices.Contains([]string{".go", ".py", ".cu", ".cuh", ".h", ".c", ".yaml", ".toml", ".mod", ""}, path.Ext(name)):
		return nil
	}
	data, err := fs.ReadFile(w.files, name)
	if err != nil {
		return err
	}
	for _, x := range word.FindAllString(string(data), -1) {
		w.words[x] = true
	}
	if name == "Makefile" {
		w.makefile = string(data)
		for _, m := range target.FindAllStringSubmatch(string(data), -1) {
			w.targets[m[1]] = true
		}
	}
	if path.Ext(name) == ".go" {
		return w.parse(name, data)
	}
	return nil
}

// parse takes the names that a file of Go declares.
func (w *tree) parse(name string, data []byte) error {
	f, err := parser.ParseFile(token.NewFileSet(), name, data, parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	declare := func(in, name string) {
		if w.names[in] == nil {
			w.names[in] = map[string]bool{}
		}
		w.names[in][name] = true
	}
	pkg := f.Name.Name
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.ImportSpec:
			at, _ := strconv.Unquote(n.Path.Value)
			w.imports[path.Base(at)] = true
		case *ast.BasicLit:
			if s, err := strconv.Unquote(n.Value); err == nil && n.Kind == token.STRING {
				w.strings[s] = true
			}
		case *ast.FuncDecl:
			if n.Recv == nil {
				declare(pkg, n.Name.Name)
				break
			}
			of := n.Recv.List[0].Type
			if p, ok := of.(*ast.StarExpr); ok {
				of = p.X
			}
			if x, ok := of.(*ast.IndexExpr); ok {
				of = x.X
			}
			if x, ok := of.(*ast.Ident); ok {
				declare(x.Name, n.Name.Name)
			}
		case *ast.TypeSpec:
			declare(pkg, n.Name.Name)
			var fields *ast.FieldList
			switch of := n.Type.(type) {
			case *ast.StructType:
				fields = of.Fields
			case *ast.InterfaceType:
				fields = of.Methods
			}
			if fields != nil {
				for _, field := range fields.List {
					for _, x := range field.Names {
						declare(n.Name.Name, x.Name)
					}
				}
			}
		case *ast.ValueSpec:
			for _, x := range n.Names {
				declare(pkg, x.Name)
			}
		}
		return true
	})
	return nil
}
