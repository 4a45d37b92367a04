//go:build gpu

package gpu

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"paspo/internal/cudatest"
	"paspo/internal/rng"
	"paspo/lp"
	"paspo/lp/interval/closedform"
	"paspo/policy"
	"paspo/policy/internal/policytest"
)

// randomLimits loosens limits by random amounts. Every third row has no limits of its own, and
// other rows replace different ones.
func randomLimits(p *lp.Polytope, rows int, seed uint64) []lp.Limits {
	r := rand.New(rng.New(seed, "limits"))
	_, b, _ := p.Inequalities()
	_, e, _ := p.Equalities()
	l, u := p.Bounds()
	limits := make([]lp.Limits, rows)
	for i := range limits {
		lim := &limits[i]
		if i%3 == 0 {
			continue
		}
		for _, v := range b {
			lim.B = append(lim.B, v+0.3*r.Float64()*(1+math.Abs(v)))
		}
		if i%2 == 0 {
			lim.Lower, lim.Upper = slices.Clone(l), slices.Clone(u)
			for j := range l {
				if l[j] < u[j] {
					lim.Lower[j] -= 0.01 * r.Float64()
					lim.Upper[j] += 0.1 * r.Float64()
				}
			}
		}
		if i%5 == 1 && len(e) > 0 {
			lim.F = slices.Clone(e)
			lim.F[0] *= 1 - 0.05*r.Float64()
		}
	}
	return limits
}

// Actions satisfy limits that follow the state, by the closed form where it covers them, and
// intervals and deterministic actions are those of the CPU.
func TestGPULimits(t *testing.T) {
	portfolio := policytest.PresetSolver(t, "portfolio")
	for _, c := range []struct {
		sampleCase
		onHost bool
	}{
		{sampleCase{"portfolio", portfolio, 4}, false},
		{sampleCase{"compute", policytest.PresetSolver(t, "compute"), 4}, false},
		{sampleCase{"capped", solverOf(t, cappedPortfolio(t), "explicit"), 4}, false},
		{sampleCase{"box", solverOf(t, box(t), "explicit"), 4}, false},
		{sampleCase{"facets", policytest.PresetSolver(t, "synthetic"), 4}, true},
		{sampleCase{"lazy", solverOf(t, cappedPortfolio(t), "lazy"), 4}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			net := networks[1].change // limits do not depend on networks: the smallest is enough
			cpu, g := newTestCPU(t, c.solver, c.obs, 64, net), newTestGPU(t, c.solver, c.obs, 64, net)
			push(t, cpu, 10)
			push(t, g, 10)
			req := policytest.RandomRequest(131, c.obs, 2)
			req.Limits = randomLimits(c.solver.Polytope(), req.Rows, 3)
			tol := 0.
			if c.onHost {
				tol = 1e-9
			}
			checkSamples(t, g, req, policytest.MustSample(t, g, req), tol)
			if onHost := len(g.prog.sampler.host.active) > 0; onHost != c.onHost {
				t.Errorf("intervals from the host: %v", onHost)
			}
			req.Rule = policy.Mode
			if d := farthest(policytest.MustSample(t, g, req).Actions, policytest.MustSample(t, cpu, req).Actions); !(d <= 1e-5*g.Total) {
				t.Errorf("actions differ by %g", d)
			}
		})
	}
}

