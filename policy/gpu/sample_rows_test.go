//go:build gpu

package gpu

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"paspo/cuda"
	"paspo/internal/cudatest"
	"paspo/lp"
	"paspo/policy"
	"paspo/policy/internal/network"
	"paspo/policy/internal/policytest"
)

// sameSamples compares all rows of part with the rows of whole from row from on, bit for bit.
func sameSamples(t *testing.T, what string, m *network.Model, part, whole *policy.Samples, from int) {
	t.Helper()
	n, h, rows := m.Layout.Entities, m.Heads, len(part.Residual)
	f32 := func(name string, part, whole []float32, width int) {
		if !slices.Equal(part, whole[from*width:(from+rows)*width]) {
			t.Errorf("%s: %s differs", what, name)
		}
	}
	f64 := func(name string, part, whole []float64, width int) {
		if !slices.Equal(part, whole[from*width:(from+rows)*width]) {
			t.Errorf("%s: %s differs", what, name)
		}
	}
	f64("action", part.Actions, whole.Actions, n)
	f64("residual", part.Residual, whole.Residual, 1)
	f64("lower", part.Lower, whole.Lower, n)
	f64("upper", part.Upper, whole.Upper, n)
	f32("prefix", part.Prefix, whole.Prefix, n)
	f32("ln x", part.LogX, whole.LogX, h)
	f32("ln(1-x)", part.Log1mX, whole.Log1mX, h)
	f32("ln width", part.LogWidth, whole.LogWidth, h)
	f32("mask", part.Mask, whole.Mask, h)
	f32("alpha", part.Alpha, whole.Alpha, h)
	f32("beta", part.Beta, whole.Beta, h)
	f32("log-probability", part.LogProb, whole.LogProb, 1)
	f32("entropy", part.Entropy, whole.Entropy, 1)
	f32("value", part.Value, whole.Value, 1)
}

// An action depends on its own row alone.
func TestGPUSamplesDoNotDependOnTheBatch(t *testing.T) {
	s := policytest.PresetSolver(t, "portfolio")
	for _, net := range networks {
		g := newTestGPU(t, s, 5, 64, net.change)
		push(t, g, 20)
		limits := randomLimits(s.Polytope(), 130, 9)
		req := policytest.RandomRequest(130, 5, 9)
		req.Limits = limits
		whole := policytest.MustSample(t, g, req)
		for _, cut := range [][2]int{{0, 130}, {0, 1}, {31, 34}, {17, 100}, {129, 130}} {
			req := policytest.RandomRequest(130, 5, 9)
			req.Obs, req.Streams = req.Obs[cut[0]*5:cut[1]*5], req.Streams[cut[0]:cut[1]]
			req.Limits = limits[cut[0]:cut[1]]
			req.Rows = cut[1] - cut[0]
			sameSamples(t, fmt.Sprint(net.name, cut), &g.Model, policytest.MustSample(t, g, req), whole, cut[0])
		}
	}
}

// Agents with different polytopes, solvers, thresholds and requests get the same results in one
// launch as each gets alone.
func TestGPUAgentsSampleTogether(t *testing.T) {
	portfolio := policytest.PresetSolver(t, "portfolio")
	specs := []struct {
		solver lp.Solver
		rows   int
		change func(*policy.Config, *policy.Request)
	}{
		{portfolio, 50, func(*policy.Config, *policy.Request) {}},
		{solverOf(t, policytest.Simplex(t, 13).Of, "explicit"), 33, func(_ *policy.Config, r *policy.Request) { r.Rule = policy.Mode }},
		{solverOf(t, cappedPortfolio(t), "lazy"), 20, func(*policy.Config, *policy.Request) {}},
		{portfolio, 1, func(c *policy.Config, _ *policy.Request) { c.FixedWidth = 1e-2 }},
		{solverOf(t, cappedPortfolio(t), "explicit"), 65, func(_ *policy.Config, r *policy.Request) { r.Limits = randomLimits(portfolio.Polytope(), 65, 4) }},
		{portfolio, 7, func(_ *policy.Config, r *policy.Request) { // limits that no allocation satisfies
			r.Limits = make([]lp.Limits, 7)
			r.Limits[3].F = []float64{5}
			r.Limits[3].Upper = slices.Repeat([]float64{0.1}, 13)
		}},
	}
	const obs = 4
	var gpus []Spec
	requests := func() (all []*policy.Request) {
		gpus = gpus[:0]
		for i, s := range specs {
			cfg, req := policy.DefaultConfig(), policytest.RandomRequest(s.rows, obs, uint64(i))
			s.change(&cfg, req)
			all = append(all, req)
			gpus = append(gpus, Spec{Solver: s.solver, ObsDim: obs, Minibatch: 8, Config: cfg, Seed: uint64(i)})
		}
		return all
	}
	run := func(together bool) (out []*policy.Samples, errs []error, agents []policy.Shared) {
		reqs := requests()
		out, errs = make([]*policy.Samples, len(reqs)), make([]error, len(reqs))
		var wait sync.WaitGroup
		if together {
			var err error
			if agents, err = NewAll(cudatest.Open(t), gpus); err != nil {
				t.Fatal(err)
			}
			for _, a := range agents {
				a.Join()
			}
		}
		for i, req := range reqs {
			out[i] = &policy.Samples{}
			if together {
				wait.Go(func() {
					errs[i] = agents[i].Sample(req, out[i])
					agents[i].Leave()
				})
				continue
			}
			g, err := NewAll(cudatest.Open(t), gpus[i:i+1])
			if err != nil {
				t.Fatal(err)
			}
			agents = append(agents, g...)
			errs[i] = g[0].Sample(req, out[i])
		}
		wait.Wait()
		return out, errs, agents
	}
	alone, aloneErrs, a := run(false)
	joint, jointErrs, b := run(true)
	if p := b[0].(*Backend).prog; len(p.agents) != len(specs) {
		t.Fatalf("%d agents share a program", len(p.agents))
	}
	for i := range specs {
		var e *lp.InfeasibleError
		if last := i == len(specs)-1; last {
			if !errors.As(jointErrs[i], &e) || e.Row != 3 || aloneErrs[i].Error() != e.Error() {
				t.Errorf("errors: %v alone, %v together", aloneErrs[i], jointErrs[i])
			}
			continue
		}
		if aloneErrs[i] != nil || jointErrs[i] != nil {
			t.Fatalf("agent %d: %v, %v", i, aloneErrs[i], jointErrs[i])
		}
		sameSamples(t, fmt.Sprint("agent ", i), &a[i].(*Backend).Model, joint[i], alone[i], 0)
	}
	for _, g := range append(a, b...) {
		if err := g.Close(); err != nil {
			t.Error(err)
		}
	}
}

