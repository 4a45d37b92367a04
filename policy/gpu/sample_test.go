//go:build gpu

package gpu

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"paspo/cuda"
	"paspo/lp"
	"paspo/lp/constraints"
	"paspo/lp/interval"
	"paspo/lp/interval/closedform"
	"paspo/policy"
	"paspo/policy/dist"
	"paspo/policy/internal/network"
	"paspo/policy/internal/policytest"
)

// sampleCase is a polytope with a way to solve its intervals.
type sampleCase struct {
	name   string
	solver lp.Solver
	obs    int
}

func solverOf(t testing.TB, p *lp.Polytope, method string) lp.Solver {
	t.Helper()
	cfg := interval.DefaultConfig()
	cfg.Method = method
	s, err := interval.New(p, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// cappedPortfolio is the portfolio's polytope with at most 0.2 on an asset.
func cappedPortfolio(t testing.TB) *lp.Polytope {
	t.Helper()
	p, err := constraints.Preset("portfolio", 0)
	if err != nil {
		t.Fatal(err)
	}
	d := lp.Description{Name: "capped portfolio", Entities: p.Entities(), Total: 1, Upper: make([]float64, p.Dim())}
	for i := range d.Upper {
		d.Upper[i] = 0.2
	}
	a, b, names := p.Inequalities()
	for k := range b {
		d.Rows = append(d.Rows, lp.Row{Name: names[k], Coef: a[k*p.Dim() : (k+1)*p.Dim()], Min: math.Inf(-1), Max: b[k]})
	}
	if p, err = lp.New(d); err != nil {
		t.Fatal(err)
	}
	return p
}

// box has no equality: the last entity has a head too. Its bounds are free,
// shifted and fixed.
func box(t testing.TB) *lp.Polytope {
	t.Helper()
	p, err := lp.New(lp.Description{
		Entities: []string{"a", "b", "c", "d"}, Total: math.NaN(),
		Lower: []float64{-2, 0.5, 3, math.Inf(-1)}, Upper: []float64{4, 2.5, 3, 5},
		Rows: []lp.Row{
			{Name: "sum", Coef: []float64{1, 1, 1, 1}, Min: -4, Max: 9},
			{Name: "difference", Coef: []float64{1, -1, 0, 2}, Min: -7, Max: 6},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func sampleCases(t testing.TB) []sampleCase {
	var all []sampleCase
	for _, p := range policytest.PresetSizes {
		all = append(all, sampleCase{p.Name, policytest.PresetSolver(t, p.Name), p.Obs})
	}
	portfolio := all[0].solver.Polytope()
	return append(all,
		sampleCase{"unconstrained", solverOf(t, policytest.Simplex(t, 13).Of, "explicit"), 5},
		sampleCase{"capped", solverOf(t, cappedPortfolio(t), "explicit"), 6},
		sampleCase{"one", solverOf(t, policytest.Simplex(t, 1).Of, "explicit"), 2},
		sampleCase{"box", solverOf(t, box(t), "explicit"), 4},
		sampleCase{"lazy", solverOf(t, cappedPortfolio(t), "lazy"), 6},
		sampleCase{"clp", solverOf(t, portfolio, "clp"), 6},
	)
}

// push makes the policy's distributions narrow and skewed.
func push(t testing.TB, b policy.Backend, by float32) {
	t.Helper()
	s := policytest.MustState(t, b)
	last := 0
	for i, x := range s.Params {
		if strings.HasPrefix(x.Name, "heads.") && strings.HasSuffix(x.Name, ".weight") {
			last = i
		}
	}
	for i := range s.Params[last].Data {
		s.Params[last].Data[i] *= by
	}
	if err := b.SetState(s); err != nil {
		t.Fatal(err)
	}
}

// chainAlong returns the intervals of a solver along the actions of a sample.
func chainAlong(t testing.TB, s lp.Solver, actions []float64, limits []lp.Limits) (lower, upper []float64) {
	t.Helper()
	n := s.Polytope().Dim()
	rows := len(actions) / n
	lower, upper = make([]float64, len(actions)), make([]float64, len(actions))
	lo, hi, a := make([]float64, rows), make([]float64, rows), make([]float64, rows)
	c := s.Chain(rows)
	c.Begin(rows, limits)
	for i := range n {
		if err := c.Next(lo, hi); err != nil {
			t.Fatal(err)
		}
		for r := range rows {
			lower[r*n+i], upper[r*n+i], a[r] = lo[r], hi[r], actions[r*n+i]
		}
		c.Fix(a)
	}
	return lower, upper
}

func farthest[T float32 | float64](x, y []T) float64 {
	d := 0.
	for i := range x {
		if v := math.Abs(float64(x[i]) - float64(y[i])); !(v <= d) {
			d = v
		}
	}
	return d
}

// checkSamples compares samples of a device with the solver's intervals along the same actions, with
// the constraints, and with the density.
func checkSamples(t *testing.T, g *Backend, req *policy.Request, out *policy.Samples, tol float64) {
	t.Helper()
	n, h := g.Layout.Entities, g.Heads
	lower, upper := chainAlong(t, g.Solver, out.Actions, req.Limits)
	if d := max(farthest(lower, out.Lower), farthest(upper, out.Upper)); !(d <= tol) {
		t.Errorf("intervals differ by %g from the solver's", d)
	}
	largest, fixed := network.NoResidual, 0
	for r := range req.Rows {
		var lim *lp.Limits
		if req.Limits != nil {
			lim = &req.Limits[r]
		}
		a := out.Actions[r*n : (r+1)*n]
		res := g.Polytope().Residual(a, lim)
		largest = max(largest, res)
		if math.Abs(res-out.Residual[r]) > 1e-15 {
			t.Fatalf("row %d: the residual is %g, not %g", r, res, out.Residual[r])
		}
		var lp, entropy float64
		for i, x := range a {
			k := r*n + i
			lo, hi := out.Lower[k], out.Upper[k]
			if !(x >= lo && x <= hi) {
				t.Fatalf("row %d: entity %d is %g outside [%g, %g]", r, i, x, lo, hi)
			}
			if p := float32(x / g.Total); p != out.Prefix[k] {
				t.Fatalf("row %d: the heads see %g of entity %d, not %g", r, out.Prefix[k], i, p)
			}
			if i >= h {
				continue
			}
			j := r*h + i
			if out.Mask[j] == 0 {
				fixed++
				if hi-lo > g.Config.FixedWidth*g.Total || out.LogX[j] != 0 || out.Log1mX[j] != 0 || out.LogWidth[j] != 0 {
					t.Fatalf("row %d: entity %d in [%g, %g] is fixed, with logarithms %g, %g, %g", r, i, lo, hi, out.LogX[j], out.Log1mX[j], out.LogWidth[j])
				}
				continue
			}
			d := dist.Beta{Alpha: float64(out.Alpha[j]), Beta: float64(out.Beta[j])}
			w := float64(out.LogWidth[j])
			lp += d.LogProbLogs(float64(out.LogX[j]), float64(out.Log1mX[j])) - w
			entropy += d.Entropy() + w
			if at := dist.Between(lo, hi, float64(out.LogX[j]), float64(out.Log1mX[j])); math.Abs(at-x) > 1e-5*(hi-lo)+1e-15*math.Abs(x) || math.Abs(w-math.Log((hi-lo)/g.Total)) > 1e-6*(1+math.Abs(w)) {
				t.Fatalf("row %d: entity %d is %g, its logarithms say %g; width %g, logarithm %g", r, i, x, at, hi-lo, w)
			}
		}
		// Shapes are float32 here, and more accurate where the density is computed.
		if math.Abs(lp-float64(out.LogProb[r])) > 1e-4*(1+math.Abs(lp)) || math.Abs(entropy-float64(out.Entropy[r])) > 1e-4*(1+math.Abs(entropy)) {
			t.Fatalf("row %d: log-probability %g and entropy %g, not %g and %g", r, out.LogProb[r], out.Entropy[r], lp, entropy)
		}
	}
	if largest > maxGPUResidual || largest != out.MaxResidual && math.Abs(largest-out.MaxResidual) > 1e-15 {
		t.Errorf("the largest residual is %g, said to be %g", largest, out.MaxResidual)
	}
	if h > 0 && out.FixedShare != float64(fixed)/float64(req.Rows*h) {
		t.Errorf("the share of fixed intervals is %g, not %d of %d", out.FixedShare, fixed, req.Rows*h)
	}
	if req.Rows > 200 {
		t.Logf("largest residual of %d rows %.2g", req.Rows, largest)
	}
}

// Samples on all polytopes satisfy their constraints, and their intervals are the solver's.
func TestGPUSamples(t *testing.T) {
	for _, c := range sampleCases(t) {
		t.Run(c.name, func(t *testing.T) {
			g := newTestGPU(t, c.solver, c.obs, 64, nil)
			for _, by := range []float32{1, 30} {
				push(t, g, by)
				for _, rows := range []int{1, 63, 65, 257} {
					for _, rule := range []policy.Rule{policy.Sampled, policy.Mode, policy.Mean} {
						if rows > 65 && rule != policy.Sampled {
							continue // many rows test more only where actions are sampled
						}
						req := policytest.RandomRequest(rows, c.obs, uint64(rows))
						req.Rule = rule
						_, closed := c.solver.(closedform.Tabled)
						tol := 0.
						if !closed {
							tol = 1e-9 // warm-start bases may differ
						}
						checkSamples(t, g, req, policytest.MustSample(t, g, req), tol)
						if onHost := len(g.prog.sampler.host.active) > 0; onHost == closed {
							t.Errorf("intervals from the host: %v", onHost)
						}
					}
				}
			}
		})
	}
}

// Actions that are not sampled are those of the CPU.
func TestGPUDeterministic(t *testing.T) {
	for _, c := range sampleCases(t) {
		t.Run(c.name, func(t *testing.T) {
			cpu, g := newTestCPU(t, c.solver, c.obs, 64, nil), newTestGPU(t, c.solver, c.obs, 64, nil)
			for k, rule := range []policy.Rule{policy.Mode, policy.Mean, policy.Mode, policy.Mean} {
				if k%2 == 0 {
					by := []float32{1, 10}[k/2]
					push(t, cpu, by)
					push(t, g, by)
				}
				req := policytest.RandomRequest(130, c.obs, 5)
				req.Rule = rule
				want, got := policytest.MustSample(t, cpu, req), policytest.MustSample(t, g, req)
				for _, x := range []struct {
					name      string
					got, want []float32
				}{
					{"value", got.Value, want.Value}, {"entropy of fractions", fractions(got), fractions(want)},
					{"width", widths(got), widths(want)}, {"mask", got.Mask, want.Mask},
				} {
					if d := farthest(x.got, x.want); !(d <= 1e-4) {
						t.Errorf("%s differs by %g", x.name, d)
					}
				}
				if d := farthest(got.Actions, want.Actions); !(d <= 1e-5*g.Total) {
					t.Errorf("actions differ by %g", d)
				} else {
					t.Logf("actions differ by %.2g at most", d)
				}
			}
		})
	}
}

// widths returns the widths of intervals as shares of the total.
func widths(s *policy.Samples) []float32 {
	all := make([]float32, len(s.LogWidth))
	for i, w := range s.LogWidth {
		all[i] = float32(math.Exp(float64(w)))
	}
	return all
}

// fractions returns the entropies of the x in their intervals, without the logarithms of the
// widths, which may differ by any amount where an interval is narrow.
func fractions(s *policy.Samples) []float32 {
	all := slices.Clone(s.Entropy)
	heads := len(s.LogWidth) / len(all)
	for i, w := range s.LogWidth {
		all[i/heads] -= w
	}
	return all
}

// networks of odd sizes, and one that needs small tiles.
var networks = []struct {
	name   string
	change func(*policy.Config)
}{
	{"paper", nil},
	{"few layers", func(c *policy.Config) { c.Encoder, c.Critic, c.Heads, c.Latent = nil, nil, []int{3}, 9 }},
	{"odd", func(c *policy.Config) {
		c.Encoder, c.Critic, c.Heads, c.Latent = []int{5, 41, 3}, []int{67}, []int{33}, 7
	}},
	{"wide", func(c *policy.Config) {
		c.Encoder, c.Critic, c.Heads, c.Latent = []int{200}, []int{130, 65}, []int{129, 34}, 70
	}},
}

// fromBatch reads floats of the last launch from the device.
func fromBatch(t testing.TB, g *Backend, at uint64, n int) []float32 {
	t.Helper()
	x := make([]float32, n)
	p := g.prog
	if err := p.ctx.Do(func() error {
		if err := p.stream.CopyOut(bytesOf(x), p.sampler.batch.base+cuda.Ptr(at)); err != nil {
			return err
		}
		return p.stream.Sync()
	}); err != nil {
		t.Fatal(err)
	}
	return x
}

// logitsOf returns the offset of the logits of the training pass.
func logitsOf(t testing.TB, g *Backend) int64 {
	t.Helper()
	name := fmt.Sprintf("heads.%d", len(g.Layout.Head)-1)
	for _, n := range g.prog.at.plan.Nodes() {
		if at, ok := g.prog.at.plan.Offset(n); ok && n.Name() == name {
			return at
		}
	}
	t.Fatalf("the plan has no %s", name)
	return 0
}

// Logits, and so log-probabilities, have the same bits in sampling as in the training pass.
func TestGPUDecodingAgreesWithTraining(t *testing.T) {
	for _, c := range []sampleCase{sampleCases(t)[0], {"host", policytest.Simplex(t, 4), 5}} {
		for _, net := range networks {
			t.Run(c.name+"/"+net.name, func(t *testing.T) {
				const rows = 70
				g := newTestGPU(t, c.solver, c.obs, rows, net.change)
				push(t, g, 20)
				req := policytest.RandomRequest(rows, c.obs, 8)
				out := policytest.MustSample(t, g, req)
				decoded := fromBatch(t, g, g.prog.sampler.batch.args.Logits, rows*2*g.Layout.Heads)
				learn(t, g, policytest.RandomBatch(req, out, 1), policytest.StepSettings(), policytest.FirstRows(rows))
				at := logitsOf(t, g)
				if trained := onDevice(t, g, at, len(decoded)); !slices.Equal(decoded, trained) {
					t.Errorf("logits differ by %g", farthest(decoded, trained))
				}
				if old := onDevice(t, g, g.prog.at.oldLogProb, rows); !slices.Equal(old, out.LogProb) {
					t.Errorf("log-probabilities differ by %g", farthest(old, out.LogProb))
				}
			})
		}
	}
}
