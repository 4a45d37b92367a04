package joint

import (
	"math"
	"math/rand/v2"
	"testing"

	"paspo/lp"
	"paspo/lp/constraints"
	"paspo/policy"
)

// must returns made, and panics where it could not be made.
func must[T any](made T, err error) T {
	if err != nil {
		panic(err)
	}
	return made
}

func polytope(d lp.Description) *lp.Polytope { return must(lp.New(d)) }

// preset returns a preset polytope.
func preset(name string) *lp.Polytope { return must(constraints.Preset(name, 0)) }

// confined are the families whose actions satisfy every constraint.
func confined(p *lp.Polytope) map[string]policy.Family {
	out := projecting(p)
	out["ray-mask"] = must(NewRayMask(p, policy.DefaultConfig()))
	out["truncated-normal"] = must(NewTruncatedNormal(p, DefaultTruncatedConfig()))
	return out
}

// projecting are the families that project, and so need no facets.
func projecting(p *lp.Polytope) map[string]policy.Family {
	cfg := policy.DefaultConfig()
	return map[string]policy.Family{
		"dirichlet-projected": must(NewDirichletProjected(p, cfg)), "aram": must(NewAcceptReject(p, cfg, 10, 1, 0.2)),
		"projection": must(NewProjection(p, 1)),
	}
}

// buffers returns outputs of 0, and space for a draw and its action.
func buffers(f policy.Family) (z, draw []float32, action []float64) {
	return make([]float32, f.Outputs()), make([]float32, f.DrawSize()), make([]float64, f.Polytope().Dim())
}

// normal fills outputs with normal variates of a deviation.
func normal(r *rand.Rand, deviation float64, all ...[]float32) {
	for i := range all[0] {
		for _, z := range all {
			z[i] = float32(deviation * r.NormFloat64())
		}
	}
}

// difference returns the central difference of f in output i with step h. Outputs are float32,
// so that it divides by how far they really moved.
func difference(f func(z, grad []float32) float64, z []float32, i int, h float32) float64 {
	old := z[i]
	z[i] = old + h
	up, high := f(z, nil), z[i]
	z[i] = old - h
	down, low := f(z, nil), z[i]
	z[i] = old
	return (up - down) / float64(high-low)
}

// checkGradient compares a gradient with respect to z with differences.
func checkGradient(t *testing.T, name string, z []float32, tolerance float64, f func(z, grad []float32) float64) {
	t.Helper()
	grad := make([]float32, len(z))
	f(z, grad)
	for i := range z {
		if want := difference(f, z, i, 1./1024); math.Abs(float64(grad[i])-want) > tolerance*(1+math.Abs(want)) {
			t.Errorf("%s: gradient %g by output %d, want %g by differences", name, grad[i], i, want)
		}
	}
}
