package channels

import (
	"math/rand/v2"
	"strings"
	"testing"

	"paspo/envs"
	"paspo/internal/long"
	"paspo/lp"
)

// The optimum is feasible in every state, and since the reward is concave it is one if
// no linear program finds a direction in which the reward rises.
func TestBest(t *testing.T) {
	p, err := New()
	if err != nil {
		t.Fatal(err)
	}
	e := p.New().(*Env)
	r := rand.New(rand.NewPCG(1, 2))
	obs, a, cost := make([]float64, p.Spec().ObsDim), make([]float64, entities), make([]float64, entities)
	e.Reset(r, obs)
	atCap, full := 0, 0
	for step := range 200 {
		var lim lp.Limits
		e.Limits(&lim)
		p.Best(obs, a)
		if res := p.Spec().Polytope.Residual(a, &lim); res > 1e-9 {
			t.Fatalf("state %d: residual %g", step, res)
		}
		const h = 1e-6
		for i := range a {
			b := append([]float64(nil), a...)
			b[i] += h
			up := p.reward(e.pull[:], b)
			b[i] -= 2 * h
			cost[i] = -(up - p.reward(e.pull[:], b)) / (2 * h)
			if a[i] == e.caps[i] {
				atCap++
			}
		}
		for g := range groups {
			var sum float64
			for _, x := range a[g*groupSize : (g+1)*groupSize] {
				sum += x
			}
			if sum > groupCap-1e-6 {
				full++
			}
		}
		_, least, err := p.Spec().Polytope.Minimize(cost, &lim)
		if err != nil {
			t.Fatal(err)
		}
		var own float64
		for i := range a {
			own += cost[i] * a[i]
		}
		// own - least bounds what the best allocation has above this one.
		if gap := own - least; gap > 1e-6*p.reward(e.pull[:], a) {
			t.Fatalf("state %d: another allocation earns up to %g more", step, gap)
		}
		if _, done := e.Step(r, a, obs); done {
			e.Reset(r, obs)
		}
	}
	if atCap == 0 || full == 0 {
		t.Errorf("%d channels at their caps and %d full groups: both should occur", atCap, full)
	}
}

func TestReferences(t *testing.T) {
	long.Test(t)
	p, err := New()
	if err != nil {
		t.Fatal(err)
	}
	if err := envs.CheckSnapshots(p); err != nil {
		t.Fatal(err)
	}
	all, err := p.References(1)
	if err != nil {
		t.Fatal(err)
	}
	last := 0.
	for _, b := range all {
		out, err := envs.Play(p, b.Allocator, 100, 100, 1)
		if err != nil {
			t.Fatal(err)
		}
		m, se := envs.MeanAndError(out.Returns)
		t.Logf("%s %.3f +- %.3f", b.Name, m, se)
		if out.Violations > 0 || out.MaxResidual > 1e-9 {
			t.Errorf("%s: %d violations, largest residual %g", b.Name, out.Violations, out.MaxResidual)
		}
		last = max(last, m)
	}
	out, err := envs.Play(p, all[len(all)-1].Allocator, 100, 100, 1)
	if err != nil {
		t.Fatal(err)
	}
	if m, _ := envs.MeanAndError(out.Returns); m != last {
		t.Errorf("the optimum earns %v, a reference policy %v", m, last)
	}
}

// Observations that the environment shows pass, those that it cannot show are named.
func TestCheckObservation(t *testing.T) {
	p, err := New()
	if err != nil {
		t.Fatal(err)
	}
	e, r, obs, a := p.New(), rand.New(rand.NewPCG(3, 4)), make([]float64, 2*entities), make([]float64, entities)
	e.Reset(r, obs)
	for range 100 {
		if err := p.CheckObservation(obs); err != nil {
			t.Fatal(err)
		}
		e.Step(r, a, obs)
	}
	for i, x := range map[int]float64{3: -1, entities + 2: 0.3} {
		wrong := append([]float64(nil), obs...)
		wrong[i] = x
		if err := p.CheckObservation(wrong); err == nil || !strings.Contains(err.Error(), p.spec.ObsNames[i]) {
			t.Errorf("component %d is %g: %v", i, x, err)
		}
	}
}
