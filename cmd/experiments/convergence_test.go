package main

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"paspo/cmd/experiments/internal/convergence"
	"paspo/cmd/experiments/internal/output"
	"paspo/internal/long"
	"paspo/internal/sweep/spec"
)

// 20 random rows leave something of 3 entities in few draws: none of 2000 of seed 4 does. Training
// goes on with the problems of the other seeds.
func TestConvergenceLeavesOutSeedsWithoutProblem(t *testing.T) {
	long.Test(t)
	settings, _, err := convergenceSettings()
	if err != nil {
		t.Fatal(err)
	}
	size := func(seeds ...uint64) (*convergence.Cell, string) {
		var log bytes.Buffer
		o := convergenceOptions{options: options{steps: 512, jobs: 1}, shares: []float64{0.01, 0.9999}}
		cells, err := convergenceSize(context.Background(), &output.Folder{Log: &log}, o, spec.Seeds(seeds), 3, 20, settings[:1])
		if err != nil {
			t.Fatal(err)
		}
		return cells[0], log.String()
	}
	both, said := size(4, 5)
	alone, _ := size(5)
	if both.Error != "" || len(both.Steps[0]) != 1 || len(both.Noise) != 1 || both.Steps[0][0] != alone.Steps[0][0] || both.Noise[0] != alone.Noise[0] {
		t.Errorf("%+v with a seed that has no problem, %+v without it", both, alone)
	}
	for _, want := range []string{"20 rows, seed   4: no problem: none of 2000 draws is feasible", "seed   5: uniform ", "seed   5: de-biased"} {
		if !strings.Contains(said, want) {
			t.Errorf("nothing is said of %q:\n%s", want, said)
		}
	}
	if none, _ := size(4); !strings.Contains(none.Error, "none of 2000 draws") || none.Steps != nil {
		t.Errorf("%+v where no seed has a problem", none)
	}
}

func TestConvergenceSettings(t *testing.T) {
	names := func(only string) (all []string, err error) {
		rows, simplex, err := convergenceSettings()
		if err == nil {
			rows, simplex, err = chosen(only, rows, simplex)
		}
		for _, s := range append(rows, simplex...) {
			all = append(all, s.name)
		}
		return all, err
	}
	if got, err := names("^de-biased"); err != nil || !slices.Equal(got, []string{"de-biased", "de-biased, group of 4"}) {
		t.Errorf("%q, %v", got, err)
	}
	if got, err := names(""); err != nil || len(got) != 6 {
		t.Errorf("%q, %v without a choice", got, err)
	}
	for only, want := range map[string]string{"nothing": `--settings "nothing" names no setting`, "(": `--settings "(": error parsing regexp`} {
		if _, err := names(only); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: %v, want %s", only, err, want)
		}
	}
}

// The command measures, without flags, the problems that its page shows.
func TestConvergencePage(t *testing.T) {
	rows, simplex, err := convergenceSettings()
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]int{} // problems by size and setting
	for _, g := range convergencePage {
		rows, simplex, err := chosen(g.only, rows, simplex)
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range g.entities {
			for _, m := range g.rows {
				settings := rows
				if m == 0 {
					settings = simplex
				}
				for _, s := range settings {
					want[fmt.Sprint(n, " entities, ", m, " rows, ", s.name)] = len(g.seeds)
				}
			}
		}
	}
	var page convergence.Results
	if err := (&output.Folder{Dir: "../../docs/experiments/convergence"}).Read("convergence", &page); err != nil {
		t.Fatal(err)
	}
	for _, c := range page.Cells {
		key := fmt.Sprint(c.Entities, " entities, ", c.Rows, " rows, ", c.Setting)
		if n := want[key]; n == 0 || len(c.Noise) != n && key[:10] != "3 entities" { // of which 20 rows leave out a seed
			t.Errorf("%s: %d problems on the page, %d by the command", key, len(c.Noise), n)
		}
		delete(want, key)
	}
	for key := range want {
		t.Errorf("%s is not on the page", key)
	}
}
