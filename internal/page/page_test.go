package page

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"paspo/internal/finite"
	"paspo/internal/long"
	"paspo/internal/run/runfolder"
	"paspo/internal/sweep"
	"paspo/internal/sweep/search"
	"paspo/internal/sweep/spec"
)

const tiny = `base:
  preset: paper
  env: {name: synthetic}
  steps: 64
  device: cpu
  debias: {points: 1000, cache_dir: ""}
  policy: {encoder: [4], latent: 4, heads: [4], critic: [4]}
  ppo: {envs: 2, steps_per_env: 4, minibatch: 4, epochs: 1, eval_every: 2, eval_episodes: 2}
objective: {episodes: 4}
seeds: [1, 2]
search: {method: grid}
space:
  ppo.lr: {log: [1e-3, 1e-2], points: 3}
  ppo.lr_schedule: {choices: [linear, constant]}
`

// create makes a sweep of its file.
func create(t *testing.T, text, name string, facts map[string]string) *sweep.Sweep {
	t.Helper()
	file := filepath.Join(t.TempDir(), "sweep.yaml")
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	spec, err := spec.Read(file)
	if err != nil {
		t.Fatal(err)
	}
	w, err := sweep.Create(context.Background(), spec, filepath.Join(t.TempDir(), name), facts)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// A page shows a sweep and runs, loads nothing, and its drawings are whole and have names.
func TestPage(t *testing.T) {
	long.Test(t)
	w := create(t, tiny, "a<b&c", map[string]string{"command": "train <x>" + strings.Repeat("a/long/path/", 20)})
	dir := w.Dir
	render := func(dirs ...string) string {
		p := &Page{Title: "Report on " + strings.Repeat("a-long-name", 20), Origin: runfolder.Origin{Command: "c", Version: "v"}}
		if err := p.Add(t.Context(), dirs); err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if err := p.Write(&b); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	if text := render(dir); !strings.Contains(text, "No setting has been trained on all seeds yet") {
		t.Error("a sweep without results is not called so")
	}
	if err := w.Work(context.Background()); err != nil {
		t.Fatal(err)
	}
	text := render(dir, w.RunDir(0, 1), w.RunDir(0, 2), w.RunDir(3, 1))
	for _, want := range []string{
		"Best is setting", "train &lt;x&gt;", "18 of 18 done", "On seeds that nothing was chosen on", "ppo.<wbr>lr_<wbr>schedule", "largest residual", "best known", "Performance profile", "Optimality gap",
		"a&lt;b&amp;c", "0000-seed-1 and 1 more", `<th scope="col">`, "Commands", runfolder.This().Version,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing", want)
		}
	}
	for _, bad := range []string{"http:", "https:", "src=", "url(", "@import", "a<b&c", "ZgotmplZ", "NaN"} {
		if shown, _, _ := strings.Cut(text, "<script>"); strings.Contains(shown, bad) {
			t.Errorf("%q is there", bad)
		}
	}
	drawings := regexp.MustCompile(`(?s)<svg.*?</svg>`).FindAllString(text, -1)
	if len(drawings) != 5+5+3+1+5 { // of settings, of the best, of their effects, of all together, of runs
		t.Errorf("%d drawings", len(drawings))
	}
	for _, s := range drawings {
		if !strings.Contains(s, `role="img" aria-label="`) {
			t.Errorf("a drawing has no name: %.80s", s)
		}
		for d := xml.NewDecoder(strings.NewReader(s)); ; {
			_, err := d.Token()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatalf("%v in %.200s", err, s)
			}
		}
	}
	// Two seeds of each of six settings, behind six means.
	if seeds, means := strings.Count(drawings[0], `class="seed"`), strings.Count(drawings[0], `class="mean"`); seeds != 12 || means != 6 {
		t.Errorf("%d curves of seeds and %d means, want 12 and 6", seeds, means)
	}
	t.Run("browser", func(t *testing.T) { inBrowser(t, text) })

	// A folder that somebody has removed takes its curve along and no result.
	if err := os.RemoveAll(w.RunDir(0, 1)); err != nil {
		t.Fatal(err)
	}
	text = render(dir)
	drawings = regexp.MustCompile(`(?s)<svg.*?</svg>`).FindAllString(text, -1)
	if seeds := strings.Count(drawings[0], `class="seed"`); seeds != 11 || !strings.Contains(text, "18 of 18 done") {
		t.Errorf("%d curves of seeds without one folder, want 11", seeds)
	}
}

