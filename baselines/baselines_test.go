package baselines

import (
	"math"
	"slices"
	"strings"
	"testing"

	"paspo/internal/long"
	"paspo/internal/rng"
	"paspo/lp"
	"paspo/lp/constraints"
	"paspo/policy"
	"paspo/policy/joint"
	"paspo/ppo"
)

// Costs that are always 0, constraints that are always violated, and the paper's 611 rows, with a
// limit of 0 and another one: everything that is learned stays finite.
func TestExtremeCosts(t *testing.T) {
	long.Test(t)
	inf := math.Inf(-1)
	polytope := func(rows []lp.Row) *lp.Polytope {
		p, err := lp.New(lp.Description{Entities: []string{"a", "b", "c"}, Total: 1, Rows: rows})
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	many, err := constraints.Preset("synthetic", 7)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(Costs(many)); n < 600 {
		t.Fatalf("%d costs", n)
	}
	for name, p := range map[string]*lp.Polytope{
		"none":            polytope(nil),
		"always 0":        polytope([]lp.Row{{Coef: []float64{1, 1, 0}, Min: inf, Max: 2}}),
		"always violated": polytope([]lp.Row{{Coef: []float64{1, 2, 3}, Min: 2, Max: 2}}),
		"never kept":      polytope([]lp.Row{{Coef: []float64{1, 0, 0}, Min: inf, Max: 0}}),
		"611 rows":        many,
	} {
		for _, a := range algorithms {
			faults := []Faults{"false"}
			if len(a.faults) > 0 {
				faults = append(faults, "true")
			}
			for _, published := range faults {
				reward := append([]float64{1, 0.5}, make([]float64, p.Dim()-2)...)
				l, _, metrics := trained(t, &bandit{p, reward}, a.name, 8, func(c *Config, p *ppo.Config) {
					c.AsPublished = published
					if published == "true" {
						c.CostLimit = 0.01
					}
					p.Epochs = 2
				})
				for _, m := range metrics {
					for scalar, x := range m.Scalars() {
						if math.IsInf(x, 0) || math.IsNaN(x) && !strings.HasPrefix(scalar, "eval") {
							t.Fatalf("%s, %s, as published %s: %s is %g", name, a.name, published, scalar, x)
						}
					}
				}
				if k, ok := l.(interface{ LearnerState() []float64 }); ok && slices.ContainsFunc(k.LearnerState(), func(x float64) bool { return x-x != 0 }) {
					t.Errorf("%s, %s: multipliers %v", name, a.name, k.LearnerState())
				}
			}
		}
	}
}

// Costs are those of rows, of equalities other than the budget, and of bounds that the budget does
// not imply.
func TestCosts(t *testing.T) {
	p, err := lp.New(lp.Description{
		Entities: []string{"a", "b", "c"}, Total: 1, Upper: []float64{0.5, 1, 2},
		Rows: []lp.Row{{Coef: []float64{1, 1, 0}, Min: 0.1, Max: 0.6}, {Coef: []float64{1, 0, -1}, Min: 0, Max: 0}},
	})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, k := range Costs(p) {
		names = append(names, p.ConstraintName(k))
	}
	if want := []string{"row 1", "row 1", "row 2", "a <= 0.5"}; !slices.Equal(names, want) {
		t.Errorf("costs %q, want %q", names, want)
	}
	for i, x := range sizes(p, Costs(p)) {
		if !(x > 0) {
			t.Errorf("%s is measured in %g", names[i], x)
		}
	}
}

// OptLayer leaves a feasible prediction u as it is and projects another one to the closest point,
// as published to the point that is closest to -u.
func TestCorrected(t *testing.T) {
	b := newBandit(t)
	for _, published := range []Faults{"false", "[mirrored-projection]"} {
		c := DefaultConfig()
		c.Name, c.AsPublished = "optlayer", published
		if err := c.Validate(); err != nil {
			t.Fatal(err)
		}
		f, err := newCorrected(b.polytope, policy.DefaultConfig(), c)
		if err != nil {
			t.Fatal(err)
		}
		plain, err := joint.NewDirichlet(b.polytope, policy.DefaultConfig())
		if err != nil {
			t.Fatal(err)
		}
		u, s := make([]float64, 3), make([]float64, 3)
		draw, own := make([]float32, f.DrawSize()), make([]float32, plain.DrawSize())
		inside := 0
		for i := range uint64(100) {
			z := []float32{0.5, 0, 1}
			if err := plain.Sample(z, policy.Sampled, nil, rng.New(i), own, u); err != nil {
				t.Fatal(err)
			}
			if err := f.Sample(z, policy.Sampled, nil, rng.New(i), draw, s); err != nil {
				t.Fatal(err)
			}
			x := u
			if published != "false" {
				x = []float64{-u[0], -u[1], -u[2]}
			}
			want, err := lp.Project(b.polytope, x)
			if err != nil {
				t.Fatal(err)
			}
			feasible := b.polytope.Residual(u, nil) <= 0
			for j := range s {
				if math.Abs(s[j]-want[j]) > 1e-12 || published == "false" && feasible && math.Abs(s[j]-u[j]) > 1e-12 {
					t.Fatalf("as published %s: %v is projected to %v, want %v", published, u, s, want)
				}
			}
			if k := draw[len(draw)-1]; (k == 0) != (b.polytope.Residual(u, nil) <= 1e-15) {
				t.Errorf("the cost of %v is %g", u, k)
			}
			if feasible {
				inside++
			}
			if got, want := f.LogProb(z, draw, nil), plain.LogProb(z, own, nil); got != want {
				t.Errorf("log-probability %g, want %g", got, want)
			}
		}
		if inside == 0 || inside == 100 {
			t.Errorf("%d of 100 predictions are feasible", inside)
		}
	}
}

func TestConfig(t *testing.T) {
	for want, change := range map[string]func(*Config){
		"algo.name is \"x\"":                    func(c *Config) { c.Name = "x" },
		"algo.as_published is true":             func(c *Config) { c.AsPublished = "true" },
		"algo.as_published has \"no-level\"":    func(c *Config) { c.Name, c.AsPublished = "cpo", "[no-level]" },
		"algo.correction is \"\"":               func(c *Config) { c.Correction = "" },
		"algo.cost_limit is -1":                 func(c *Config) { c.CostLimit = -1 },
		"algo.multiplier_lr is 0: a number in ": func(c *Config) { c.MultiplierLR = 0 },
	} {
		c := DefaultConfig()
		change(&c)
		if err := c.Validate(); err == nil || len(err.Error()) < len(want) || err.Error()[:len(want)] != want {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}

// Only PASPO has an adaptive learning rate; for other algorithms it is an error.
func TestNoAdaptiveRate(t *testing.T) {
	p := ppo.DefaultConfig()
	p.LRSchedule, p.TargetKL = ppo.Adaptive, 0.01
	c := DefaultConfig()
	c.Name = "ppo"
	if _, err := newLearner(nil, nil, c, p, 1); err == nil || !strings.Contains(err.Error(), "allowed") {
		t.Errorf("got %v", err)
	}
}

// A policy and a learner of different algorithms are an error, and so is an algorithm that this
// package does not have.
func TestRefusesOtherAlgorithms(t *testing.T) {
	b := newBandit(t)
	p := ppo.DefaultConfig()
	of := func(name, published string) Config {
		c := DefaultConfig()
		c.Name, c.AsPublished = name, Faults(published)
		return c
	}
	for _, name := range []string{PASPO, "", "sac"} {
		if _, err := NewBackend(b.polytope, 1, of(name, "false"), policy.DefaultConfig(), 3); err == nil || !strings.Contains(err.Error(), "algo.name is") {
			t.Errorf("a policy of %q: %v", name, err)
		}
	}
	if _, err := NewBackend(b.polytope, 0, of("ppo", "false"), policy.DefaultConfig(), 3); err == nil {
		t.Error("observations of no component")
	}
	backend, err := NewBackend(b.polytope, 1, of("ppo", "false"), policy.DefaultConfig(), 3)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []Config{of(PASPO, "false"), of("sac", "false"), of("optlayer", "false"), of("cpo", "false"), of("aram", "false"), of("ppo", "true")} {
		if _, err := New(b, backend, c, p, 3); err == nil || !strings.Contains(err.Error(), "algo.name is") {
			t.Errorf("%s as published %s on a policy of ppo: %v", c.Name, c.AsPublished, err)
		}
	}
	tr, err := New(b, backend, of("ppo", "false"), p, 3)
	if err != nil {
		t.Fatal(err)
	}
	tr.Close()
}

// Before anything is trained an algorithm says that it has no policy over a box without a budget. PASPO and those
// over boxes have one.
func TestServesPolytopes(t *testing.T) {
	box, err := lp.New(lp.Description{Entities: []string{"A", "B"}, Total: math.NaN(), Lower: []float64{-1, -1}, Upper: []float64{1, 1}})
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		PASPO: "", "ray-mask": "", "truncated-normal": "", "projection": "",
		"optlayer": "algo.name is optlayer: a Dirichlet distribution needs a budget: the polytope has no equality with equal coefficients",
	} {
		c := DefaultConfig()
		c.Name = name
		got := ""
		if err := c.Serves(&bandit{polytope: box}); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}
