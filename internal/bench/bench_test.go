package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"paspo/envs/benchmarks"
	"paspo/lp"
)

// Every stage runs; its speed is not asserted.
func TestMeasure(t *testing.T) {
	r, err := measure(context.Background(), 0.01)
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	var back map[string]map[string]any
	if err := json.Unmarshal(b, &back); err != nil {
		t.Fatal(err)
	}
	for _, name := range benchmarks.Names() {
		for _, key := range []string{"actions_per_s", "updates_per_s", "all_updates_per_s", "update_gflops", "peak_share", "env_steps_per_s", "threads"} {
			if x, ok := back[name][key].(float64); !ok || !(x > 0) {
				t.Errorf("%s.%s is %v", name, key, back[name][key])
			}
		}
		chains, _ := back[name]["chains_per_s"].(map[string]any)
		if x, ok := chains["clp"].(float64); !ok || !(x > 0) {
			t.Errorf("%s.chains_per_s is %v", name, chains)
		}
		if x, ok := back[name]["hit_rate"].(float64); !ok || !(x > 0 && x < 1) {
			t.Errorf("%s.hit_rate is %v", name, back[name]["hit_rate"])
		}
		capped, ok := back[name]["capped_chains_per_s"].(map[string]any)
		if ok != (name != "synthetic") || ok && len(capped) < 2 {
			t.Errorf("%s.capped_chains_per_s is %v", name, back[name]["capped_chains_per_s"])
		}
	}
	var text bytes.Buffer
	if err := r.Write(&text); err != nil {
		t.Fatal(err)
	}
	if lines := strings.Count(text.String(), "\n"); lines != 3+2*len(back)+2 {
		t.Errorf("%d lines:\n%s", lines, text.String())
	}
}

// So do they where limits follow the state, and of a polytope as somebody describes one: with
// no name, and a row of two sides.
func TestOwnProblems(t *testing.T) {
	if _, err := one(t.Context(), "channels", 0.001); err != nil {
		t.Error(err)
	}
	p, err := lp.New(lp.Description{
		Entities: []string{"a", "b", "c"}, Total: 1, Upper: []float64{1, 1, 1},
		Rows: []lp.Row{{Name: "both", Coef: []float64{1, 1, 0}, Min: 0.1, Max: 0.8}},
	})
	if err != nil {
		t.Fatal(err)
	}
	with, ok, err := capped(p)
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	if _, b, _ := with.Inequalities(); len(b) != 2 {
		t.Errorf("limits %v", b)
	}
	if _, upper := with.Bounds(); !slices.Equal(upper, []float64{0.4, 0.4, 0.45}) {
		t.Errorf("caps %v", upper)
	}
}

func TestInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := measure(ctx, 0.01); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}
