package arrows

import (
	"go/ast"
	"go/parser"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// What is between packages of this module alone, though others see it.
var between = []string{
	"policy.Request.Streams", // of Backends, which are asked by rl
	"envs.VectorConfig.Stream",
	"policy.Normalizer.Seen", // which it gathers itself
	"rl.Learner.Streams",     // of algorithms, which CONTRIBUTING.md adds to this module
}

// Whoever imports a package from outside of this module can give all that it takes.
func TestExportedTakesNothingInternal(t *testing.T) {
	looked := 0
	sources(t, parser.SkipObjectResolution, func(pkg, file string, f *ast.File) {
		if strings.HasSuffix(file, "_test.go") || strings.Contains("/"+pkg+"/", "/internal/") || strings.HasPrefix(pkg, "cmd/") {
			return
		}
		looked++
		for what, used := range takenFrom(f) {
			what = pkg + "." + what
			if !slices.ContainsFunc(between, func(s string) bool { return strings.HasPrefix(what, s) }) {
				t.Errorf("%s takes a %s", what, used)
			}
		}
	})
	if looked < 100 {
		t.Errorf("only %d files were looked at", looked)
	}
}

// takenFrom returns what exported declarations take of internal packages: parameters of
// functions and methods, fields of structs, and all that methods of interfaces have, since whoever
// implements one gives what they return.
func takenFrom(f *ast.File) map[string]string {
	internal := map[string]bool{}
	for _, i := range f.Imports {
		path, _ := strconv.Unquote(i.Path.Value)
		if strings.Contains("/"+path+"/", "/internal/") {
			name := filepath.Base(path)
			if i.Name != nil {
				name = i.Name.Name
			}
			internal[name] = true
		}
	}
	found := map[string]string{}
	look := func(what string, e ast.Node) {
		ast.Inspect(e, func(n ast.Node) bool {
			if s, ok := n.(*ast.SelectorExpr); ok {
				if x, ok := s.X.(*ast.Ident); ok && internal[x.Name] {
					found[what] = x.Name + "." + s.Sel.Name
				}
			}
			return true
		})
	}
	for _, d := range f.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			name := d.Name.Name
			if d.Recv != nil {
				on := d.Recv.List[0].Type
				if p, ok := on.(*ast.StarExpr); ok {
					on = p.X
				}
				id, ok := on.(*ast.Ident)
				if !ok || !id.IsExported() {
					continue
				}
				name = id.Name + "." + name
			}
			if d.Name.IsExported() {
				look(name, d.Type.Params)
			}
		case *ast.GenDecl:
			for _, s := range d.Specs {
				t, ok := s.(*ast.TypeSpec)
				if !ok || !t.Name.IsExported() {
					continue
				}
				var fields *ast.FieldList
				switch t := t.Type.(type) {
				case *ast.StructType:
					fields = t.Fields
				case *ast.InterfaceType:
					fields = t.Methods
				default:
					continue
				}
				for _, field := range fields.List {
					for _, n := range field.Names {
						if n.IsExported() {
							look(t.Name.Name+"."+n.Name, field.Type)
						}
					}
				}
			}
		}
	}
	return found
}
