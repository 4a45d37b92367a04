package arrows

import (
	"bytes"
	"cmp"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"paspo/internal/checkout"
)

// Helpers know nothing of allocations. They import only one another.
var helpers = []string{
	"internal/arm64", "internal/arrows", "internal/atomicfile", "internal/blas", "internal/blas/openblas", "internal/cells", "internal/checkout", "internal/docs", "internal/exact", "internal/faultfs",
	"internal/count", "internal/finite", "internal/image", "internal/interrupt", "internal/jsonkeys", "internal/limits", "internal/long", "internal/marketmodel", "internal/npy", "internal/onnx", "internal/ops", "internal/parquet", "internal/plots", "internal/prices",
	"internal/race", "internal/reference", "internal/rng", "internal/safetensors", "internal/seeded", "internal/setting", "internal/special", "internal/spelling", "internal/stats",
	"internal/tensorboard", "internal/wheel",
}

// imports says what each package may import beside the helpers: "x" is the package x,
// "x/..." also all below it. What stands nearest to a package's own path holds for it.
// Each group imports groups above it, and what else is said beside it.
var imports = map[string][]string{
	// The constraints.
	"lp":                  {"lp/internal/..."},
	"lp/internal/...":     {"lp/internal/..."},
	"lp/internal/lptest":  {"lp", "lp/constraints", "lp/internal/..."},
	"lp/constraints/...":  {"lp", "lp/internal/...", "lp/constraints/internal/..."},
	"lp/uniform":          {"lp", "lp/internal/..."},
	"lp/relax":            {"lp", "lp/internal/...", "lp/interval"},
	"lp/interval":         {"lp", "lp/internal/...", "lp/interval/..."},
	"lp/interval/...":     {"lp", "lp/internal/...", "lp/interval/relay"}, // a method knows no other
	"lp/interval/relay":   {"lp", "lp/internal/..."},
	"internal/stress/...": {"lp/..."},

	// What is to be allocated. Nothing of policies or training. Limits relax by lp/relax, which asks lp/interval.
	"envs":              {"lp/...", "envs/internal/..."},
	"envs/internal/...": {"lp/...", "envs", "envs/internal/..."},
	"envs/...":          {"lp/...", "envs", "envs/internal/..."},
	"envs/benchmarks":   {"lp/...", "envs/..."},

	// GPUs. They know neither constraints nor policies.
	"kernels":                 {},
	"cuda":                    {"kernels", "cuda/internal/driver"},
	"cuda/internal/...":       {},
	"kernels/internal/genptx": {},
	"internal/cudatest/...":   {"cuda"},

	"internal/sweep/slurmtest": {}, // runs Slurm

	// Policies. They know neither environments nor training.
	"policy":              {"lp/..."},
	"policy/dist":         {},
	"policy/debias":       {"lp/...", "policy", "policy/dist"},
	"policy/internal/...": {"lp/...", "policy", "policy/internal/..."},
	"policy/joint":        {"lp/...", "policy", "policy/dist", "policy/internal/..."},
	"policy/cpu":          {"lp/...", "policy", "policy/dist", "policy/internal/..."},
	"policy/gpu":          {"lp/...", "policy", "policy/dist", "policy/internal/...", "cuda", "kernels"},

	// Training: a loop, which knows no algorithm and no backend, and algorithms.
	"rl":                     {"lp/...", "envs", "policy", "policy/dist", "rl/internal/..."},
	"rl/internal/checkpoint": {"lp", "policy"},
	"ppo":                    {"lp/...", "envs", "policy", "rl"},

	// What PASPO is compared with.
	"baselines": {"lp/...", "envs", "policy", "policy/joint", "rl", "ppo"},

	// Runs, and what the commands are made of. Backends and benchmarks are chosen here.
	"internal/run/runfolder": {"rl", "internal/run/glossary"},
	"internal/run/progress":  {},
	"internal/run/glossary":  {},
	"internal/run/report":    {"envs/..."},
	"configs":                {}, // the files of the tuned presets, embedded
	"internal/run/config":    {"configs", "lp/...", "envs/...", "policy", "policy/debias", "rl", "ppo", "baselines"},
	"internal/run/agent":     {"lp/...", "envs/...", "policy/...", "rl", "ppo", "baselines", "cuda", "internal/run/..."},
	"internal/run/export":    {"lp/...", "envs/...", "policy", "rl", "baselines", "internal/run/..."},
	"internal/run/serve":     {"lp/...", "envs", "policy", "rl", "internal/run/agent"},
	"internal/bench":         {"lp/...", "envs/...", "policy/...", "rl", "ppo", "cuda"},
	"internal/sweep":         {"rl", "policy", "internal/run/...", "internal/sweep/..."},
	"internal/sweep/cluster": {"internal/run/runfolder"},
	"internal/sweep/journal": {}, // the store and the search know no training
	"internal/sweep/plan":    {"rl", "internal/run/...", "internal/sweep/..."},
	"internal/sweep/search":  {},
	"internal/sweep/spec":    {"internal/run/...", "internal/sweep/search"},
	"internal/orders":        {"lp"},
	"internal/walkforward":   {"lp/...", "envs", "envs/market", "rl", "internal/run/..."},
	"internal/decision":      {"lp", "lp/constraints", "envs", "envs/market", "internal/orders", "internal/run/...", "internal/walkforward"},
	"internal/check":         {"lp/..."},
	"internal/arrays":        {"lp/...", "internal/run/serve"},
	"internal/page":          {"rl", "internal/run/...", "internal/sweep/...", "internal/walkforward"},
	"cli":                    {"lp/...", "envs/...", "rl", "baselines", "cuda", "internal/bench", "internal/run/...", "internal/sweep", "internal/sweep/cluster", "internal/sweep/plan", "internal/sweep/spec", "internal/page", "internal/orders", "internal/walkforward", "internal/decision", "internal/check", "internal/arrays"},
	"cmd/train":              {"cli"},
	"tools/trainers/paspo":   {"lp/...", "envs/...", "policy/...", "ppo"},
	"cmd/gpu-check":          {"envs", "rl", "cuda", "internal/bench", "internal/run/...", "internal/sweep", "internal/sweep/spec"},
	"cmd/experiments/...": {
		"lp/...", "envs/...", "policy/...", "rl", "ppo", "baselines", "internal/run/...", "internal/sweep", "internal/sweep/spec", "internal/stress/...", "cmd/experiments/internal/...", "cli",
	},
}