// Where a state has a matrix of its own, the host computes intervals, and residuals are those of
// that matrix.
func TestGPUStateMatrix(t *testing.T) {
	solver := policytest.PresetSolver(t, "portfolio")
	cpu, g := newTestCPU(t, solver, 4, 64, nil), newTestGPU(t, solver, 4, 64, nil)
	req := policytest.RandomRequest(20, 4, 2)
	req.Limits = make([]lp.Limits, req.Rows)
	a, _, _ := solver.Polytope().Inequalities()
	for r := 1; r < req.Rows; r += 2 {
		// Larger coefficients make the polytope smaller, and not empty.
		req.Limits[r].A = make([]float64, len(a))
		for j, v := range a {
			req.Limits[r].A[j] = v * (1 + 0.01*float64(r%5))
		}
	}
	for _, rule := range []policy.Rule{policy.Sampled, policy.Mode, policy.Mean} {
		req.Rule = rule
		x, y := policytest.MustSample(t, g, req), policytest.MustSample(t, cpu, req)
		n := solver.Polytope().Dim()
		for r := range req.Rows {
			for _, s := range []*policy.Samples{x, y} {
				res := solver.Polytope().Residual(s.Actions[r*n:(r+1)*n], &req.Limits[r])
				if !(res <= 1e-9) || res != s.Residual[r] && req.Limits[r].A != nil {
					t.Errorf("row %d: residual %g, reported as %g", r, res, s.Residual[r])
				}
			}
		}
		if d := farthest(x.Actions, y.Actions); rule != policy.Sampled && !(d <= 1e-5*g.Total) {
			t.Errorf("actions differ by %g", d)
		}
	}
}

// onHost counts the rows whose intervals came from the host.
func onHost(g *Backend) (rows int) {
	for _, c := range g.prog.sampler.host.active {
		rows += len(c.rows)
	}
	return rows
}

// Rows that the closed form does not cover go to the host, and the results of other rows stay the
// same.
func TestGPULeavesRowsToTheHost(t *testing.T) {
	s := policytest.PresetSolver(t, "portfolio")
	cpu, g := newTestCPU(t, s, 3, 64, nil), newTestGPU(t, s, 3, 64, nil)
	req := policytest.RandomRequest(100, 3, 5)
	before := policytest.MustSample(t, g, req)
	req = policytest.RandomRequest(100, 3, 5)
	req.Limits = make([]lp.Limits, 100)
	n := s.Polytope().Dim()
	for _, r := range []int{7, 40, 41, 99} {
		cap := slices.Repeat([]float64{math.Inf(1)}, n) // the closed form has no upper bounds
		cap[r%n] = 0.3
		req.Limits[r].Upper = cap
	}
	after := policytest.MustSample(t, g, req)
	checkSamples(t, g, req, after, 1e-9)
	if rows := onHost(g); rows != 4 {
		t.Errorf("%d rows went to the host", rows)
	}
	for r := range 100 {
		if req.Limits[r].Upper != nil {
			continue
		}
		same := slices.Equal(before.Actions[r*n:(r+1)*n], after.Actions[r*n:(r+1)*n])
		if !same {
			t.Errorf("row %d: the action is another", r)
		}
	}
	req.Rule = policy.Mode
	if d := farthest(policytest.MustSample(t, g, req).Actions, policytest.MustSample(t, cpu, req).Actions); !(d <= 1e-5) {
		t.Errorf("actions differ by %g", d)
	}
}

// Limits that no allocation satisfies are the same error as on the CPU: it names the row and the
// constraints.
func TestGPUInfeasibleRow(t *testing.T) {
	for _, method := range []string{"explicit", "lazy", "clp"} {
		s := solverOf(t, policytest.PresetSolver(t, "portfolio").Polytope(), method)
		_, b, _ := s.Polytope().Inequalities()
		req := policytest.RandomRequest(100, 2, 1)
		req.Limits = make([]lp.Limits, 100)
		bad := slices.Repeat([]float64{-1}, len(b))
		req.Limits[77].B = bad
		var want, got *lp.InfeasibleError
		if err := newTestCPU(t, s, 2, 8, nil).Sample(req, &policy.Samples{}); !errors.As(err, &want) {
			t.Fatal(err)
		}
		g := newTestGPU(t, s, 2, 8, nil)
		if err := g.Sample(req, &policy.Samples{}); !errors.As(err, &got) {
			t.Fatalf("%s: the error is %v", method, err)
		}
		if got.Row != 77 || got.Entity != want.Entity || !policytest.Near(got.Amount, want.Amount, 1e-9) || !slices.Equal(got.Conflict, want.Conflict) {
			t.Errorf("%s: the error is %v, that of the CPU %v", method, got, want)
		}
		req.Limits = nil
		checkSamples(t, g, req, policytest.MustSample(t, g, req), 1e-9)
	}
}

