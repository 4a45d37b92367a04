//go:build gpu

package gpu

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"paspo/internal/cudatest"
	"paspo/internal/rng"
	"paspo/policy"
	"paspo/policy/internal/policytest"
)

// run is a small training, such as one agent of a sweep.
type run struct {
	seed        uint64
	envs, steps int
	iterations  int
	epochs      int
	minibatch   int
	lr          float64
	targetKL    float64
	poison      int // the iteration whose advantages have a NaN, from 1 on
	standardise bool
	epochsDone  int
	actions     []float64
	last        policy.Diagnostics
}

func (r *run) spec(t testing.TB) Spec {
	return Spec{Solver: policytest.Simplex(t, 4), ObsDim: 3, Minibatch: r.minibatch, Config: policy.DefaultConfig(), Seed: r.seed}
}

// train learns to give the budget to the first entity.
func (r *run) train(b policy.Backend) error {
	root := rng.New(r.seed, "action")
	streams := make([]*rng.Stream, r.envs)
	for i := range streams {
		streams[i] = root.Split(uint64(i))
	}
	n := r.envs * r.steps
	out := &policy.Samples{}
	if r.standardise {
		s, err := b.State()
		if err != nil {
			return err
		}
		s.Normalizer.On = true
		if err := b.SetState(s); err != nil {
			return err
		}
	}
	for it := range r.iterations {
		batch := &policy.Batch{Rows: n, Advantage: make([]float32, n), Return: make([]float32, n)}
		for s := range r.steps {
			obs := make([]float64, 3*r.envs)
			for i := range obs {
				obs[i] = math.Sin(float64(it*1000 + s*100 + i))
			}
			req := &policy.Request{Rows: r.envs, Obs: obs, Streams: streams, Learn: true, Keep: true, At: s * r.envs, Brief: true}
			if err := b.Sample(req, out); err != nil {
				return err
			}
			for i := range r.envs {
				batch.Advantage[s*r.envs+i] = float32(4 * (out.Actions[4*i] - 0.25))
				batch.Return[s*r.envs+i] = float32(out.Actions[4*i])
			}
			r.actions = append(r.actions, out.Actions...)
		}
		if it+1 == r.poison {
			batch.Advantage[1] = float32(math.NaN())
		}
		if err := b.Load(batch); err != nil {
			return err
		}
		set := policytest.StepSettings()
		set.LearningRate = r.lr
		for epoch := range r.epochs {
			for _, mb := range inMinibatches(shuffledRows(n, r.seed*100+uint64(epoch)), r.minibatch) {
				if err := b.Step(mb, set); err != nil {
					return err
				}
			}
			r.epochsDone++
			if r.targetKL > 0 {
				d, err := b.Diagnostics()
				if err != nil {
					return err
				}
				if d.ApproxKL > r.targetKL {
					break
				}
			}
		}
		d, err := b.Diagnostics()
		if err != nil {
			return err
		}
		r.last = d
		if _, err := b.State(); err != nil {
			return err
		}
	}
	return nil
}

