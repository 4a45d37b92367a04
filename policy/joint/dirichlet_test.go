package joint

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"paspo/internal/long"
	"paspo/internal/rng"
	"paspo/lp"
	"paspo/policy"
)

func TestDirichletGradients(t *testing.T) {
	p := polytope(lp.Description{Entities: []string{"a", "b", "c", "d"}, Total: 2})
	d := must(NewDirichlet(p, policy.DefaultConfig()))
	n := d.Outputs()
	r := rand.New(rng.New(3))
	z, z0, draw, action := make([]float32, n), make([]float32, n), make([]float32, d.DrawSize()), make([]float64, n)
	for range 20 {
		normal(r, 1, z, z0)
		if err := d.Sample(z, policy.Sampled, nil, rng.New(r.Uint64()), draw, action); err != nil {
			t.Fatal(err)
		}
		checkGradient(t, "log-prob", z, 1e-4, func(z, g []float32) float64 { return d.LogProb(z, draw, g) })
		checkGradient(t, "entropy", z, 1e-4, d.Entropy)
		checkGradient(t, "KL", z, 1e-4, func(z, g []float32) float64 { return d.KL(z0, z, g) })
		// The Fisher information is the Hessian of KL.
		v, got := make([]float32, n), make([]float32, n)
		for i := range v {
			v[i] = float32(r.NormFloat64())
		}
		d.Fisher(z, v, got)
		const h = 1. / 256
		up, down, near := make([]float32, n), make([]float32, n), make([]float32, n)
		for i := range z {
			near[i] = z[i] + h*v[i]
		}
		d.KL(z, near, up)
		for i := range z {
			near[i] = z[i] - h*v[i]
		}
		d.KL(z, near, down)
		for i := range got {
			if want := float64(up[i]-down[i]) / (2 * h); math.Abs(float64(got[i])-want) > 2e-3*(1+math.Abs(want)) {
				t.Errorf("F v = %g, want %g by differences", got[i], want)
			}
		}
	}
}

// Actions are on the simplex of the budget and the lower bounds, those of a state too.
func TestDirichletActions(t *testing.T) {
	long.Test(t)
	p := polytope(lp.Description{Entities: []string{"a", "b", "c"}, Total: 2, Lower: []float64{0, -1, 0.5}})
	d := must(NewDirichlet(p, policy.DefaultConfig()))
	draw, action := make([]float32, 3), make([]float64, 3)
	s := rng.New(1)
	for _, lim := range []*lp.Limits{nil, {F: []float64{7}}, {Lower: []float64{0.1, 0.2, 0.3}}} {
		for _, rule := range []policy.Rule{policy.Sampled, policy.Mode, policy.Mean} {
			if err := d.Sample([]float32{0, 1, 2}, rule, lim, s, draw, action); err != nil {
				t.Fatal(err)
			}
			if r := p.Residual(action, lim); r > 1e-14 {
				t.Errorf("limits %v, rule %v: the action %v has the residual %g", lim, rule, action, r)
			}
		}
	}
}

// Huge outputs give finite numbers.
func TestDirichletExtremes(t *testing.T) {
	p := polytope(lp.Description{Entities: []string{"a", "b"}, Total: 1})
	d := must(NewDirichlet(p, policy.DefaultConfig()))
	draw, action, grad := make([]float32, 2), make([]float64, 2), make([]float32, 2)
	for _, z := range [][]float32{{-1e30, -1e30}, {1e30, 1e30}, {1e30, -1e30}} {
		if err := d.Sample(z, policy.Sampled, nil, rng.New(2), draw, action); err != nil {
			t.Fatal(err)
		}
		for _, x := range []float64{d.LogProb(z, draw, grad), d.Entropy(z, grad), d.KL(z, []float32{0, 0}, grad), float64(grad[0]), float64(grad[1]), action[0]} {
			if math.IsNaN(x) || math.IsInf(x, 0) {
				t.Errorf("z = %v: %g", z, x)
			}
		}
	}
}

func TestDirichletRefusals(t *testing.T) {
	for want, desc := range map[string]lp.Description{
		"budget":       {Entities: []string{"a", "b"}, Total: math.NaN(), Upper: []float64{1, 1}},
		"two entities": {Entities: []string{"a"}, Total: 1},
	} {
		if _, err := NewDirichlet(polytope(desc), policy.DefaultConfig()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one that says %q", err, want)
		}
	}
}
