package rl_test

import (
	"context"
	"math"
	"strings"
	"testing"

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

// A policy that is trained on amounts in another unit, and rows in another scale, takes the
// same steps and the same actions: to the bit for powers of two.
func TestTrainingDoesNotDependOnUnits(t *testing.T) {
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
	for _, d := range []lp.Description{
		rows,
		{Name: "no total", Total: math.NaN(), Lower: []float64{-1, 0, 0.5}, Upper: []float64{2, 3, 0.75}, Rows: []lp.Row{
			{Name: "r", Coef: []float64{1, 2, -1}, Min: -free, Max: 4},
		}},
		{Name: "total as a row", Total: math.NaN(), Lower: []float64{0, 0, 0}, Rows: []lp.Row{
			{Name: "sum", Coef: []float64{1, 1, 1}, Min: 1, Max: 1}, {Name: "cap", Coef: []float64{1, 0, 0.5}, Min: -free, Max: 0.4},
		}},
	} {
		plain := trainIn(t, d, 1, 1)
		for _, by := range [][2]float64{{0x1p20, 1}, {0x1p-30, 0x1p40}, {1e6, 1}, {1e-6, 1e-12}} {
			got := trainIn(t, d, by[0], by[1])
			near := 1e-3 // of single precision, after some steps
			if exact := by[0] != 1e6 && by[0] != 1e-6; exact {
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

// trainIn returns metrics and actions, the latter over the unit.
func trainIn(t *testing.T, d lp.Description, unit, size float64) map[string]float64 {
	t.Helper()
	problem, err := newCurve(inUnits(d, unit, size), func(a []float64) float64 { return 3*a[0]/unit - a[1]/unit*a[1]/unit })
	if err != nil {
		t.Fatal(err)
	}
	solver, err := interval.New(problem.polytope, interval.DefaultConfig())
	if err != nil {
		t.Fatal(err)
	}
	fits := debias.DefaultConfig()
	fits.CacheDir, fits.Points = "", 2000
	fit, err := debias.Fit(problem.polytope, solver, fits, 1)
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
		out["the action on "+problem.polytope.Entities()[i]] = a / unit
	}
	return out
}