// A page says which trainings failed and why, and that no other is to come.
func TestFailures(t *testing.T) {
	text, _, _ := strings.Cut(tiny, "space:")
	w := create(t, text+"space: {ppo.lr: {choices: [1e30]}}\n", "sweep", nil)
	dir := w.Dir
	if err := w.Work(context.Background()); err != nil {
		t.Fatal(err)
	}
	p := &Page{}
	if err := p.Add(t.Context(), []string{dir}); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := p.Write(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"No setting has been trained on all seeds.", "Trainings that failed", "ppo.lr=1e30", "training stopped at step", "none is pruned",
		"0 of 2 done, 1 given up as another seed of their settings failed, 1 failed"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%q is missing", want)
		}
	}
}

// Of two settings nothing says what a dimension explains, and nothing is drawn of that.
func TestImportanceOfFewSettings(t *testing.T) {
	long.Test(t)
	text, _, _ := strings.Cut(tiny, "space:")
	w := create(t, text+"space: {ppo.lr: {choices: [1e-3, 1e-2]}}\n", "sweep", nil)
	if err := w.Work(t.Context()); err != nil {
		t.Fatal(err)
	}
	p := &Page{}
	if err := p.Add(t.Context(), []string{w.Dir}); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := p.Write(&b); err != nil {
		t.Fatal(err)
	}
	_, shown, _ := strings.Cut(b.String(), "What each setting does")
	shown, _, _ = strings.Cut(shown, "<script>")
	if !strings.Contains(shown, "Interquartile mean of settings over ppo.lr") {
		t.Error("the settings are not drawn")
	}
	for _, bad := range []string{"NaN", "Importance"} {
		if i := strings.Index(shown, bad); i >= 0 {
			t.Errorf("%q is there: %.200s", bad, shown[max(0, i-100):])
		}
	}
}

func TestNeitherRunNorSweep(t *testing.T) {
	dir := t.TempDir()
	if err := (&Page{}).Add(t.Context(), []string{dir}); err == nil || !strings.Contains(err.Error(), dir+" is neither a run nor a sweep") {
		t.Errorf("error %v", err)
	}
	file := filepath.Join(dir, sweep.SpecFile)
	if err := os.WriteFile(file, []byte("bass: auto\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := (&Page{}).Add(t.Context(), []string{dir}); err == nil || !strings.HasPrefix(err.Error(), file+":1: unknown key bass") {
		t.Errorf("error %v of a sweep that cannot be read", err)
	}
	none := filepath.Join(dir, "none")
	if err := (&Page{}).Add(t.Context(), []string{none}); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), none) {
		t.Errorf("error %v of a folder that is not there", err)
	}
}

func TestExplained(t *testing.T) {
	c := &search.Dimension{Kind: search.Choices, Choices: make([]search.Choice, 2)}
	l := &search.Dimension{Low: 0, High: 1}
	for _, x := range []struct {
		d      *search.Dimension
		xs, ys []float64
		want   float64
	}{
		{c, []float64{0, 0, 1, 1}, []float64{1, 1, 3, 3}, 1},
		{c, []float64{0, 0, 1, 1}, []float64{1, 3, 1, 3}, 0},
		{c, []float64{0, 0, 1, 1}, []float64{1, 2, 3, 4}, 0.7}, // 1 - 1/5 3/2
		{c, []float64{0, 0, 1, 1, 0}, []float64{1, 2, 3, 4, nan}, 0.7},
		{c, []float64{0, 0, 1}, []float64{2, 2, 2}, 0},
		{c, []float64{0, 1}, []float64{2, 3}, nan},
		{l, []float64{0.1, 0.2, 0.9, 1}, []float64{0, 0, 5, 5}, 1},
	} {
		if got := explained(x.d, x.xs, x.ys); math.Abs(got-x.want) > 1e-12 || finite.Is(got) != finite.Is(x.want) {
			t.Errorf("%v, %v: %v, want %v", x.xs, x.ys, got, x.want)
		}
	}
}

