package rl_test

import (
	"context"
	"path/filepath"
	"testing"

	"paspo/envs"
	"paspo/lp/interval"
	"paspo/policy"
	"paspo/policy/cpu"
	"paspo/ppo"
	"paspo/rl"
)

// newSkewed returns a trainer of a policy whose first entity is Beta(1.5, 6) of the budget, so that
// its mode is 1/11 and its mean 1/5, and of a problem whose reward is c times the first entity.
func newSkewed(t *testing.T, c float64, change func(*ppo.Config)) *rl.Trainer {
	t.Helper()
	p := newBandit(t, c, 0)
	solver, err := interval.New(p.polytope, interval.DefaultConfig())
	if err != nil {
		t.Fatal(err)
	}
	sizes := policy.DefaultConfig()
	sizes.HeadScale = 0
	fit := &policy.Fit{Entities: []string{"E0"}, Alpha: []float64{1.5}, Beta: []float64{6}}
	cfg := smallConfig()
	cfg.LR, cfg.LRFinal, cfg.EvalEvery, cfg.Steps = 1e-9, 1e-9, 1, int64(2*cfg.BatchSize())
	change(&cfg)
	b, err := cpu.New(solver, 2, cfg.Minibatch, sizes, fit, 1)
	if err != nil {
		t.Fatal(err)
	}
	tr, err := ppo.New(p, b, cfg, 7)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(tr.Close)
	return tr
}

// auto takes the rule with the larger return on episodes that the curve does not show, keeps it in
// the checkpoint, and chooses the best checkpoint by it.
func TestAutoTakesTheBetterRule(t *testing.T) {
	for _, c := range []struct {
		pays    float64
		setting string
		want    policy.Rule
	}{
		{1, rl.ActionAuto, policy.Mean}, {-1, rl.ActionAuto, policy.Mode},
		{-1, rl.ActionMean, policy.Mean}, {1, rl.ActionMode, policy.Mode},
	} {
		tr := newSkewed(t, c.pays, func(cfg *ppo.Config) { cfg.DeterministicAction = c.setting })
		dir := t.TempDir()
		err := tr.Run(context.Background(), rl.Hooks{Checkpoints: dir, Iteration: func(m rl.Metrics) error {
			if m.Rule != c.want || m.Choice[c.want] == nil {
				t.Errorf("%v: iteration %d takes the %v", c, m.Iteration, m.Rule)
			}
			if auto := c.setting == rl.ActionAuto; auto != (m.Choice[policy.Mean] != nil && m.Choice[policy.Mode] != nil) {
				t.Errorf("%v: both rules are played, or one", c)
			}
			best := m.Choice[c.want].Mean()
			for _, e := range m.Choice {
				if e != nil && e.Mean() > best {
					t.Errorf("%v: another rule earns more", c)
				}
			}
			if tr.Best().Return < best {
				t.Errorf("%v: the best return is %g, the chosen rule's %g", c, tr.Best().Return, best)
			}
			// The policy and the rule are the same, and the episodes others.
			if m.Eval.Mean() == best {
				t.Errorf("%v: the curve shows the episodes that chose", c)
			}
			return nil
		}})
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{rl.BestCheckpoint, "iteration-00000002.safetensors"} {
			cp, err := rl.ReadCheckpoint(filepath.Join(dir, name))
			if err != nil {
				t.Fatal(err)
			}
			cfg := rl.DefaultConfig()
			cfg.DeterministicAction = c.setting
			if cfg.Rule(cp.Rule) != c.want || (cp.Rule == policy.Sampled) == (c.setting == rl.ActionAuto) {
				t.Errorf("%v: %s has the rule %v", c, name, cp.Rule)
			}
		}
	}
}

// Sets of episodes have no draw in common.
func TestSetsOfEpisodes(t *testing.T) {
	seen := map[uint64]string{}
	for _, set := range [][]string{nil, {"choice"}, {"curve"}} {
		for episode := range 1000 {
			x := envs.EpisodeStream(1, episode, set...).Uint64()
			if other, again := seen[x]; again {
				t.Fatalf("episode %d of %v begins as one of %s", episode, set, other)
			}
			seen[x] = "another"
		}
	}
}
