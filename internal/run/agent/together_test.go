package agent

import (
	"context"
	"slices"
	"strings"
	"testing"

	"paspo/internal/run/config"
)

// Every configuration gives the results that it gives alone.
func TestTogether(t *testing.T) {
	var configs []*config.Config
	for seed := range 4 {
		c := small(t)
		c.Seed, c.PPO.LR = uint64(seed), 1e-3*float64(seed+1)
		configs = append(configs, c)
	}
	all, err := Together(context.Background(), configs)
	if err != nil {
		t.Fatal(err)
	}
	for i, c := range configs {
		one, err := Together(context.Background(), []*config.Config{c})
		if err != nil || one[0].Err != nil || all[i].Err != nil {
			t.Fatal(err, one[0].Err, all[i].Err)
		}
		if len(all[i].Metrics) != c.PPO.Iterations() || all[i].Checkpoint.Iteration != c.PPO.Iterations() {
			t.Errorf("%d iterations recorded, %d done, of %d", len(all[i].Metrics), all[i].Checkpoint.Iteration, c.PPO.Iterations())
		}
		for k, p := range one[0].Checkpoint.Policy.Params {
			if !slices.Equal(p.Data, all[i].Checkpoint.Policy.Params[k].Data) {
				t.Errorf("configuration %d: %s differs from that of a run alone", i+1, p.Name)
			}
		}
		if i > 0 && slices.Equal(all[0].Checkpoint.Policy.Params[0].Data, all[i].Checkpoint.Policy.Params[0].Data) {
			t.Errorf("configurations 1 and %d learned the same", i+1)
		}
	}
}

func TestTogetherNamesTheConfiguration(t *testing.T) {
	bad := small(t)
	bad.Constraints = "missing.yaml"
	_, err := Together(context.Background(), []*config.Config{small(t), bad})
	if err == nil || !strings.HasPrefix(err.Error(), "configuration 2: ") {
		t.Errorf("error %v", err)
	}
}
