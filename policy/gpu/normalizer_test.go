//go:build gpu

package gpu

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"paspo/internal/cudatest"
	"paspo/kernels"
	"paspo/lp"
	"paspo/policy"
	"paspo/policy/internal/policytest"
)

// standardising turns the normaliser of a backend on.
func standardising[B policy.Backend](t testing.TB, b B, clip float64) B {
	t.Helper()
	s := policytest.MustState(t, b)
	s.Normalizer.On, s.Normalizer.Clip = true, clip
	if err := b.SetState(s); err != nil {
		t.Fatal(err)
	}
	return b
}

// sameNormalizer allows statistics that were summed in another order.
func sameNormalizer(t *testing.T, what string, got, want *policy.Normalizer) {
	t.Helper()
	if got.On != want.On || got.Clip != want.Clip || got.Seen.Count != want.Seen.Count {
		t.Errorf("%s: %+v, want %+v", what, got, want)
	}
	for j := range want.Seen.Mean {
		if m, w := got.Seen.Mean[j], want.Seen.Mean[j]; !policytest.Near(m, w, 1e-14) {
			t.Errorf("%s: mean %d is %v, want %v", what, j, m, w)
		}
		if v, w := got.Seen.Variance(j), want.Seen.Variance(j); !policytest.Near(v, w, 1e-12) {
			t.Errorf("%s: variance %d is %v, want %v", what, j, v, w)
		}
	}
}

// The statistics take observations from requests with Learn alone, and kept rows are the normalised
// observations to the bit: with intervals from the closed form and from the host, for brief and for
// deterministic requests, with and without statistics.
func TestGPULearns(t *testing.T) {
	const obs = 3
	for _, s := range []struct {
		name   string
		solver lp.Solver
	}{{"closed", solverOf(t, policytest.Simplex(t, 4).Of, "explicit")}, {"host", policytest.Simplex(t, 4)}} {
		for _, net := range []int{0, 1, 3} { // its latent lies elsewhere, or its tiles are small
			g := standardising(t, newTestGPU(t, s.solver, obs, 64, networks[net].change), 1.5)
			want := policy.NewNormalizer(obs, true, 1.5)
			for k, c := range []struct {
				rows         int
				learn, brief bool
				rule         policy.Rule
			}{{5, false, false, policy.Sampled}, {1, true, true, policy.Sampled}, {31, true, false, policy.Sampled}, {33, false, true, policy.Mode}, {1100, true, true, policy.Mean}, {33, false, false, policy.Sampled}} {
				what := fmt.Sprintf("%s, %s, request %d", s.name, networks[net].name, k)
				if c.rows > 200 && net != 1 { // parts of statistics do not depend on networks: the smallest is enough
					continue
				}
				req := policytest.OffsetRequest(c.rows, obs, uint64(k))
				for r := 0; c.learn && r < c.rows; r++ {
					req.Obs[r*obs+2] = 0.1 // the same in all that is learned
				}
				req.Learn, req.Brief, req.Rule, req.Keep, req.At = c.learn, c.brief, c.rule, true, k
				out := policytest.MustSample(t, g, req)
				if onHost := len(g.prog.sampler.host.active) > 0; onHost != (s.name == "host") {
					t.Errorf("%s: intervals from the host: %v", what, onHost)
				}
				if c.learn {
					want.Update(req.Obs)
				}
				state := policytest.MustState(t, g).Normalizer
				sameNormalizer(t, what, state, want)
				z := make([]float32, c.rows*obs)
				if err := state.Apply(z, req.Obs); err != nil {
					t.Fatal(err)
				}
				if kept := onDevice(t, g, g.prog.at.obs+4*obs*int64(k), len(z)); !slices.Equal(kept, z) {
					t.Fatalf("%s: kept observations differ by %g", what, farthest(kept, z))
				}

				// Actions are those of a backend without a normaliser that is given normalised observations.
				plain := policytest.OffsetRequest(c.rows, obs, uint64(k))
				plain.Rule = c.rule
				for i, x := range z {
					plain.Obs[i] = float64(x)
				}
				off := newTestGPU(t, s.solver, obs, 64, networks[net].change)
				if x := policytest.MustSample(t, off, plain); !slices.Equal(x.Actions, out.Actions) || !slices.Equal(x.Value, out.Value) {
					t.Errorf("%s: actions are not those of what was normalised", what)
				}
			}
		}
	}
}