// Agents side by side learn what each learns alone, bit for bit: with other seeds,
// settings and sizes, where one stops its epochs early, one ends early and one
// gets a NaN.
func TestGPUSideBySide(t *testing.T) {
	runs := func() []*run {
		return []*run{
			{seed: 1, envs: 8, steps: 4, iterations: 3, epochs: 2, minibatch: 16, lr: 1e-3, standardise: true},
			{seed: 2, envs: 8, steps: 4, iterations: 3, epochs: 4, minibatch: 16, lr: 1e-2, targetKL: 1e-3},
			{seed: 3, envs: 5, steps: 7, iterations: 2, epochs: 3, minibatch: 16, lr: 3e-3, standardise: true},
			{seed: 4, envs: 8, steps: 4, iterations: 3, epochs: 2, minibatch: 16, lr: 1e-3, poison: 2},
			{seed: 5, envs: 3, steps: 2, iterations: 4, epochs: 2, minibatch: 6, lr: 1e-3},
		}
	}
	type result struct {
		state *policy.State
		run   *run
		err   string
	}
	describe := func(err error) string { return fmt.Sprint(err) }

	var alone []result
	for _, r := range runs() {
		gs, err := NewAll(cudatest.Open(t), []Spec{r.spec(t)})
		if err != nil {
			t.Fatal(err)
		}
		err = r.train(gs[0])
		alone = append(alone, result{policytest.MustState(t, gs[0]), r, describe(err)})
		gs[0].Close()
	}
	if alone[1].run.epochsDone == 12 {
		t.Fatal("no epoch is left out")
	}
	if alone[3].err == describe(nil) {
		t.Fatal("the NaN is not found")
	}

	rs := runs()
	var specs []Spec
	for _, r := range rs {
		specs = append(specs, r.spec(t))
	}
	gs, err := NewAll(cudatest.Open(t), specs)
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range gs {
		g.Join()
	}
	together := make([]result, len(rs))
	var wg sync.WaitGroup
	for i, r := range rs {
		wg.Go(func() {
			defer gs[i].Leave()
			together[i].run = r
			together[i].err = describe(r.train(gs[i]))
		})
	}
	done := make(chan struct{})
	go func() { wg.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(2 * time.Minute):
		t.Fatal("the agents wait for each other for ever")
	}
	for i, g := range gs {
		got, want := together[i], alone[i]
		got.state = policytest.MustState(t, g)
		if got.err != want.err {
			t.Errorf("agent %d: error %s, alone %s", i, got.err, want.err)
		}
		if got.run.epochsDone != want.run.epochsDone || got.run.last != want.run.last {
			t.Errorf("agent %d: %d epochs, %+v, alone %d epochs, %+v", i, got.run.epochsDone, got.run.last, want.run.epochsDone, want.run.last)
		}
		if !slices.Equal(got.run.actions, want.run.actions) {
			t.Errorf("agent %d does something else", i)
		}
		if n := got.state.Normalizer; !reflect.DeepEqual(n, want.state.Normalizer) || (n.Seen.Count > 0) != got.run.standardise {
			t.Errorf("agent %d has seen %+v, alone %+v", i, n.Seen, want.state.Normalizer.Seen)
		}
		for _, p := range []struct{ got, want []policy.Tensor }{{got.state.Params, want.state.Params}, {got.state.M, want.state.M}, {got.state.V, want.state.V}} {
			for k := range p.got {
				if !slices.Equal(p.got[k].Data, p.want[k].Data) {
					t.Errorf("agent %d: %s differs", i, p.got[k].Name)
				}
			}
		}
		if err := g.Close(); err != nil {
			t.Error(err)
		}
	}
}

// The barrier waits for every agent that has joined, serves an agent that has not joined at once,
// and stops waiting for an agent that closes.
func TestGPUBarrier(t *testing.T) {
	r := &run{seed: 1, minibatch: 4}
	gs, err := NewAll(cudatest.Open(t), []Spec{r.spec(t), r.spec(t), r.spec(t)})
	if err != nil {
		t.Fatal(err)
	}
	gs[0].Join()
	gs[0].Join()
	gs[1].Join()
	answered := make(chan error)
	ask := func(b policy.Backend) {
		_, err := b.State()
		answered <- err
	}
	go ask(gs[0])
	select {
	case <-answered:
		t.Fatal("the first request is served before the second is made")
	case <-time.After(50 * time.Millisecond):
	}
	policytest.MustState(t, gs[2])
	go ask(gs[1])
	if err := errors.Join(<-answered, <-answered); err != nil {
		t.Fatal(err)
	}
	go ask(gs[0])
	time.Sleep(20 * time.Millisecond)
	if err := gs[1].Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-answered; err != nil {
		t.Fatal(err)
	}
	policytest.MustState(t, gs[0])
	gs[0].Leave()
	gs[0].Leave()
	policytest.MustState(t, gs[0])
	if err := errors.Join(gs[0].Close(), gs[2].Close()); err != nil {
		t.Fatal(err)
	}
}
