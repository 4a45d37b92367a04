package envs_test

import (
	"math"
	"strings"
	"testing"

	"paspo/envs"
	"paspo/envs/benchmarks"
)

// penalised is a benchmark that takes a weight times the sum of excesses off rewards.
func penalised(t *testing.T, name string, weight float64) envs.Problem {
	t.Helper()
	c := benchmarks.DefaultConfig()
	c.Name, c.Portfolio.Penalty, c.Compute.Penalty = name, weight, weight
	p, err := benchmarks.New(c, nil)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// A penalty takes the weight times the sum of scaled excesses off the reward of an action that
// breaks constraints, off the expectation too, and nothing off that of another one; whether a Copy
// takes the action or a Vector, which does not measure every residual.
func TestPenalty(t *testing.T) {
	const weight, seed = 3, 5
	for _, name := range []string{"portfolio", "portfolio-limited", "compute"} {
		free, costly := penalised(t, name, 0), penalised(t, name, weight)
		p := free.Spec().Polytope
		n := p.Dim()
		a, err := envs.NewCopy(free, 0, envs.EpisodeStream(seed, 0))
		if err != nil {
			t.Fatal(err)
		}
		b, err := envs.NewCopy(costly, 0, envs.EpisodeStream(seed, 0))
		if err != nil {
			t.Fatal(err)
		}
		few, all := envs.VectorConfig{Count: 1, Seed: seed, Audit: 7}, envs.VectorConfig{Count: 1, Seed: seed}
		v, w := newVector(t, costly, few), newVector(t, free, all)
		excesses := make([]float64, p.Constraints())
		broken, kept := 0, 0
		for step := range 40 {
			action := somewhere(step, 1, n)
			if step%4 == 0 {
				if action, err = envs.EqualWeights(p); err != nil {
					t.Fatal(err)
				}
			}
			p.Excesses(action, a.Limits(), excesses)
			var charge float64
			for _, x := range excesses {
				charge += weight * x
			}
			want, done, err := a.Step(action)
			if err != nil {
				t.Fatal(err)
			}
			got, _, err := b.Step(action)
			if err != nil {
				t.Fatal(err)
			}
			if a.Residual() <= envs.Violation {
				charge = 0
				kept++
			} else {
				broken++
			}
			if math.Abs(got-(want-charge)) > 1e-12 {
				t.Fatalf("%s: reward %g, want %g less %g", name, got, want, charge)
			}
			was, ok := a.Expected()
			if is, _ := b.Expected(); ok && math.Abs(is-(was-charge)) > 1e-12 {
				t.Errorf("%s: expectation %g, want %g less %g", name, is, was, charge)
			}
			if err := v.Step(action); err != nil {
				t.Fatal(err)
			}
			if err := w.Step(action); err != nil {
				t.Fatal(err)
			}
			if r := w.Residuals()[0]; r > envs.Violation && !(v.Rewards()[0] < w.Rewards()[0]) {
				t.Errorf("%s: a vector rewards an action of residual %g with %g, without a penalty with %g", name, r, v.Rewards()[0], w.Rewards()[0])
			}
			if done {
				if a.Reset() != nil || b.Reset() != nil {
					t.Fatal("no reset")
				}
			}
		}
		if broken == 0 || kept == 0 && name != "portfolio-limited" {
			t.Errorf("%s: %d actions break constraints, %d do not", name, broken, kept)
		}
	}
}

// dear is a problem whose Coster fails.
type dear struct {
	envs.Problem
	charge func() float64
}

func (d dear) Infeasible() func(action []float64, excess, reward float64) float64 {
	return func([]float64, float64, float64) float64 { return d.charge() }
}

// A panic of a Coster, or a reward of its that is not finite, is a fault of the environment.
func TestCosterFaults(t *testing.T) {
	for want, charge := range map[string]func() float64{
		"Infeasible": func() float64 { panic("no price") },
		"the reward": func() float64 { return math.NaN() },
	} {
		c, err := envs.NewCopy(dear{named(t, "portfolio"), charge}, 0, envs.EpisodeStream(1, 0))
		if err != nil {
			t.Fatal(err)
		}
		action := make([]float64, 13)
		action[1] = 1
		_, _, err = c.Step(action)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one about %s", err, want)
		}
	}
}