// Statistics stay when memory grows, and go to other backends and back.
func TestGPUNormalizerMoves(t *testing.T) {
	g := standardising(t, newTestGPU(t, policytest.Simplex(t, 4), 3, 16, nil), 0)
	learn := policytest.OffsetRequest(20, 3, 1)
	learn.Learn = true
	policytest.MustSample(t, g, learn)
	before := policytest.MustState(t, g)
	if before.Normalizer.Seen.Count != 20 {
		t.Fatalf("%v rows seen", before.Normalizer.Seen.Count)
	}
	block := g.prog.memory
	far := policytest.OffsetRequest(4, 3, 2)
	far.Keep, far.At = true, 1000
	policytest.MustSample(t, g, far)
	if g.prog.memory == block {
		t.Fatal("the memory has not grown")
	}
	after := policytest.MustState(t, g)
	if !reflect.DeepEqual(after.Normalizer, before.Normalizer) {
		t.Errorf("%+v became %+v", before.Normalizer, after.Normalizer)
	}
	c, other := newTestCPU(t, policytest.Simplex(t, 4), 3, 16, nil), newTestGPU(t, policytest.Simplex(t, 4), 3, 16, nil)
	for _, b := range []policy.Backend{c, other} {
		if err := b.SetState(after); err != nil {
			t.Fatal(err)
		}
		if n := policytest.MustState(t, b).Normalizer; !reflect.DeepEqual(n, after.Normalizer) {
			t.Errorf("%s has %+v, not %+v", b.Device(), n, after.Normalizer)
		}
	}
	learn = policytest.OffsetRequest(20, 3, 3)
	learn.Learn = true
	for _, b := range []policy.Backend{c, g, other} {
		policytest.MustSample(t, b, learn)
	}
	sameNormalizer(t, "after the CPU's", policytest.MustState(t, g).Normalizer, policytest.MustState(t, c).Normalizer)
	if !reflect.DeepEqual(policytest.MustState(t, g), policytest.MustState(t, other)) {
		t.Error("learning goes on differently from a state")
	}
}

// The error of an observation that is not finite after normalisation names row, component and the
// value before, as on the CPU.
func TestGPUBadObservation(t *testing.T) {
	for _, s := range []lp.Solver{solverOf(t, policytest.Simplex(t, 4).Of, "explicit"), policytest.Simplex(t, 4)} { // on the device, on the host
		for _, net := range []int{0, 3} {
			for _, on := range []bool{false, true} {
				c, g := newTestCPU(t, s, 5, 64, networks[net].change), newTestGPU(t, s, 5, 64, networks[net].change)
				if on {
					standardising(t, c, 0)
					standardising(t, g, 0)
				}
				learn := policytest.OffsetRequest(38, 5, 1)
				learn.Learn = true
				want := policytest.MustSample(t, g, learn)
				policytest.MustSample(t, c, learn)
				for _, bad := range []struct {
					row, component int
					x              float64
				}{{0, 0, math.NaN()}, {37, 4, 1e300}, {33, 2, math.Inf(-1)}} {
					req := policytest.OffsetRequest(38, 5, 2)
					req.Obs[bad.row*5+bad.component] = bad.x
					req.Obs[37*5+4] = 1e301 * (bad.x / bad.x) // another, no earlier
					if bad.row == 37 {
						req.Obs[37*5+4] = bad.x
					}
					err, cpu := g.Sample(req, &policy.Samples{}), c.Sample(req, &policy.Samples{})
					name := fmt.Sprintf("component %d of the observation of row %d, which is %g,", bad.component, bad.row, bad.x)
					if err == nil || cpu == nil || err.Error() != cpu.Error() || !strings.Contains(err.Error(), name) {
						t.Errorf("the error is %v, on the CPU %v", err, cpu)
					}
				}
				again := policytest.OffsetRequest(38, 5, 1)
				if !slices.Equal(policytest.MustSample(t, g, again).Actions, want.Actions) {
					t.Error("bad observations change the state")
				}
			}
		}
	}
	// With a clip, values that are too large are clipped and are no error.
	g := standardising(t, newTestGPU(t, policytest.Simplex(t, 4), 2, 8, nil), 3)
	learn := policytest.OffsetRequest(9, 2, 1)
	learn.Learn = true
	policytest.MustSample(t, g, learn)
	req := policytest.OffsetRequest(9, 2, 1)
	req.Obs[4], req.Obs[7] = math.Inf(1), -1e300
	req.Keep = true
	policytest.MustSample(t, g, req)
	if kept := onDevice(t, g, g.prog.at.obs, 18); kept[4] != 3 || kept[7] != -3 {
		t.Errorf("kept %v and %v", kept[4], kept[7])
	}
}

