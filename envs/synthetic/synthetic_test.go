package synthetic

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"paspo/envs"
	"paspo/envs/internal/envstest"
	"paspo/internal/long"
	"paspo/internal/reference"
	"paspo/internal/rng"
	"paspo/lp/constraints"
)

func newSynthetic(t testing.TB, edit func(*Config)) *Problem {
	t.Helper()
	c := DefaultConfig()
	if edit != nil {
		edit(&c)
	}
	p, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

type recorded struct {
	envstest.FixedPolicies
	Best   []float64 `json:"max_reward_over_vertices_per_state"`
	Traces []struct {
		Obs0  []float64
		Steps []struct {
			Action, Obs []float64
			Reward      float64
			Done        bool
		}
	}
}

// The recorded rewards were computed in single precision.
func TestSyntheticTraces(t *testing.T) {
	var ref recorded
	reference.Read(t, "env_synth7.json", &ref)
	p := newSynthetic(t, nil)
	if len(ref.Traces) == 0 {
		t.Fatal("no traces")
	}
	for k, trace := range ref.Traces {
		e, obs := p.New(), make([]float64, p.Spec().ObsDim)
		e.Reset(nil, obs)
		if d := envstest.MaxDifference(obs, trace.Obs0); d > 0 {
			t.Errorf("trace %d: first observation is %v, want %v", k, obs, trace.Obs0)
		}
		for i, s := range trace.Steps {
			reward, done := e.Step(nil, s.Action, obs)
			if math.Abs(reward-s.Reward) > 2e-6*math.Abs(s.Reward) || done != s.Done {
				t.Errorf("trace %d step %d: reward %v, done %v, want %v, %v", k, i, reward, done, s.Reward, s.Done)
			}
			if d := envstest.MaxDifference(obs, s.Obs); d > 0 {
				t.Errorf("trace %d step %d: observation is %v, want %v", k, i, obs, s.Obs)
			}
		}
	}
}

func TestSyntheticFixedPolicies(t *testing.T) {
	long.Test(t)
	var ref recorded
	reference.Read(t, "env_synth7.json", &ref)
	ref.Check(t, newSynthetic(t, nil), 10000, 2, nil)
}

func TestSyntheticOptimum(t *testing.T) {
	long.Test(t)
	var ref recorded
	reference.Read(t, "env_synth7.json", &ref)
	p := newSynthetic(t, nil)
	o, err := p.Optimum(1)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("optimum %.6f, %v from %d starts", o.Return, o.Rewards, o.Starts)
	for s, best := range ref.Best {
		if o.Rewards[s] < best-1e-5 {
			t.Errorf("state %d: the search found %v, a vertex gives %v", s, o.Rewards[s], best)
		}
		if r := p.Spec().Polytope.Residual(o.Actions[s], nil); r > 1e-9 {
			t.Errorf("state %d: residual %g", s, r)
		}
		if got := p.net.reward(s, o.Actions[s], nil); math.Abs(got-o.Rewards[s]) > 1e-9 {
			t.Errorf("state %d: the action gives %v, not %v", s, got, o.Rewards[s])
		}
	}
	out, err := envs.Play(p, o.Allocator(), 2, 2, 1)
	if err != nil {
		t.Fatal(err)
	}
	if math.Abs(out.Returns[1]-o.Return) > 1e-9 || out.Violations > 0 {
		t.Errorf("played, the optimum returns %v with %d violations, want %v", out.Returns[1], out.Violations, o.Return)
	}
	if math.Abs(o.Return-13.978) > 5e-3 {
		t.Errorf("the optimum found is %v, the best vertices give 13.978", o.Return)
	}
}

// Of a larger instance the vertices are known where only the budget binds.
func TestSyntheticOptimumGenerated(t *testing.T) {
	long.Test(t)
	const n = 20
	polytope, err := constraints.Preset("unconstrained", n)
	if err != nil {
		t.Fatal(err)
	}
	p := newSynthetic(t, func(c *Config) { c.Entities, c.States, c.Seed, c.Polytope = n, 3, 5, polytope })
	o, err := p.Optimum(1)
	if err != nil {
		t.Fatal(err)
	}
	r := envs.EpisodeStream(2, 0)
	a := make([]float64, n)
	for s := range 3 {
		best := math.Inf(-1)
		for k := range n {
			clear(a)
			a[k] = 1
			best = max(best, p.net.reward(s, a, nil))
		}
		for range 20000 {
			var sum float64
			for i := range a {
				a[i] = math.Pow(r.ExpFloat64(), 3)
				sum += a[i]
			}
			for i := range a {
				a[i] /= sum
			}
			best = max(best, p.net.reward(s, a, nil))
		}
		if o.Rewards[s] < best-1e-9 {
			t.Errorf("state %d: the search found %v, a vertex or a random point gives %v", s, o.Rewards[s], best)
		}
	}
}

func TestRewardGradient(t *testing.T) {
	var net rewardNet
	net.generate(5, 3)
	r := envs.EpisodeStream(1, 1)
	a, g := make([]float64, 5), make([]float64, 5)
	for range 50 {
		for i := range a {
			a[i] = r.Float64()
		}
		net.reward(1, a, g)
		for i := range a {
			const h = 1e-6
			x := a[i]
			a[i] = x + h
			up := net.reward(1, a, nil)
			a[i] = x - h
			down := net.reward(1, a, nil)
			a[i] = x
			if d := (up - down) / (2 * h); math.Abs(d-g[i]) > 1e-5 {
				t.Fatalf("gradient %v, difference quotient %v", g[i], d)
			}
		}
	}
}

// Outside the simplex by (d, ..., d) from a point strictly inside the other constraints, the
// distance is known.
func TestSyntheticPenalty(t *testing.T) {
	p, free := newSynthetic(t, func(c *Config) { c.Penalty = true }), newSynthetic(t, nil)
	a, err := envs.EqualWeights(p.Spec().Polytope)
	if err != nil {
		t.Fatal(err)
	}
	earned := func(p *Problem, a []float64) float64 {
		c, err := envs.NewCopy(p, 0, envs.EpisodeStream(1, 0))
		if err != nil {
			t.Fatal(err)
		}
		reward, _, err := c.Step(a)
		if err != nil {
			t.Fatal(err)
		}
		return reward
	}
	if got, want := earned(p, a), earned(free, a); got != want {
		t.Errorf("a feasible action is rewarded with %v, want %v", got, want)
	}
	const d = 0.01
	for i := range a {
		a[i] += d // off the budget, along its normal
	}
	want := -5*d*math.Sqrt(7) - 10
	if got := earned(p, a); math.Abs(got-want) > 1e-6 {
		t.Errorf("an infeasible action is rewarded with %v, want %v", got, want)
	}
}

func TestSyntheticGenerated(t *testing.T) {
	// The network does not need the polytope to fit another instance's.
	var a, b, c rewardNet
	a.generate(7, 1)
	b.generate(7, 1)
	c.generate(7, 2)
	if envstest.MaxDifference(a.w1, b.w1) != 0 || a.b3 != b.b3 {
		t.Error("equal seeds give different networks")
	}
	if envstest.MaxDifference(a.w1, c.w1) == 0 {
		t.Error("different seeds give equal networks")
	}
	for _, bad := range []Config{
		{Entities: 0, States: 2, Seed: 1}, {Entities: 5, States: 2}, {Entities: 7, States: 0},
		{Entities: 5, States: 2, Seed: 1, Rows: -1},
	} {
		if _, err := New(bad); err == nil {
			t.Errorf("%+v was accepted", bad)
		}
	}
}

// Rows are drawn from the seed, and nothing else of the problem is drawn from them.
func TestSyntheticRows(t *testing.T) {
	want, err := constraints.GenerateRejection(12, 4, 202)
	if err != nil {
		t.Fatal(err)
	}
	p, err := New(Config{Entities: 12, States: 2, Seed: 202, Rows: 4})
	if err != nil {
		t.Fatal(err)
	}
	a, b, _ := p.Spec().Polytope.Inequalities()
	wa, wb, _ := want.Inequalities()
	if len(b) != 4 || !slices.Equal(a, wa) || !slices.Equal(b, wb) {
		t.Errorf("rows %v <= %v, want %v <= %v", a, b, wa, wb)
	}
	var net rewardNet
	net.generate(12, 202)
	if envstest.MaxDifference(net.w1, p.net.w1) != 0 {
		t.Error("rows change the reward")
	}
}

func TestRewardAlongASegment(t *testing.T) {
	const n = 40
	var net rewardNet
	net.generate(n, 5)
	r := rand.New(rng.New(1, "test"))
	for state := range 3 {
		from, to := rng.Simplex(r, n), rng.Simplex(r, n)
		at := net.along(state, from, to)
		for _, share := range []float64{0, 0.25, 0.7, 1} {
			x := make([]float64, n)
			for i := range x {
				x[i] = from[i] + share*(to[i]-from[i])
			}
			if got, want := at(share), net.reward(state, x, nil); math.Abs(got-want) > 1e-11 {
				t.Errorf("state %d, share %g: %g along the segment, the reward is %g", state, share, got, want)
			}
		}
	}
}
