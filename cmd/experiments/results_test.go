package main

import (
	"io"
	"math"
	"os"
	"path/filepath"
	"testing"

	"paspo/cmd/experiments/internal/output"
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
