package rl_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/stat"

	"paspo/internal/rng"
	"paspo/lp"
	"paspo/lp/constraints"
	"paspo/lp/interval"
	"paspo/policy"
	"paspo/policy/cpu"
	"paspo/policy/debias"
	"paspo/ppo"
	"paspo/rl"
)

// inUnits is d with amounts multiplied by unit, and rows by size.
func inUnits(d lp.Description, unit, size float64) lp.Description {
	times := func(x []float64, by float64) []float64 {
		var y []float64
		for _, v := range x {
			y = append(y, v*by)
		}
		return y
	}
	d.Total *= unit
	d.Lower, d.Upper = times(d.Lower, unit), times(d.Upper, unit)
	rows := d.Rows
	d.Rows = nil
	for _, r := range rows {
		d.Rows = append(d.Rows, lp.Row{Name: r.Name, Coef: times(r.Coef, size), Min: r.Min * unit * size, Max: r.Max * unit * size})
	}
	return d
}

// trainedDescriptions are polytopes with and without a budget, caps and equalities.
func trainedDescriptions(t *testing.T) []lp.Description {
	free := math.Inf(1)
	portfolio, err := constraints.Preset("portfolio", 0)
	if err != nil {
		t.Fatal(err)
	}
	rows := lp.Description{Name: "portfolio", Total: 1, Lower: make([]float64, portfolio.Dim())}
	a, b, names := portfolio.Inequalities()
	for k, v := range b {
		rows.Rows = append(rows.Rows, lp.Row{Name: names[k], Coef: a[k*portfolio.Dim() : (k+1)*portfolio.Dim()], Min: -free, Max: v})
	}
	return []lp.Description{
		rows,
		{Name: "no total", Total: math.NaN(), Lower: []float64{-1, 0, 0.5}, Upper: []float64{2, 3, 0.75}, Rows: []lp.Row{
			{Name: "r", Coef: []float64{1, 2, -1}, Min: -free, Max: 4},
		}},
		{Name: "total as a row", Total: math.NaN(), Lower: []float64{0, 0, 0}, Rows: []lp.Row{
			{Name: "sum", Coef: []float64{1, 1, 1}, Min: 1, Max: 1}, {Name: "cap", Coef: []float64{1, 0, 0.5}, Min: -free, Max: 0.4},
		}},
		{Name: "equality beside the total", Total: 1, Lower: []float64{0, 0, 0, 0}, Upper: []float64{0.4, 0.5, 0.3, 0.9}, Rows: []lp.Row{
			{Name: "e", Coef: []float64{1, 2, 0.5, 0}, Min: 0.6, Max: 0.6}, {Name: "range", Coef: []float64{1, 0, 0.5, 0.25}, Min: 0.1, Max: 0.4},
		}},
	}
}

// A policy that is trained on amounts in another unit, and rows in another scale, takes the
// same steps and the same actions: to the bit for powers of two.
func TestTrainingDoesNotDependOnUnits(t *testing.T) {
	for _, d := range trainedDescriptions(t) {
		plain := trainIn(t, d, 1, fitted(t, d))
		for _, by := range [][2]float64{{0x1p20, 1}, {0x1p-30, 0x1p40}, {1e12, 1e-14}, {1e-12, 1e14}} {
			other := inUnits(d, by[0], by[1])
			got := trainIn(t, other, by[0], fitted(t, other))
			near := 1e-3 // of single precision, after some steps
			if exact := by[0] != 1e12 && by[0] != 1e-12; exact {
				near = 0
			}
			for name, want := range plain {
				if v, ok := got[name]; !ok || math.Abs(v-want) > near*max(1, math.Abs(want)) {
					t.Errorf("%s, amounts by %g, rows by %g: %s is %v, not %v", d.Name, by[0], by[1], name, v, want)
				}
			}
		}
	}
}

