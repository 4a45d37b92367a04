package docs

import (
	"io/fs"
	"path"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"paspo/internal/race"
	"paspo/internal/run/config"
)

var (
	fence  = regexp.MustCompile("(?ms)^```[^\n]*\n(.*?)^```")
	code   = regexp.MustCompile("`([^`\n]+)`")
	link   = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	anchor = regexp.MustCompile(`(?m)^#+ +(.*)$`)

	qualified = regexp.MustCompile(`^\*?([A-Za-z]\w*)((?:\.[A-Z]\w*)+)(?:\(.*\))?$`)
	key       = regexp.MustCompile(`^([a-z]\w*(?:\.[a-z_]\w*)+)(?:[=:].*)?$`)
	bare      = regexp.MustCompile(`^\*?(\w*[A-Z_]\w*)(?:\(.*\).*)?$`)
	file      = regexp.MustCompile(`^(?:\./)?[\w.*-]+(?:/[\w.*-]+)*/?$`)
	flag      = regexp.MustCompile(`(?:^|[\s\[])--([a-z][a-z-]*)`)
	set       = regexp.MustCompile(`--set ([\w.]+)=`)
	maker     = regexp.MustCompile(`(?:^|\s)make (?:-s )?([a-z][a-z-]*)`)
	ours      = regexp.MustCompile(`^--|(?:^|[\s/])train\b|go run \./cmd/|gpu-check`)
)

// foreign are names of others' code.
var foreign = []string{
	"SubprocVecEnv", "rejection_sampling_fin_env", "model_parameter_", "model_meta_info_", "model_backtesting_data_set_G_markov_states_2_12.json",
}

// What documentation names in code is there: files, names of Go, settings, flags of our
// commands, targets of make; so are what links lead to.
func TestDocumentationNamesWhatIsThere(t *testing.T) {
	if race.Enabled {
		t.Skip("SKIPPED under the race detector: one goroutine reads pages")
	}
	w := readTree(t)
	looked := 0
	for _, page := range w.pages {
		data, err := fs.ReadFile(w.files, page)
		if err != nil {
			t.Fatal(err)
		}
		text := string(data)
		complain := func(what, why string) { t.Errorf("%s: `%s`: %s", page, what, why) }
		for _, m := range fence.FindAllStringSubmatch(text, -1) {
			for line := range strings.Lines(m[1]) {
				line, _, _ = strings.Cut(line, "#")
				w.command(strings.TrimSpace(line), complain)
			}
		}
		prose := fence.ReplaceAllString(text, "")
		for _, m := range code.FindAllStringSubmatch(prose, -1) {
			looked++
			w.span(page, m[1], complain)
		}
		for _, m := range link.FindAllStringSubmatch(prose, -1) {
			looked++
			w.link(page, m[1], complain)
		}
	}
	if len(w.pages) < 10 || looked < 300 {
		t.Errorf("only %d names and links on %d pages", looked, len(w.pages))
	}
}

// What is not there is complained of.
func TestComplaints(t *testing.T) {
	if race.Enabled {
		t.Skip("SKIPPED under the race detector: one goroutine reads pages")
	}
	w := readTree(t)
	complaints := func(look func(complain func(what, why string))) (n int) {
		look(func(string, string) { n++ })
		return n
	}
	for s, want := range map[string]int{
		"lp.New": 0, "lp.NewNothing": 1, "lp.Limits.A": 0, "lp.Limits.Nothing": 1, "nothing.New": 1, "*InfeasibleError": 0, "*NothingError": 1,
		"Actor.Act": 0, "Actor.Nothing": 1, "Truncated() bool": 0, "solverMethods": 0, "solverNothings": 1,
		"lp/polytope.go": 0, "lp/nothing.go": 1, "zilch/": 1, "kernels/*.cu": 0, "kernels/*.nothing": 1, "runs/mine": 0, "metrics.jsonl": 0, "zilch.jsonl": 1,
		"lp.max_pieces": 0, "lp.max_nothing": 1, "ppo.lr=1": 0, "ppo.nothing=1": 1, "[0.5]": 0, "lo <= hi": 0,
		"bin/train --resume": 0, "bin/train --zilch": 1, "--set ppo.lr=1": 0, "--set ppo.nothing=1": 1, "make test": 0, "make nothing": 1,
	} {
		if n := complaints(func(f func(what, why string)) { w.span("README.md", s, f) }); n != want {
			t.Errorf("`%s` gives %d complaints, want %d", s, n, want)
		}
	}
	for to, want := range map[string]int{
		"method.md": 0, "nothing.md": 1, "architecture.md#words": 0, "architecture.md#nothing": 1, "#words": 0, "../lp": 0, "../nothing": 1, "https://go.dev": 0,
	} {
		if n := complaints(func(f func(what, why string)) { w.link("docs/architecture.md", to, f) }); n != want {
			t.Errorf("a link to %s gives %d complaints, want %d", to, n, want)
		}
	}
}

