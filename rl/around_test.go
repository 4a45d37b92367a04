package rl_test

import (
	"context"
	"math"
	"math/rand/v2"
	"testing"

	"paspo/envs"
	"paspo/lp"
	"paspo/policy"
	"paspo/rl"
)

// caps is a problem of one step. Its observation holds caps of the first two entities, which are
// upper bounds where they are below 1.
type caps struct{ *curve }

type capsEnv struct {
	caps
	upper [4]float64
}

func (p caps) Spec() envs.Spec {
	return envs.Spec{Name: "caps", ObsDim: 2, Polytope: p.polytope, NormalizeObs: true}
}

func (p caps) New() envs.Env { return &capsEnv{caps: p} }

func (e *capsEnv) Reset(r *rand.Rand, obs []float64) {
	e.upper = [4]float64{r.Float64(), r.Float64(), 1, 1}
	copy(obs, e.upper[:])
}

func (e *capsEnv) Step(r *rand.Rand, _, obs []float64) (float64, bool) {
	e.Reset(r, obs)
	return 0, true
}

func (e *capsEnv) Limits(l *lp.Limits) { l.Upper = e.upper[:] }

// In every state the policy begins at the projection of an allocation onto the limits of that
// state. Optimiser and counts are those of a training that has not begun.
func TestStartAround(t *testing.T) {
	c, err := newCurve(lp.Description{Total: 1, Lower: make([]float64, 4), Upper: []float64{1, 1, 1, 1}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	cfg := smallConfig()
	cfg.Envs, cfg.Minibatch = 64, 64
	center := []float64{0.4, 0.3, 0.2, 0.1}
	tr, err := newCPU(caps{c}, cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer tr.Close()
	far := distance(t, tr, center)
	if err := tr.StartAroundIn(20, center, 0.1, cfg.Minibatch); err != nil {
		t.Fatal(err)
	}
	if near := distance(t, tr, center); far < 0.1 || near > 0.02 {
		t.Errorf("the means of the policy are %.3f from the allocation closest to the center, %.3f before", near, far)
	}
	state := tr.Checkpoint().Policy
	for i := range state.M {
		for k := range state.M[i].Data {
			if state.M[i].Data[k] != 0 || state.V[i].Data[k] != 0 {
				t.Fatalf("the moments of %s are not 0", state.M[i].Name)
			}
		}
	}
	if state.Step != 0 || tr.Iteration() != 0 || tr.Step() != 0 {
		t.Errorf("%d steps of the optimiser, iteration %d, step %d", state.Step, tr.Iteration(), tr.Step())
	}
	if _, err := tr.Iterate(context.Background()); err != nil {
		t.Fatal(err)
	}
	if err := tr.StartAround(center, 0.1, cfg.Minibatch); err == nil {
		t.Error("a start after the first iteration")
	}
}

// distance returns the mean over states of the largest difference between the action by means and
// the projection of center.
func distance(t *testing.T, tr *rl.Trainer, center []float64) float64 {
	t.Helper()
	var sum float64
	var rows int
	play := rl.NewActor(tr.Backend()).Allocator(policy.Mean, 1)
	p := tr.Problem()
	polytope := p.Spec().Polytope
	_, err := envs.Play(p, func(s *envs.States, actions []float64) error {
		if err := play(s, actions); err != nil {
			return err
		}
		for r := range s.Rows {
			want, err := lp.ProjectWithin(polytope, s.Limit(r), center)
			if err != nil {
				return err
			}
			var most float64
			for i, x := range want {
				most = max(most, math.Abs(x-actions[r*len(want)+i]))
			}
			sum, rows = sum+most, rows+1
		}
		return nil
	}, 200, 10, 3)
	if err != nil {
		t.Fatal(err)
	}
	return sum / float64(rows)
}