// A policy that is trained under the same constraints, stated differently, takes the same steps and
// the same actions: with rows in another order, scale or number, and equalities as pairs of
// inequalities. The equality of the last entity has to stay one, since the number of heads depends
// on it.
func TestTrainingDoesNotDependOnRows(t *testing.T) {
	for _, d := range trainedDescriptions(t) {
		fit := fitted(t, d) // one for all: under other rows other points would be drawn
		plain := trainIn(t, d, 1, fit)
		for way, rows := range otherRows(d) {
			w := d
			w.Rows = rows
			got := trainIn(t, w, 1, fit)
			for name, x := range got {
				if want, ok := plain[name]; !ok || !(math.Abs(x-want) <= 1e-9*max(1, math.Abs(want))) {
					t.Errorf("%s, %s: %s is %v, not %v", d.Name, way, name, x, want)
				}
			}
			if len(got) != len(plain) {
				t.Errorf("%s, %s: %d numbers, not %d", d.Name, way, len(got), len(plain))
			}
		}
	}
}

// otherRows are ways to state the rows of d.
func otherRows(d lp.Description) map[string][]lp.Row {
	by := func(size float64, r lp.Row) lp.Row {
		s := lp.Row{Name: fmt.Sprint(r.Name, " by ", size), Min: r.Min * size, Max: r.Max * size}
		for _, c := range r.Coef {
			s.Coef = append(s.Coef, c*size)
		}
		if size < 0 {
			s.Min, s.Max = s.Max, s.Min
		}
		return s
	}
	sum := lp.Row{Name: "sum of all", Coef: make([]float64, len(d.Lower)), Min: math.Inf(-1), Max: 0.1}
	ways := map[string][]lp.Row{}
	for k, r := range d.Rows {
		add := func(way string, rows ...lp.Row) { ways[way] = append(ways[way], rows...) }
		add("backwards", d.Rows[len(d.Rows)-1-k])
		add("in other scales", by([]float64{3e14, 7e-14, 0.1}[k%3], r))
		add("mirrored", by(-1, r))
		add("twice", r, by(0.7, r))
		sum.Max += r.Max
		for j, c := range r.Coef {
			sum.Coef[j] += c
		}
		if r.Coef[len(r.Coef)-1] == 0 || r.Min < r.Max {
			below, above := by(-1, r), r
			below.Min, above.Min = math.Inf(-1), math.Inf(-1)
			if math.IsInf(r.Min, -1) {
				add("in pairs", r)
			} else {
				add("in pairs", below, above)
			}
		} else {
			add("in pairs", r)
		}
	}
	ways["with one that is redundant"] = append(slices.Clone(d.Rows), sum)
	return ways
}

// The order of the entities is that in which a policy chooses, so that one in another order is
// another policy. What it chooses from is the same: actions of either are allocations of both,
// and where both start from uniform allocations, on average they are the same ones.
func TestPolicyOfEntitiesInAnotherOrder(t *testing.T) {
	const rows = 2000
	for _, d := range trainedDescriptions(t) {
		n := len(d.Lower)
		order := rand.New(rng.New(3, "order")).Perm(n)
		to := func(x []float64) []float64 {
			if x == nil {
				return nil
			}
			y := make([]float64, n)
			for j, o := range order {
				y[j] = x[o]
			}
			return y
		}
		other := d
		other.Lower, other.Upper = to(d.Lower), to(d.Upper)
		other.Rows = slices.Clone(d.Rows)
		for k := range other.Rows {
			other.Rows[k].Coef = to(other.Rows[k].Coef)
		}
		var polytopes [2]*lp.Polytope
		var mean, spread [2][]float64 // in the order of d
		for k, e := range []lp.Description{d, other} {
			tr, backend := newInUnits(t, e, 1, fitted(t, e))
			defer tr.Close()
			polytopes[k] = backend.Polytope()
			req := &policy.Request{Rows: rows, Rule: policy.Sampled, Obs: slices.Repeat([]float64{1}, rows)}
			for r := range rows {
				req.Streams = append(req.Streams, rng.New(4, "row").Split(uint64(r)))
			}
			out := &policy.Samples{}
			if err := backend.Sample(req, out); err != nil {
				t.Fatal(err)
			}
			if k == 1 { // back in the order of d
				for a := range slices.Chunk(out.Actions, n) {
					was := slices.Clone(a)
					for j, o := range order {
						a[o] = was[j]
					}
				}
			}
			for j := range n {
				column := make([]float64, rows)
				for r := range column {
					column[r] = out.Actions[r*n+j]
				}
				m, s := stat.MeanStdDev(column, nil)
				mean[k], spread[k] = append(mean[k], m), append(spread[k], s)
			}
			for a := range slices.Chunk(out.Actions, n) {
				if res := max(polytopes[0].Residual(a, nil), polytopes[k].Residual(map[int][]float64{0: a, 1: to(a)}[k], nil)); !(res <= 1e-9) {
					t.Fatalf("%s: residual %g", d.Name, res)
				}
			}
		}
		for j := range n {
			size := polytopes[0].Sizes()[j]
			t.Logf("%s, entity %d: %.4f +- %.4f and %.4f +- %.4f of %.3g", d.Name, j, mean[0][j], spread[0][j], mean[1][j], spread[1][j], size)
			if far := max(math.Abs(mean[0][j]-mean[1][j]), math.Abs(spread[0][j]-spread[1][j])); !(far <= 0.05*size) {
				t.Errorf("%s, entity %d: %g +- %g, and %g +- %g in another order", d.Name, j, mean[0][j], spread[0][j], mean[1][j], spread[1][j])
			}
		}
	}
}