// command looks at the flags of a command line and the targets of make.
func (w *tree) command(line string, complain func(what, why string)) {
	if ours.MatchString(line) {
		for _, m := range flag.FindAllStringSubmatch(line, -1) {
			if !w.strings[m[1]] && m[1] != "help" {
				complain(line, "no command has the flag --"+m[1])
			}
		}
		for _, m := range set.FindAllStringSubmatch(line, -1) {
			w.setting(m[1], line, complain)
		}
	}
	for _, m := range maker.FindAllStringSubmatch(line, -1) {
		if !w.targets[m[1]] {
			complain(line, "make has no target "+m[1])
		}
	}
}

func (w *tree) span(page, s string, complain func(what, why string)) {
	if slices.Contains(foreign, s) {
		return
	}
	w.command(s, complain)
	if m := qualified.FindStringSubmatch(s); m != nil {
		in := m[1]
		for _, name := range strings.Split(m[2][1:], ".") {
			if known := w.names[in]; known == nil && !w.imports[in] {
				complain(s, "there is no package or type "+in)
			} else if known != nil && !known[name] {
				complain(s, in+" declares no "+name)
			}
			in = name
		}
		return
	}
	if m := key.FindStringSubmatch(s); m != nil && !isFile(s) {
		w.setting(m[1], s, complain)
		return
	}
	if m := bare.FindStringSubmatch(s); m != nil {
		if !w.words[m[1]] {
			complain(s, "nothing in the sources has this name")
		}
		return
	}
	if file.MatchString(s) && (strings.Contains(s, "/") || isFile(s)) {
		s = strings.TrimPrefix(s, "./")
		first, _, _ := strings.Cut(s, "/")
		if !slices.Contains(w.ignored, first) && !w.exists(page, s) && !w.made(s) {
			complain(s, "there is no such file, and nothing writes it")
		}
	}
}

// isFile reports whether a name without a folder is that of a file.
func isFile(s string) bool {
	return !strings.HasPrefix(s, ".") && slices.Contains([]string{".go", ".md", ".cu", ".py", ".yaml", ".json", ".jsonl", ".bin", ".h", ".png"}, path.Ext(s))
}

// made reports whether code or the Makefile name a file, or a package of Go's library.
func (w *tree) made(s string) bool {
	s = strings.TrimSuffix(s, "/")
	return w.strings[s] || w.strings[strings.TrimSuffix(s, path.Ext(s))] || strings.Contains(w.makefile, s)
}

// exists looks for a file from the root and from the page's folder on.
func (w *tree) exists(page, name string) bool {
	for _, dir := range []string{".", path.Dir(page)} {
		found, err := fs.Glob(w.files, path.Join(dir, name))
		if err == nil && len(found) > 0 {
			return true
		}
	}
	return false
}

// setting looks at what begins with the name of a setting.
func (w *tree) setting(name, s string, complain func(what, why string)) {
	at := reflect.TypeFor[config.Config]()
	for i, part := range strings.Split(name, ".") {
		for at.Kind() == reflect.Pointer {
			at = at.Elem()
		}
		if at.Kind() != reflect.Struct {
			return
		}
		next, ok := fieldOf(at, part)
		if !ok {
			if i > 0 {
				complain(s, "there is no such setting")
			}
			return
		}
		at = next
	}
}

func fieldOf(in reflect.Type, name string) (reflect.Type, bool) {
	for i := range in.NumField() {
		f := in.Field(i)
		tag := f.Tag.Get("yaml")
		if tag == name {
			return f.Type, true
		}
		if tag == ",inline" {
			if of, ok := fieldOf(f.Type, name); ok {
				return of, true
			}
		}
	}
	return nil, false
}

// link looks at what a link leads to, and at the heading that it names.
func (w *tree) link(page, to string, complain func(what, why string)) {
	if strings.Contains(to, "://") || strings.HasPrefix(to, "mailto:") {
		return
	}
	name, heading, _ := strings.Cut(to, "#")
	at := page
	if name != "" {
		at = path.Join(path.Dir(page), name)
	}
	if _, err := fs.Stat(w.files, at); err != nil {
		complain(to, "the link leads nowhere")
		return
	}
	if heading == "" {
		return
	}
	data, err := fs.ReadFile(w.files, at)
	if err != nil {
		complain(to, err.Error())
		return
	}
	for _, m := range anchor.FindAllStringSubmatch(string(data), -1) {
		if slug(m[1]) == heading {
			return
		}
	}
	complain(to, "the page has no such heading")
}

// slug returns the anchor of a heading as code hosts make it.
func slug(heading string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(heading) {
		switch {
		case r == ' ':
			b.WriteByte('-')
		case r == '-' || r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r > 127:
			b.WriteRune(r)
		}
	}
	return b.String()
}