func TestAxes(t *testing.T) {
	for _, c := range []struct {
		xs   []float64
		log  bool
		n    int
		a, b float64
	}{
		{[]float64{0, 10}, false, 6, 0, 10}, {[]float64{math.NaN()}, false, 6, 0, 1}, {[]float64{3, 3}, false, 3, 2.8, 3.2},
		{[]float64{1e-5, 1e-2}, true, 4, 1e-5, 1e-2}, {nil, true, 4, 0.1, 1}, {[]float64{2, 3}, true, 6, 2, 3},
		{[]float64{0.6, 200}, true, 8, 1, 200}, {[]float64{0.6, 600}, true, 3, 1, 100},
	} {
		a := newAxis(c.xs, c.log, 0, 100)
		ticks := a.ticks(5)
		if len(ticks) != c.n || math.Abs(ticks[0]-c.a) > 1e-9 || math.Abs(ticks[len(ticks)-1]-c.b) > 1e-9 {
			t.Errorf("%v: ticks %v, want %d from %v to %v", c.xs, ticks, c.n, c.a, c.b)
		}
	}
	a := newAxis([]float64{1, 100}, true, 0, 100)
	if x := a.at(10); math.Abs(x-50) > 1e-9 {
		t.Errorf("10 between 1 and 100 is at %v", x)
	}
}

// Runs of presets are compared on an environment that they show otherwise, and one that has no
// evaluation is named.
func TestRunsOfPresets(t *testing.T) {
	long.Test(t)
	const text = "base:\n  {env: {name: compute}, steps: 512, ppo: {eval_every: EVERY, eval_episodes: 2}}\n" +
		"objective: {episodes: 2}\nseeds: [1]\nreport: {settings: 0}\nsearch: {method: grid}\nspace: {preset: {choices: [PRESETS]}}\n"
	var dirs []string
	for _, x := range [][]string{{"EVERY", "1", "PRESETS", "auto, paper"}, {"EVERY", "0", "PRESETS", "control"}} {
		w := create(t, strings.NewReplacer(x...).Replace(text), "sweep", nil)
		if err := w.Work(t.Context()); err != nil {
			t.Fatal(err)
		}
		for k := range w.Spec.Search.Trials {
			dirs = append(dirs, w.RunDir(k, 1))
		}
	}
	part, err := ofRuns(t.Context(), dirs)
	if err != nil {
		t.Fatal(err)
	}
	table := part.Blocks[0].Table
	at := slices.Index(table.Head, "preset")
	var of []string
	for _, row := range table.Rows {
		of = append(of, row[0].Text, row[at].Text)
	}
	slices.Sort(of)
	if !slices.Equal(of, []string{"auto", "auto", "paper", "paper"}) {
		t.Errorf("groups and presets are %q", of)
	}
	if lead := strings.Join(part.Lead, "\n"); !strings.Contains(lead, "Not compared: 0000-seed-1") || !strings.Contains(lead, "(no evaluation on compute). Groups") {
		t.Errorf("%s", lead)
	}
}