// testImports says what tests of a package may import beyond what the package may: what they compare it with, or
// what they try it on.
var testImports = map[string][]string{
	"lp":                    {"lp/constraints", "lp/interval"},
	"lp/relax":              {"lp/constraints"},
	"lp/interval":           {"lp/constraints", "lp/uniform", "internal/stress"},
	"lp/interval/clp":       {"lp/constraints"},
	"envs":                  {"envs/benchmarks", "envs/portfolio"},
	"envs/internal/bounds":  {"envs/benchmarks", "envs/compute", "envs/portfolio"},
	"kernels":               {"cuda", "internal/cudatest"},
	"cuda":                  {"internal/cudatest"},
	"policy":                {"policy/cpu", "policy/internal/policytest"},
	"policy/debias":         {"policy/internal/policytest"},
	"policy/dist":           {"policy/internal/policytest"},
	"policy/gpu":            {"envs", "envs/portfolio", "policy/cpu", "ppo", "rl", "internal/cudatest"},
	"rl":                    {"envs/portfolio", "policy/cpu", "policy/debias", "ppo"},
	"ppo":                   {"policy/cpu", "policy/debias"},
	"internal/run/glossary": {"internal/run/runfolder", "policy", "rl"},
	"internal/run/export":   {"policy/cpu"},
	"internal/run/serve":    {"internal/run/config"},
	"internal/page":         {"lp"},
	"internal/docs":         {"internal/run/config"},
	"internal/sweep":        {"internal/cudatest"},
	"cli":                   {"internal/cudatest", "internal/sweep/slurmtest"},
	"cmd/gpu-check":         {"internal/cudatest"},
}