// Agents that are served together, some of them with more rows than a part has, get the statistics
// that each gets alone, bit for bit.
func TestGPULearnsTogether(t *testing.T) {
	requests := [][]int{{8, 2500, 1025, 8}, {1024, 9, 1100, 0}, {8, 8, 8, 8}, {3000, 1, 0, 2049}} // rows of every agent
	cfg := policy.DefaultConfig()
	networks[1].change(&cfg) // statistics do not depend on networks: the smallest is enough
	var together []*Backend
	for range 2 {
		specs := make([]Spec, len(requests[0]))
		for i := range specs {
			specs[i] = Spec{Solver: policytest.Simplex(t, 4), ObsDim: 3, Minibatch: 8, Config: cfg, Seed: uint64(i)}
		}
		gs, err := NewAll(cudatest.Open(t), specs)
		if err != nil {
			t.Fatal(err)
		}
		for _, g := range gs {
			t.Cleanup(func() { _ = g.Close() })
			together = append(together, standardising(t, g.(*Backend), 0))
		}
	}
	alone := together[len(requests[0]):]
	together = together[:len(requests[0])]
	for k, rows := range requests {
		ask := func(i int, g *Backend) error {
			req := policytest.OffsetRequest(rows[i], 3, uint64(100*k+i))
			req.Learn, req.Rule, req.Brief = true, policy.Mode, true
			return g.Sample(req, &policy.Samples{})
		}
		errs := make([]error, len(rows))
		var wait sync.WaitGroup
		for i, g := range together {
			if rows[i] > 0 {
				g.Join()
			}
		}
		for i, g := range together {
			if rows[i] > 0 {
				wait.Go(func() { errs[i] = ask(i, g) })
			}
		}
		wait.Wait()
		for i, g := range together {
			g.Leave()
			if rows[i] > 0 {
				errs[i] = errors.Join(errs[i], ask(i, alone[i]))
			}
			if errs[i] != nil {
				t.Fatal(errs[i])
			}
			if got, want := policytest.MustState(t, g).Normalizer, policytest.MustState(t, alone[i]).Normalizer; !reflect.DeepEqual(got, want) {
				t.Errorf("request %d, agent %d has seen %+v, alone %+v", k, i, got.Seen, want.Seen)
			}
		}
	}
	for i, g := range together {
		sum := 0.
		for _, rows := range requests {
			sum += float64(rows[i])
		}
		if n := policytest.MustState(t, g).Normalizer.Seen.Count; n != sum {
			t.Errorf("agent %d has seen %v rows, not %v", i, n, sum)
		}
	}
}

// Statistics take one launch more and no copy or wait, for any number of agents, and a second one
// where an agent has more rows than a part; with the normaliser off they take none.
func TestGPULearnsInOneLaunch(t *testing.T) {
	ctx := cudatest.Open(t)
	cudatest.Fake(t)
	g := newTestGPU(t, policytest.PresetSolver(t, "portfolio"), 40, 64, networks[1].change)
	count := func(rows int, learn bool) cudatest.Counts {
		req := policytest.OffsetRequest(rows, 40, 1)
		req.Learn, req.Rule, req.Brief = learn, policy.Mean, true
		policytest.MustSample(t, g, req)
		before := cudatest.Count(t, ctx)
		policytest.MustSample(t, g, req)
		return cudatest.Count(t, ctx).Since(before)
	}
	want := count(kernels.MomentsRows+1, false)
	if want != (cudatest.Counts{Launches: 1, CopiesIn: 1, CopiesOut: 1, Syncs: 1}) {
		t.Errorf("a request does %+v", want)
	}
	if got := count(kernels.MomentsRows+1, true); got != want {
		t.Errorf("learning while the normaliser is off does %+v", got)
	}
	standardising(t, g, 0)
	for _, rows := range []int{kernels.MomentsRows, kernels.MomentsRows + 1} {
		want.Launches++
		if got := count(rows, true); got != want {
			t.Errorf("learning from %d rows does %+v", rows, got)
		}
	}
}