// trainIn returns metrics and actions, the latter over the unit.
func trainIn(t *testing.T, d lp.Description, unit float64, fit *policy.Fit) map[string]float64 {
	t.Helper()
	tr, backend := newInUnits(t, d, unit, fit)
	defer tr.Close()
	out := map[string]float64{}
	for range 5 {
		m, err := tr.Iterate(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		if !(m.MaxResidual <= 1e-9) {
			t.Errorf("residual %g", m.MaxResidual)
		}
		for name, v := range m.Scalars() {
			if !strings.Contains(name, "second") && name != "max_residual" {
				out[name] = v
			}
		}
	}
	s, err := rl.NewActor(backend).Act([]float64{1}, nil, policy.Mode, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i, a := range s.Actions {
		out["the action on "+backend.Polytope().Entities()[i]] = a / unit
	}
	return out
}

// newInUnits makes a policy that starts from a fit, and its training.
func newInUnits(t *testing.T, d lp.Description, unit float64, fit *policy.Fit) (*rl.Trainer, policy.Backend) {
	t.Helper()
	problem, err := newCurve(d, func(a []float64) float64 { return 3*a[0]/unit - a[1]/unit*a[1]/unit })
	if err != nil {
		t.Fatal(err)
	}
	solver, err := interval.New(problem.polytope, interval.DefaultConfig())
	if err != nil {
		t.Fatal(err)
	}
	cfg := smallConfig()
	cfg.LR, cfg.EvalEvery = 0.003, 0
	pc := policy.DefaultConfig()
	pc.Encoder, pc.Latent, pc.Heads, pc.Critic = []int{8}, 8, []int{8}, []int{8}
	backend, err := cpu.New(solver, 1, cfg.Minibatch, pc, fit, 7)
	if err != nil {
		t.Fatal(err)
	}
	tr, err := ppo.New(problem, backend, cfg, 7)
	if err != nil {
		t.Fatal(err)
	}
	return tr, backend
}

// fitted returns the fit of policies on d to uniform allocations.
func fitted(t *testing.T, d lp.Description) *policy.Fit {
	t.Helper()
	problem, err := newCurve(d, nil)
	if err != nil {
		t.Fatal(err)
	}
	solver, err := interval.New(problem.polytope, interval.DefaultConfig())
	if err != nil {
		t.Fatal(err)
	}
	cfg := debias.DefaultConfig()
	cfg.CacheDir, cfg.Points = "", 2000
	fit, err := debias.Fit(problem.polytope, solver, cfg, 1)
	if err != nil {
		t.Fatal(err)
	}
	return fit
}