// outside says who may use a module that not everybody may, in tests too.
var outside = map[string][]string{
	"github.com/lanl/clp":       {"lp/..."},
	"gorgonia.org/gorgonia":     {"policy/...", "internal/ops", "cuda"},
	"gorgonia.org/cu":           {"cuda/...", "internal/cudatest"},
	"gonum.org/v1/plot":         {"internal/plots"},
	"github.com/c-bata/goptuna": {"internal/sweep/search"},
	"github.com/spf13/cobra":    {"cli", "cmd/..."},
}

// covers says whether a pattern names a package, and how closely.
func covers(pattern, pkg string) (int, bool) {
	if tree, below := strings.CutSuffix(pattern, "/..."); below {
		return len(tree), pkg == tree || strings.HasPrefix(pkg, tree+"/")
	}
	return len(pattern) + 1, pkg == pattern
}

func among(patterns []string, pkg string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		_, ok := covers(p, pkg)
		return ok
	})
}

// mayUse says whether a package may import a path, as far as that is of a module in outside.
func mayUse(pkg, path string) bool {
	for module, users := range outside {
		if _, of := covers(module+"/...", path); of && !among(users, pkg) {
			return false
		}
	}
	return true
}

// allowed returns what a package may import, and false where no line is for it.
func allowed(pkg string) ([]string, bool) {
	if slices.Contains(helpers, pkg) {
		return helpers, true
	}
	line := nearest(pkg)
	return slices.Concat(imports[line], helpers), line != ""
}

// nearest returns the line of imports that holds for a package, "" where there is none.
func nearest(pkg string) (line string) {
	closest := -1
	for pattern := range imports {
		if n, ok := covers(pattern, pkg); ok && n > closest {
			line, closest = pattern, n
		}
	}
	return line
}

