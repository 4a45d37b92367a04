package cpu

import (
	"runtime"
	"slices"
	"testing"

	"paspo/internal/blas"
	"paspo/policy"
	"paspo/policy/internal/policytest"
)

// Bits of gradient steps do not depend on the number of threads, all of which take part here.
func TestThreads(t *testing.T) {
	blas.WholeTeams(true)
	defer blas.WholeTeams(false)
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	before := blas.TeamThreads()
	for _, k := range []struct {
		name          string
		entities, obs int
		change        func(*policy.Config)
	}{
		{"portfolio", 13, 27, nil},
		{"synthetic", 7, 3, nil},
		{"one head", 2, 40, nil},
		{"two heads, shallow", 3, 5, func(c *policy.Config) { c.Encoder, c.Heads, c.Critic, c.Latent = nil, []int{7}, nil, 70 }},
		{"more heads than a panel", 37, 9, func(c *policy.Config) { c.Heads, c.Critic = []int{40, 20, 33}, []int{50} }},
	} {
		t.Run(k.name, func(t *testing.T) {
			train := func(threads int) (*policy.State, []policy.Tensor, policy.Diagnostics, []float32) {
				runtime.GOMAXPROCS(threads)
				c := newTestCPU(t, policytest.Simplex(t, k.entities), k.obs, 200, k.change)
				defer c.Close()
				req, out := policytest.RandomRequest(200, k.obs, 1), &policy.Samples{}
				if err := c.Sample(req, out); err != nil {
					t.Fatal(err)
				}
				for i := range out.Mask {
					if i%7 == 3 { // a fixed entity
						out.Mask[i], out.LogX[i], out.Log1mX[i], out.LogWidth[i] = 0, 0, 0, 0
					}
				}
				if err := c.Load(policytest.RandomBatch(req, out, 1)); err != nil {
					t.Fatal(err)
				}
				if have, want := blas.TeamThreads()-before, max(min(threads, c.Heads)-1, 0); have != want {
					t.Errorf("%d threads were started where %d were expected", have, want)
				}
				rows := policytest.FirstRows(200)
				for _, m := range [][]int32{rows[:64], rows, rows[5:6], rows[20:70], rows[:128]} {
					for range 2 {
						if err := c.Step(m, policytest.StepSettings()); err != nil {
							t.Fatal(err)
						}
					}
				}
				d, err := c.Diagnostics()
				if err != nil {
					t.Fatal(err)
				}
				return policytest.MustState(t, c), c.Gradient(), d, slices.Clone(c.old)
			}
			state, gradient, measured, old := train(1)
			for _, threads := range []int{2, 3, 5} {
				s, g, d, o := train(threads)
				if d != measured {
					t.Errorf("%d threads measure %+v, one %+v", threads, d, measured)
				}
				if !slices.Equal(o, old) {
					t.Errorf("%d threads have other log-probabilities than one", threads)
				}
				for _, x := range [][2][]policy.Tensor{{s.Params, state.Params}, {s.M, state.M}, {s.V, state.V}, {g, gradient}} {
					for i, a := range x[0] {
						if !slices.Equal(a.Data, x[1][i].Data) {
							t.Errorf("%s with %d threads is not that with one", a.Name, threads)
						}
					}
				}
			}
		})
	}
	if left := blas.TeamThreads() - before; left != 0 {
		t.Errorf("%d threads are left", left)
	}
}