// Runs on other constraints are on another problem, and a run that names a file beside one that
// does not.
func TestRunsOnOtherConstraints(t *testing.T) {
	long.Test(t)
	mine := filepath.Join(t.TempDir(), "mine.yaml")
	if err := os.WriteFile(mine, []byte("entities: [a, b, c]\ntotal: 1\nconstraints:\n  - {name: r, expr: \"a >= 0.1 + 0.2*b\"}\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	head, _, _ := strings.Cut(tiny, "objective:")
	tail := "objective: {episodes: 4}\nseeds: [1]\nreport: {settings: 0}\nsearch: {method: grid}\nspace: {ppo.lr: {choices: [1e-3]}}\n"
	var dirs []string
	for i, base := range []string{head, strings.Replace(head, "env: {name: synthetic}", "constraints: "+mine+"\n  env: {name: synthetic, synthetic: {entities: 3, seed: 1}}", 1)} {
		w := create(t, base+tail, string(rune('a'+i)), nil)
		if err := w.Work(t.Context()); err != nil {
			t.Fatal(err)
		}
		dirs = append(dirs, w.RunDir(0, 1))
	}
	part, err := ofRuns(t.Context(), dirs)
	if err != nil {
		t.Fatal(err)
	}
	heads := part.Blocks[0].Table.Head
	if len(part.Blocks[0].Table.Rows) != 1 || !strings.Contains(strings.Join(heads, ","), "mean return, synthetic,mean return, synthetic (2),") {
		t.Errorf("%v, %v", heads, part.Blocks[0].Table.Rows)
	}
}

// A folder under several names is one run, and a run of the settings and the seed of another is
// no further seed: neither makes an interval.
func TestRunsThatAreOne(t *testing.T) {
	long.Test(t)
	text, _, _ := strings.Cut(tiny, "space:")
	w := create(t, text+"report: {settings: 0}\nspace: {ppo.lr: {choices: [1e-3]}}\n", "sweep", nil)
	if err := w.Work(t.Context()); err != nil {
		t.Fatal(err)
	}
	one, two := w.RunDir(0, 1), w.RunDir(0, 2)
	link, twin := filepath.Join(t.TempDir(), "link"), filepath.Join(t.TempDir(), "twin")
	if err := errors.Join(os.Symlink(one, link), os.CopyFS(twin, os.DirFS(one))); err != nil {
		t.Fatal(err)
	}
	dot := filepath.Dir(one) + "/./" + filepath.Base(one)
	for _, c := range []struct {
		dirs        []string
		seeds       string
		rows, parts int
		title       string
	}{
		{[]string{one, one + "/", dot, link}, "1", 1, 1, "Report on " + one},
		{[]string{one, twin}, "1", 2, 1, "Report on " + one + ", " + twin},
		{[]string{link, one, twin, two}, "2", 3, 1, "Report on " + link + ", " + twin + ", " + two},
		{[]string{w.Dir, w.Dir, w.Dir + "/"}, "2", 1, 1, "Report on " + w.Dir},
	} {
		p := &Page{}
		if err := p.Add(t.Context(), c.dirs); err != nil {
			t.Fatal(err)
		}
		if len(p.Parts) != c.parts || p.Title != c.title {
			t.Errorf("%q: %d parts, title %q, want %d, %q", c.dirs, len(p.Parts), p.Title, c.parts, c.title)
		}
		part := p.Parts[0]
		table := part.Blocks[0].Table
		row := table.Rows[0]
		if seeds := row[slices.Index(table.Head, "seeds")].Text; len(table.Rows) != 1 || seeds != c.seeds || (row[1].Dim != "") != (c.seeds == "2") {
			t.Errorf("%q: %d groups, of %s seeds with the interval %q, want %s", c.dirs, len(table.Rows), seeds, row[1].Dim, c.seeds)
		}
		i := slices.IndexFunc(part.Blocks, func(b *Block) bool { return b.Title == "Every run" })
		if i >= 0 && len(part.Blocks[i].Table.Rows) != c.rows {
			t.Errorf("%q: %d runs in the table, want %d", c.dirs, len(part.Blocks[i].Table.Rows), c.rows)
		}
		if said := strings.Contains(strings.Join(part.Lead, " "), "Not counted, as runs of the settings and the seed of another: "+twin); said != slices.Contains(c.dirs, twin) {
			t.Errorf("%q: %q", c.dirs, part.Lead)
		}
	}
}