// sources parses the files of this module, whatever system and tags they are built for, and
// calls look with the package of each.
func sources(t *testing.T, mode parser.Mode, look func(pkg, file string, f *ast.File)) {
	t.Helper()
	root, err := checkout.Root()
	if err != nil {
		t.Fatal(err)
	}
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && path != root {
			_, err := os.Stat(filepath.Join(path, "go.mod"))
			if err == nil || d.Name() == "testdata" || strings.HasPrefix(d.Name(), ".") || strings.HasPrefix(d.Name(), "_") {
				return filepath.SkipDir // no package of this module
			}
		}
		if filepath.Ext(path) != ".go" {
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, mode)
		if err != nil {
			return err
		}
		pkg, err := filepath.Rel(root, filepath.Dir(path))
		look(filepath.ToSlash(pkg), d.Name(), f)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// list returns the packages of this module and what each imports, and what their tests import.
func list(t *testing.T) (all, tests map[string][]string) {
	t.Helper()
	all, tests = map[string][]string{}, map[string][]string{}
	sources(t, parser.ImportsOnly, func(pkg, file string, f *ast.File) {
		all[pkg], tests[pkg] = append(all[pkg], ""), append(tests[pkg], "") // also where nothing is imported
		to := all
		if strings.HasSuffix(file, "_test.go") {
			to = tests
		}
		for _, i := range f.Imports {
			path, _ := strconv.Unquote(i.Path.Value)
			to[pkg] = append(to[pkg], path)
		}
	})
	for _, of := range []map[string][]string{all, tests} {
		for pkg, paths := range of {
			of[pkg] = slices.Compact(slices.Sorted(slices.Values(paths)))[1:]
		}
	}
	return all, tests
}

// Every import is in the tables above, whatever tags its file is built with.
func TestArrows(t *testing.T) {
	seen := 0
	all, _ := list(t)
	for pkg, imported := range all {
		may, ok := allowed(pkg)
		if !ok {
			t.Errorf("no line says what %s may import", pkg)
		}
		for _, path := range imported {
			seen++
			if to, own := strings.CutPrefix(path, "paspo/"); own && ok && !among(may, to) {
				t.Errorf("%s must not import %s", pkg, to)
			}
			if !mayUse(pkg, path) {
				t.Errorf("%s must not import %s", pkg, path)
			}
		}
	}
	if seen < 100 {
		t.Errorf("only %d imports were looked at", seen)
	}
}

// What tests import is what their package may, or in the table of tests.
func TestArrowsOfTests(t *testing.T) {
	_, tests := list(t)
	used := map[string]bool{}
	for pkg, imported := range tests {
		may, _ := allowed(pkg)
		for _, path := range imported {
			if !mayUse(pkg, path) {
				t.Errorf("tests of %s must not import %s", pkg, path)
			}
			to, own := strings.CutPrefix(path, "paspo/")
			if !own || to == pkg || among(may, to) {
				continue
			}
			if among(testImports[pkg], to) {
				used[pkg+" "+to] = true
				continue
			}
			t.Errorf("tests of %s must not import %s", pkg, to)
		}
	}
	for pkg, more := range testImports {
		for _, to := range more {
			if !used[pkg+" "+to] {
				t.Errorf("no test of %s imports %s: the table need not allow it", pkg, to)
			}
		}
	}
}

// The tables allow nothing that no package and no test of one needs.
func TestNothingIsAllowedInVain(t *testing.T) {
	all, tests := list(t)
	used := map[string]map[string]bool{}
	for pkg := range all {
		line := nearest(pkg)
		if used[line] == nil {
			used[line] = map[string]bool{}
		}
		for _, path := range slices.Concat(all[pkg], tests[pkg]) {
			for _, pattern := range imports[line] {
				if to, own := strings.CutPrefix(path, "paspo/"); own && among([]string{pattern}, to) && to != pkg {
					used[line][pattern] = true
				}
			}
		}
	}
	for line, may := range imports {
		if used[line] == nil {
			t.Errorf("the line of %s holds for no package", line)
		}
		for _, pattern := range may {
			if used[line] != nil && !used[line][pattern] {
				t.Errorf("nothing in %s imports %s: the table need not allow it", line, pattern)
			}
		}
	}
	for _, helper := range helpers {
		if all[helper] == nil {
			t.Errorf("there is no helper %s", helper)
		}
	}
}

// The nearest line holds.
func TestAllowed(t *testing.T) {
	for _, c := range []struct {
		from, to string
		want     bool
	}{
		{"lp/interval/warm", "lp/interval/clp", false},
		{"lp/interval/warm", "lp/interval/relay", true},
		{"lp/interval", "lp/interval/clp", true},
		{"lp", "policy", false},
		{"lpx", "lp", false},
		{"envs/portfolio", "envs/compute", false},
		{"envs/benchmarks", "envs/compute", true},
		{"policy/cpu", "cuda", false},
		{"policy/gpu", "cuda", true},
		{"internal/rng", "lp", false},
		{"rl", "ppo", false},
		{"rl", "policy/cpu", false},
	} {
		if may, ok := allowed(c.from); ok && among(may, c.to) != c.want {
			t.Errorf("%s may import %s: %v", c.from, c.to, !c.want)
		} else if !ok && c.want {
			t.Errorf("no line for %s", c.from)
		}
	}
}

// A package that is larger is two: CONTRIBUTING.md. Tests do not count.
func TestPackagesAreSmall(t *testing.T) {
	const mostLines, mostFiles = 2500, 20
	root, err := checkout.Root()
	if err != nil {
		t.Fatal(err)
	}
	lines, files := map[string]int{}, map[string]int{}
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() && strings.HasPrefix(d.Name(), ".") && path != root {
			return cmp.Or(err, filepath.SkipDir)
		}
		if filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		text, err := os.ReadFile(path)
		dir := filepath.Dir(path)
		lines[dir] += bytes.Count(text, []byte("\n"))
		files[dir]++
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for dir, n := range lines {
		if n > mostLines || files[dir] > mostFiles {
			t.Errorf("%s has %d lines in %d files: %d in %d are allowed", dir, n, files[dir], mostLines, mostFiles)
		}
	}
	if len(lines) < 50 {
		t.Errorf("only %d packages were looked at", len(lines))
	}
}
