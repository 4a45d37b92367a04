package main

import (
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"paspo/cmd/experiments/internal/output"
	"paspo/envs/benchmarks"
	"paspo/internal/stats"
)

// Every benchmark has its columns, also where some changes were trained on another alone and
// where one seed gives no interval.
func TestAblationTable(t *testing.T) {
	out := &output.Folder{Dir: t.TempDir(), Log: io.Discard}
	trained := func(name string, share float64, more *stats.Interval) row {
		return row{Name: name, Trained: true, Share: stats.Interval{Estimate: share}, Worst: share - 0.1, More: more}
	}
	nan := math.NaN()
	for env, rows := range map[string][]row{
		"portfolio": {{Name: "uniform"}, trained("paper", 0.5, nil), trained("ppo.lr=3e-4", 0.625, &stats.Interval{Estimate: 0.125, Low: -0.025, High: 0.25})},
		"synthetic": {{Name: "uniform"}, trained("paper", 0.75, nil), trained("ppo.gamma=0", 0.5, &stats.Interval{Estimate: -0.25, Low: nan, High: nan})},
	} {
		if err := out.JSON("ablation-"+env, &results{Env: env, Seeds: "101..110", Rows: rows}); err != nil {
			t.Fatal(err)
		}
	}
	if err := tabulateAblation(out); err != nil {
		t.Fatal(err)
	}
	const want = `| change | portfolio, seeds 101..110 | more than the preset (95 %) | synthetic, seeds 101..110 | more than the preset (95 %) |
|---|---|---|---|---|
| paper | 50.0 % (40.0 %) |  | 75.0 % (65.0 %) |  |
| ppo.lr=3e-4 | 62.5 % (52.5 %) | +12.5 (-2.5 .. +25.0) |  |  |
| ppo.gamma=0 |  |  | 50.0 % (40.0 %) | -25.0 |
`
	got, err := os.ReadFile(filepath.Join(out.Dir, "ablation.md"))
	if err != nil || string(got) != want {
		t.Errorf("%v, got\n%swant\n%s", err, got, want)
	}
}

// Goals that have been trained have a row.
func TestGoalsTable(t *testing.T) {
	out := &output.Folder{Dir: t.TempDir(), Log: io.Discard}
	of := func(x float64) stats.Interval { return stats.Interval{Estimate: x, Low: x - 0.25, High: x + 0.25} }
	if err := out.JSON("channels", &results{Env: "channels", Steps: 64, Seeds: "101..120", Rows: []row{
		{Name: "uniform", Mode: of(1)}, {Name: "optimum", Mode: of(3)}, {Name: "myopic", Mode: of(2)},
		{Name: "auto", Trained: true, Mode: of(2), Share: of(0.5), Worst: 0.125},
	}}); err != nil {
		t.Fatal(err)
	}
	if err := tabulateGoals(out); err != nil {
		t.Fatal(err)
	}
	const want = `| channels | 64 | 101..120 | 1.0000 | 3.0000 | 2.0000 (1.7500 .. 2.2500) | 50.0 % (25.0 % .. 75.0 %) | 12.5 % | 0 |
`
	got, err := os.ReadFile(filepath.Join(out.Dir, "goals.md"))
	if err != nil || !strings.HasSuffix(string(got), "|\n"+want) {
		t.Errorf("%v, got\n%swant\n%s", err, got, want)
	}
}

// Pages have the tables that experiments have written.
func TestPagesHaveTheResults(t *testing.T) {
	root := filepath.Join("..", "..")
	page, err := os.ReadFile(filepath.Join(root, "docs", "experiments", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	out := &output.Folder{Dir: filepath.Join(root, "docs", "experiments", "learning"), Log: io.Discard}
	for _, env := range benchmarks.Names() {
		var res results
		if err := out.Read(env, &res); err != nil {
			t.Fatal(err)
		}
		want := "\n| " + env
		for _, w := range res.Rows {
			if w.Trained {
				want += " | " + output.Percent(w.Share.Estimate) + " (" + output.Percent(w.Worst) + ")"
			}
		}
		if !strings.Contains(string(page), want) {
			t.Errorf("the page does not have%s", want)
		}
	}

	reached := &output.Folder{Dir: filepath.Join(root, "docs", "experiments", "goals"), Log: io.Discard}
	for _, g := range goals {
		var res results
		if err := reached.Read(g.name, &res); err != nil {
			t.Fatal(err)
		}
		from, to := res.ends()
		w := res.Rows[slices.IndexFunc(res.Rows, func(w row) bool { return w.Trained })]
		least := from + w.Worst*(to-from)
		if len(w.Returns) != len(seedsOf(res.Seeds)) || math.Abs(stats.Mean(w.Returns)-w.Mode.Estimate) > 1e-12*math.Abs(w.Mode.Estimate) ||
			math.Abs(slices.Min(w.Returns)-least) > 1e-12*math.Abs(least) {
			t.Errorf("%s: the returns %v are not those of the seeds %s, whose mean is %v and whose least is %v", g.name, w.Returns, res.Seeds, w.Mode.Estimate, least)
		}
		// A goal is one of a share, of tasks, or of what the best policy earns; other problems have intervals.
		ways := []string{
			fmt.Sprintf("%s (%s)", output.Percent(w.Share.Estimate), output.Percent(w.Worst)),
			fmt.Sprintf("%.2f (%.2f)", w.Mode.Estimate, least),
			fmt.Sprintf("%s below; the worst seed %s", output.Percent(1-w.Mode.Estimate/to), output.Percent(1-least/to)),
			fmt.Sprintf("%s (%.1f .. %.1f) | %s", output.Percent(w.Share.Estimate), 100*w.Share.Low, 100*w.Share.High, output.Percent(w.Worst)),
		}
		// auto has a sentence where tuned has a goal.
		stated := strings.HasSuffix(g.name, "-auto") && strings.Contains(string(page), fmt.Sprintf("%.1f .. %.1f; worst %.1f)", 100*w.Share.Low, 100*w.Share.High, 100*w.Worst))
		for line := range strings.Lines(string(page)) {
			if strings.Contains(line, "`goals "+g.name+"`") || strings.HasPrefix(line, "| "+g.name+" | ") {
				stated = slices.ContainsFunc(ways, func(way string) bool { return strings.Contains(line, way) })
			}
		}
		if !stated {
			t.Errorf("no row of the page has %s: one of %q", g.name, ways)
		}
	}

	text, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	again := filepath.Join(t.TempDir(), "README.md")
	if err := os.WriteFile(again, text, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := readme(out, again, benchmarks.Names()); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(again); err != nil || string(got) != string(text) {
		t.Errorf("README.md does not have the results of learning: %v", err)
	}

	tables, err := filepath.Glob(filepath.Join(root, "docs", "experiments", "*", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	held := 0
	for _, file := range tables {
		page, err := os.ReadFile(filepath.Join(filepath.Dir(file), "README.md"))
		if err != nil {
			continue
		}
		_, after, found := strings.Cut(string(page), "<!-- "+filepath.Base(file)+" -->\n")
		if !found {
			continue
		}
		table, err := os.ReadFile(file)
		if err != nil || !strings.HasPrefix(after, string(table)+"<!-- end -->") {
			t.Errorf("the page of %s does not have its table: %v", file, err)
		}
		held++
	}
	if held < 10 {
		t.Errorf("only %d tables are held to their files", held)
	}
}