// Kept rows on the device equal the samples on the host, also where intervals came from the host; a
// brief request does not copy the rest to the host.
func TestGPUKeepsRows(t *testing.T) {
	for _, s := range []lp.Solver{policytest.PresetSolver(t, "portfolio"), solverOf(t, cappedPortfolio(t), "lazy")} {
		g := newTestGPU(t, s, 3, 64, nil)
		push(t, g, 20)
		const rows, at = 70, 37
		req := policytest.RandomRequest(rows, 3, 2)
		want := policytest.MustSample(t, g, req)
		for _, brief := range []bool{false, true} {
			req := policytest.RandomRequest(rows, 3, 2)
			req.Keep, req.At, req.Brief = true, at, brief
			got := policytest.MustSample(t, g, req)
			if brief && len(got.Prefix)+len(got.LogX)+len(got.Lower) > 0 {
				t.Error("a brief request got more than it asked for")
			}
			if !slices.Equal(got.Actions, want.Actions) || !slices.Equal(got.LogProb, want.LogProb) {
				t.Error("kept rows are others")
			}
			n, h, o := g.Layout.Entities, g.Layout.Heads, g.Layout.Obs
			for _, f := range []struct {
				name  string
				at    int64
				width int
				want  []float32
			}{
				{"obs", g.prog.at.obs, o, policytest.Float32s(req.Obs)}, {"prefix", g.prog.at.prefix, n, want.Prefix},
				{"ln x", g.prog.at.logX, h, want.LogX}, {"ln(1-x)", g.prog.at.log1mX, h, want.Log1mX},
				{"ln width", g.prog.at.logWidth, h, want.LogWidth}, {"mask", g.prog.at.mask, h, want.Mask},
			} {
				if kept := onDevice(t, g, f.at+4*at*int64(f.width), rows*f.width); !slices.Equal(kept, f.want) {
					t.Errorf("brief %v: %s differs on the device", brief, f.name)
				}
			}
		}
	}
}

// Every result is written, and nothing beside the results.
func TestGPUWritesResultsAlone(t *testing.T) {
	for _, s := range []lp.Solver{policytest.PresetSolver(t, "portfolio"), policytest.PresetSolver(t, "synthetic"), solverOf(t, cappedPortfolio(t), "lazy")} {
		for _, net := range networks {
			g := newTestGPU(t, s, 3, 64, net.change)
			for _, rows := range []int{1, 63, 65} {
				whole := policytest.MustSample(t, g, policytest.RandomRequest(rows, 3, 2))
				p, b := g.prog, &g.prog.sampler.batch
				memory := bytes.Repeat([]byte{0xFF}, int(b.size))
				move := func(f func(cuda.Ptr) error) {
					if err := p.ctx.Do(func() error { return errors.Join(f(b.base), p.stream.Sync()) }); err != nil {
						t.Fatal(err)
					}
				}
				move(func(at cuda.Ptr) error { return p.stream.CopyIn(at, memory) })
				sameSamples(t, fmt.Sprint(s.Polytope().Name(), " ", net.name, " ", rows), &g.Model, policytest.MustSample(t, g, policytest.RandomRequest(rows, 3, 2)), whole, 0)
				move(func(at cuda.Ptr) error { return p.stream.CopyOut(memory, at) })
				a, n, h := &b.args, g.Layout.Entities, g.Layout.Heads
				for _, f := range []field{
					{&a.Actions, 8 * n}, {&a.Residual, 8}, {&a.DrawnOut, 8}, {&a.Value, 4}, {&a.LogProb, 4}, {&a.Entropy, 4},
					{&a.Alpha, 4 * h}, {&a.Beta, 4 * h}, {&a.Mask, 4 * h}, {&a.Status, 4},
					{&a.Prefix, 4 * n}, {&a.LogX, 4 * h}, {&a.Log1mX, 4 * h}, {&a.LogWidth, 4 * h}, {&a.Lower, 8 * n}, {&a.Upper, 8 * n},
					{&a.Logits, 8 * h}, {&a.Latent, 4 * g.Layout.Latent()}, {&a.Chosen, 8},
				} {
					from := int64(*f.at) + int64(f.bytes*rows)
					for at := from; at < cuda.Aligned(from); at++ {
						if memory[at] != 0xFF {
							t.Fatalf("%s, %d rows: byte %d of the batch was written", net.name, rows, at)
						}
					}
				}
			}
		}
	}
}
