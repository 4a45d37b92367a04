package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"paspo/envs/benchmarks"
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
		for _, key := range []string{"actions_per_s", "updates_per_s", "env_steps_per_s", "threads"} {
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

func TestInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := measure(ctx, 0.01); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}
