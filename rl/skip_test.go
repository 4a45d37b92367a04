package rl_test

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"paspo/envs"
	"paspo/rl"
)

// late is a clock whose episodes begin with a step that takes no action.
type late struct{ clock }

type lateEnv struct {
	clockEnv
	over, skipped bool
}

func (p late) New() envs.Env { return &lateEnv{} }

func (e *lateEnv) Reset(r *rand.Rand, obs []float64) {
	if e.over {
		return // obs still holds the observation of the episode before
	}
	e.clockEnv.Reset(r, obs)
}

func (e *lateEnv) Step(r *rand.Rand, action, obs []float64) (float64, bool) {
	if e.skipped = e.over; e.skipped {
		e.over = false
		e.Reset(r, obs)
		return 0, false
	}
	reward, done := e.clockEnv.Step(r, action, obs)
	e.over = done
	return reward, done
}

func (e *lateEnv) Skipped() bool { return e.skipped }

// Steps that take no action are no transitions: the advantages of all other steps, the ends of
// episodes and the statistics are those of a rollout without such steps.
func TestSkipped(t *testing.T) {
	cfg := smallConfig()
	cfg.NormalizeObs, cfg.ScaleValues, cfg.ScaleRewards, cfg.LR = rl.NormalizeOff, false, false, 0.001
	cfg.StandardiseAdvantages, cfg.Group, cfg.Gamma, cfg.GAELambda = false, 1, 0.9, 0.8
	tr, b := newFakeTrainer(t, late{clock{newBandit(t, 1, 2)}}, cfg)
	n := cfg.Envs
	for range 4 {
		m, err := tr.Iterate(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		if m.Episodes > 0 && m.Return != m.EpisodeLength {
			t.Errorf("mean return %v of episodes of length %v that pay 1 a step", m.Return, m.EpisodeLength)
		}
		rewards, values, done, after, last := tr.Rollout().Seen()
		skipped := tr.Rollout().Skipped
		if len(skipped) == 0 || !slices.IsSorted(skipped) {
			t.Fatalf("skipped rows %v", skipped)
		}
		for e := range n {
			keep := func(v []float64) (out []float64) {
				for i := e; i < len(v); i += n {
					if !slices.Contains(skipped, int32(i)) {
						out = append(out, v[i])
					}
				}
				return out
			}
			var ends []bool
			for i := e; i < len(done); i += n {
				if !slices.Contains(skipped, int32(i)) {
					ends = append(ends, done[i])
				} else if i >= n && !done[i-n] {
					t.Fatalf("row %d is skipped in the middle of an episode", i)
				}
			}
			want := naiveGAE(keep(rewards), keep(values), ends, keep(after), last[e], 0.9, 0.8)
			for s, got := range keep(tr.Rollout().Advantages) {
				if math.Abs(got-want[s]) > 1e-9 {
					t.Fatalf("environment %d, transition %d: advantage %v, want %v", e, s, got, want[s])
				}
			}
		}
		for _, r := range b.rows {
			if slices.Contains(skipped, r) {
				t.Fatalf("row %d is learned from", r)
			}
		}
		b.rows = b.rows[:0]
	}
	cfg.StepsPerEnv, cfg.Minibatch = 1, n
	tr, _ = newFakeTrainer(t, late{clock{newBandit(t, 1, 2)}}, cfg)
	var err error
	for range 8 {
		if _, err = tr.Iterate(context.Background()); err != nil {
			break
		}
	}
	if err == nil {
		t.Error("nothing but skipped steps: no error")
	}
}

// A skipped row counts neither in the mean nor in the deviation.
func TestStandardise(t *testing.T) {
	r := &rl.Rollout{Skipped: []int32{1}}
	dst := make([]float32, 4)
	r.Standardise(dst, []float64{1, 100, 2, 3})
	if got := dst[0] + dst[2] + dst[3]; math.Abs(float64(got)) > 1e-6 {
		t.Errorf("sum %v, want 0", got)
	}
	if got := dst[0]*dst[0] + dst[2]*dst[2] + dst[3]*dst[3]; math.Abs(float64(got)-3) > 1e-6 {
		t.Errorf("sum of squares %v, want 3", got)
	}
}
