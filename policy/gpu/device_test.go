//go:build gpu

package gpu

import (
	"errors"
	"testing"

	"paspo/cuda"
	"paspo/internal/cudatest"
	"paspo/policy"
	"paspo/policy/internal/policytest"
)

// An update is one upload, a replay for every minibatch, one copy back and one
// wait; while steps are queued the device is left alone.
func TestGPUNoRoundTrips(t *testing.T) {
	ctx := cudatest.Open(t)
	cudatest.Fake(t)
	for _, agents := range []int{1, 3} {
		var specs []Spec
		for k := range agents {
			specs = append(specs, Spec{Solver: policytest.Simplex(t, 4), ObsDim: 3, Minibatch: 16, Config: policy.DefaultConfig(), Seed: uint64(k), Rows: 48, Steps: 9})
		}
		gs, err := NewAll(ctx, specs)
		if err != nil {
			t.Fatal(err)
		}
		p := gs[0].(*Backend).prog
		for i := range 2 {
			for _, g := range gs {
				if err := g.Sample(keeping(policytest.RandomRequest(48, 3, uint64(i))), &policy.Samples{}); err != nil {
					t.Fatal(err)
				}
			}
			before := cudatest.Count(t, ctx)
			for _, g := range gs {
				b := &policy.Batch{Rows: 48, Advantage: make([]float32, 48), Return: make([]float32, 48)}
				if err := g.Load(b); err != nil {
					t.Fatal(err)
				}
				for epoch := range 3 {
					for _, mb := range inMinibatches(shuffledRows(48, uint64(epoch)), 16) {
						if err := g.Step(mb, policytest.StepSettings()); err != nil {
							t.Fatal(err)
						}
					}
				}
			}
			if d := cudatest.Count(t, ctx).Since(before); d != (cudatest.Counts{}) {
				t.Errorf("queueing does %+v", d)
			}
			diagnose(t, gs)
			got := cudatest.Count(t, ctx).Since(before)
			want := cudatest.Counts{
				Graphs: 3 + 9, Launches: 3*p.old.Len() + 9*p.step.Len(), CopiesIn: agents, CopiesOut: agents, Syncs: 1,
			}
			if got != want {
				t.Errorf("%d agents, update %d: %+v, want %+v", agents, i, got, want)
			}
			for _, g := range gs {
				if d := g.(*Backend).time; d != int64(9*(i+1)) {
					t.Errorf("%d steps taken", d)
				}
			}
		}
		for _, g := range gs {
			if err := g.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func keeping(r *policy.Request) *policy.Request {
	r.Keep = true
	return r
}

// diagnose asks all agents for their diagnostics at the same time.
func diagnose(t *testing.T, gs []policy.Shared) {
	t.Helper()
	for _, g := range gs {
		g.Join()
	}
	errs := make(chan error)
	for _, g := range gs {
		go func() {
			_, err := g.Diagnostics()
			g.Leave()
			errs <- err
		}()
	}
	for range gs {
		if err := <-errs; err != nil {
			t.Fatal(err)
		}
	}
}

// Where memory is short, the error states the bytes that are needed and nothing is allocated, at the
// start and when memory has to grow; the backend then goes on with the memory that it has.
func TestGPUOutOfMemory(t *testing.T) {
	ctx := cudatest.Open(t)
	spec := Spec{Solver: policytest.Simplex(t, 4), ObsDim: 3, Minibatch: 16, Config: policy.DefaultConfig(), Seed: 1, Rows: 16, Steps: 1}
	_, small, err := Work(spec)
	if err != nil {
		t.Fatal(err)
	}
	huge := spec
	huge.Rows = 1 << 34
	_, need, err := Work(huge)
	if err != nil {
		t.Fatal(err)
	}
	var e *cuda.OutOfMemoryError
	if _, err := NewAll(ctx, []Spec{huge}); !errors.As(err, &e) || e.Need != need || e.Missing() <= 0 {
		t.Errorf("the error is %v, for %d bytes", err, need)
	}

	g := newTestGPU(t, spec.Solver, 3, 16, nil)
	if got := g.prog.memory.Bytes(); got != small {
		t.Errorf("%d bytes are taken, %d were announced", got, small)
	}
	before := paramsOf(t, g)
	far := keeping(policytest.RandomRequest(1, 3, 1))
	far.At = 1 << 34
	if err := g.Sample(far, &policy.Samples{}); !errors.As(err, &e) {
		t.Errorf("the error is %v", err)
	}
	for i, x := range paramsOf(t, g) {
		if x != before[i] {
			t.Fatal("the parameters are gone")
		}
	}
	c := newTestCPU(t, spec.Solver, 3, 16, nil)
	learn(t, g, sampled(t, c, 16, 1), policytest.StepSettings(), policytest.FirstRows(16))
}

// After a device has failed, every call reports it as lost.
func TestGPULost(t *testing.T) {
	cudatest.Open(t) // chooses the driver
	cudatest.Fake(t)
	ctx, err := cuda.Open(1)
	if err != nil {
		t.Fatal(err)
	}
	defer ctx.Close()
	s, err := New(ctx, policytest.Simplex(t, 4), 3, 16, policy.DefaultConfig(), nil, 1)
	if err != nil {
		t.Fatal(err)
	}
	g := s.(*Backend)
	c := newTestCPU(t, policytest.Simplex(t, 4), 3, 16, nil)
	b := sampled(t, c, 48, 1)
	learn(t, g, b, policytest.StepSettings(), policytest.FirstRows(16))
	cudatest.DieAfter(t, ctx, 40)
	if err := g.Load(b); err != nil {
		t.Fatal(err)
	}
	for range 9 {
		if err := g.Step(policytest.FirstRows(16), policytest.StepSettings()); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := g.Diagnostics(); !errors.Is(err, cuda.ErrLost) {
		t.Errorf("diagnostics: %v", err)
	}
	if _, err := g.State(); !errors.Is(err, cuda.ErrLost) {
		t.Errorf("state: %v", err)
	}
	if err := g.Sample(policytest.RandomRequest(4, 3, 1), &policy.Samples{}); !errors.Is(err, cuda.ErrLost) {
		t.Errorf("sample: %v", err)
	}
	if err := g.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
}