// withTables is a solver whose closed form a test has changed.
type withTables struct {
	lp.Solver
	tables *closedform.Tables
}

func (s withTables) Tables() *closedform.Tables { return s.tables }

// Rays send rows to the host, and so do endpoints that cross.
func TestGPUEmptinessIsSeenTwice(t *testing.T) {
	s := policytest.PresetSolver(t, "portfolio")
	_, b, _ := s.Polytope().Inequalities()
	limits := make([]lp.Limits, 40)
	for r := range limits {
		if r%2 == 1 {
			limits[r].B = b
		}
	}
	sample := func(tables *closedform.Tables) (*Backend, error) {
		g := newTestGPU(t, withTables{s, tables}, 2, 8, networks[1].change)
		req := policytest.RandomRequest(40, 2, 1)
		req.Limits = limits
		return g, g.Sample(req, &policy.Samples{})
	}
	tables := s.(closedform.Tabled).Tables()
	if g, err := sample(tables); err != nil || onHost(g) != 0 {
		t.Errorf("%d rows went to the host, the error is %v", onHost(g), err)
	}

	// Each ray in turn says that no allocation has a total above 0.
	for k := range tables.RaySensitivity {
		wrong := s.(closedform.Tabled).Tables()
		ray := wrong.Rays[k*wrong.Size : (k+1)*wrong.Size]
		clear(ray)
		ray[wrong.Size-1] = 1
		if g, err := sample(wrong); err != nil || onHost(g) != 20 {
			t.Errorf("ray %d: %d rows went to the host, the error is %v", k, onHost(g), err)
		}
	}

	tables.Rays, tables.RaySensitivity = nil, nil
	limits[17].B = slices.Repeat([]float64{-1}, len(b))
	var e *lp.InfeasibleError
	if g, err := sample(tables); !errors.As(err, &e) || e.Row != 17 || onHost(g) != 1 {
		t.Errorf("without rays %d rows went to the host, the error is %v", onHost(g), err)
	}
}

// Wrong intervals of a solver are found by the residuals of actions.
func TestGPUResidualIsChecked(t *testing.T) {
	g := newTestGPU(t, policytest.SimplexSolver{Of: policytest.PresetSolver(t, "portfolio").Polytope()}, 2, 8, nil)
	err := g.Sample(policytest.RandomRequest(50, 2, 1), &policy.Samples{})
	if err == nil || !strings.Contains(err.Error(), "leaves the polytope") || !strings.Contains(err.Error(), "of row ") {
		t.Errorf("the error is %v", err)
	}
}

// The error of an alpha or beta that is NaN names the distribution.
func TestGPUBadShape(t *testing.T) {
	for _, s := range []lp.Solver{policytest.PresetSolver(t, "portfolio"), policytest.Simplex(t, 13)} {
		g := newTestGPU(t, s, 2, 8, nil)
		state := policytest.MustState(t, g)
		for _, x := range state.Params {
			if x.Name == "heads.2.bias" {
				x.Data[2*5+1] = float32(math.NaN()) // beta of the sixth head
			}
		}
		if err := g.SetState(state); err != nil {
			t.Fatal(err)
		}
		err := g.Sample(policytest.RandomRequest(50, 2, 1), &policy.Samples{})
		var e *policy.NonFiniteError
		if !errors.As(err, &e) || !strings.HasPrefix(e.Tensor, "the distribution of "+s.Polytope().Entities()[5]+", Beta(") {
			t.Errorf("the error is %v", err)
		}
	}
}

// A network that is too wide for every tile is an error when the policy is made.
func TestGPUTooWide(t *testing.T) {
	cfg := policy.DefaultConfig()
	cfg.Heads = []int{4000}
	_, err := New(cudatest.Open(t), policytest.Simplex(t, 3), 2, 8, cfg, nil, 1)
	if err == nil || !strings.Contains(err.Error(), "shared memory") {
		t.Errorf("the error is %v", err)
	}
}
