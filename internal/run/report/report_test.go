package report

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"paspo/envs"
	"paspo/envs/benchmarks"
	"paspo/internal/stats"
)

func problem(t *testing.T, name string, spread float64) envs.Problem {
	t.Helper()
	c := benchmarks.DefaultConfig()
	c.Name = name
	c.Portfolio.Spread = spread
	p, err := benchmarks.New(c, nil)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func equal(t *testing.T, p envs.Problem) Policy {
	t.Helper()
	a, err := envs.EqualWeights(p.Spec().Polytope)
	if err != nil {
		t.Fatal(err)
	}
	return Policy{"trained policy", envs.Constant(a)}
}

func TestPortfolio(t *testing.T) {
	p := problem(t, "portfolio", 0)
	o := Options{Episodes: 100, Starts: 20, Seed: 1, Simulated: true, Backtest: true}
	policies := []Policy{equal(t, p)}
	tables, err := Compare(context.Background(), p, policies, o)
	if err != nil {
		t.Fatal(err)
	}
	if len(tables) != 2 || len(policies) != 1 {
		t.Fatalf("%d tables", len(tables))
	}
	sim := tables[0]
	trained, _ := sim.Row("trained policy")
	same, ok := sim.Row("equal weights")
	if !ok || trained.Return != same.Return || *trained.Share != *same.Share {
		t.Errorf("the same policy twice: %+v and %+v", trained, same)
	}
	u, _ := sim.Row(uniform)
	best, _ := sim.Row(optimum)
	want := float64((trained.Expected - u.Expected) / (best.Expected - u.Expected))
	if got := float64(trained.Share.Share); math.Abs(got-want) > 1e-12 || trained.Share.Low > trained.Share.Share || trained.Share.High < trained.Share.Share {
		t.Errorf("share %+v, want %g", trained.Share, want)
	}
	// The published values are 0.2099 for uniform and 0.459 for the optimum; over a
	// hundred episodes the first has a standard error of 0.03.
	if math.Abs(float64(u.Return)-0.2099) > 4*float64(u.StdErr) || math.Abs(float64(best.Expected)-0.459) > 0.03 {
		t.Errorf("uniform %v +- %v, optimum expects %v", u.Return, u.StdErr, best.Expected)
	}
	for _, tab := range tables {
		actions, violations, residual := tab.Residuals()
		if violations != 0 || !(residual <= 1e-9) || actions != 13*tab.Episodes*len(tab.Rows) {
			t.Errorf("%s: %d violations of %d actions, residual %g", tab.Title, violations, actions, residual)
		}
	}

	var b bytes.Buffer
	if err := sim.Write(&b); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(b.String()), "\n")
	if len(lines) != 2+len(sim.Rows)+2 || !strings.HasPrefix(lines[len(lines)-2], "shares are of the column expected, by the environment's model, and optimum is the best by it") || !strings.HasPrefix(lines[2], "trained policy ") ||
		!strings.HasPrefix(lines[len(lines)-1], "largest residual ") || !strings.Contains(lines[len(lines)-1], "violations (> 1e-6): 0 of ") {
		t.Errorf("table\n%s", b.String())
	}

	j, err := json.Marshal(tables)
	if err != nil {
		t.Fatal(err)
	}
	var back []Table
	if err := json.Unmarshal(j, &back); err != nil || back[0].Rows[0].Expected != sim.Rows[0].Expected {
		t.Errorf("JSON %s: %v", j, err)
	}
}

// Where trading costs, the optimum without costs is a bound, and its policy is not the best.
func TestPortfolioWithCosts(t *testing.T) {
	p := problem(t, "portfolio", 0.01)
	cash := envs.Constant([]float64{1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0})
	tables, err := Compare(context.Background(), p, []Policy{equal(t, p)}, Options{Episodes: 50, Seed: 1, Simulated: true})
	if err != nil {
		t.Fatal(err)
	}
	bound, ok := tables[0].Row(upperBound)
	if !ok || tables[0].To != upperBound || bound.Return.has() {
		t.Fatalf("%+v", tables[0])
	}
	// With these costs the policy that is best without them loses, and cash does not.
	if dear, err := Compare(context.Background(), problem(t, "portfolio", 0.6), []Policy{{Trained, cash}}, Options{Episodes: 50, Seed: 1, Simulated: true}); err != nil {
		t.Error(err)
	} else if free, ok := dear[0].Row("optimum without costs"); !ok || free.Expected >= dear[0].Rows[0].Expected {
		t.Errorf("%+v", dear[0].Rows)
	}
	for _, r := range tables[0].Rows {
		if r.Policy == optimum {
			t.Error("a policy that costs were not in is called the optimum")
		}
		if r.Expected > bound.Expected {
			t.Errorf("%s expects %v, more than the bound %v", r.Policy, r.Expected, bound.Expected)
		}
	}
	if j, err := json.Marshal(bound); err != nil || !strings.Contains(string(j), `"return":null`) {
		t.Errorf("%s, %v", j, err)
	}
}

func TestSynthetic(t *testing.T) {
	p := problem(t, "synthetic", 0)
	tables, err := Compare(context.Background(), p, []Policy{equal(t, p)}, Options{Episodes: 200, Seed: 1, MaxSteps: 100})
	if err != nil {
		t.Fatal(err)
	}
	best, ok := tables[0].Row(bestFound)
	if !ok || best.Return < 13.9775 {
		t.Errorf("best found %v, the best vertex gives 13.978", best.Return)
	}
	u, ok := tables[0].Row(uniform)
	if !ok || math.Abs(float64(u.Return)-12.612) > 4*float64(u.StdErr) {
		t.Errorf("uniform %+v, want 12.612", u)
	}
}

func TestInterrupted(t *testing.T) {
	p := problem(t, "portfolio", 0)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Compare(ctx, p, nil, Options{Episodes: 2, Simulated: true}); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

// endless has episodes that do not end, and counts their steps.
type endless struct {
	envs.Problem
	steps *int
}

func (p endless) New() envs.Env { return endlessEnv{p.Problem.New(), p.steps} }

type endlessEnv struct {
	envs.Env
	steps *int
}

func (e endlessEnv) Step(r *rand.Rand, action, obs []float64) (float64, bool) {
	*e.steps++
	e.Env.Reset(r, obs)
	return 0, false
}

// That episodes do not end is said after one of them.
func TestEndlessEpisodes(t *testing.T) {
	var steps int
	p := endless{problem(t, "synthetic", 0), &steps}
	if _, err := Compare(t.Context(), p, []Policy{equal(t, p)}, Options{Episodes: 50, MaxSteps: 100}); err == nil || !strings.Contains(err.Error(), "longer than 100 steps") {
		t.Errorf("error %v", err)
	}
	if steps > 100 {
		t.Errorf("%d steps until it is said", steps)
	}
}

// Levels are means over the episodes of the curve, the best known policy first.
func TestLevels(t *testing.T) {
	for name, want := range map[string][]string{
		"portfolio": {optimum, uniform}, "synthetic": {bestFound, uniform}, "compute": {"best constant", uniform},
	} {
		p := problem(t, name, 0)
		o := Options{Episodes: 50, Seed: 3, Set: "curve", MaxSteps: 1000}
		levels, err := Levels(context.Background(), p, o)
		if err != nil {
			t.Fatal(err)
		}
		for i, l := range levels {
			if len(levels) != len(want) || l.Policy != want[i] || i > 0 && !(l.Return < levels[i-1].Return) {
				t.Fatalf("%s: %+v", name, levels)
			}
		}
		a, err := envs.Uniform(p.Spec().Polytope, o.Seed)
		if err != nil {
			t.Fatal(err)
		}
		out, err := envs.Play(p, a, o.Episodes, o.MaxSteps, o.Seed, o.Set)
		if err != nil {
			t.Fatal(err)
		}
		if m := stats.Mean(out.Estimates()); m != float64(levels[1].Return) {
			t.Errorf("%s: uniform is %v, the level %v", name, m, levels[1].Return)
		}
	}
}

// Numbers too long for a table have exponents.
func TestText(t *testing.T) {
	for x, want := range map[Number][2]string{
		-1234.56789:        {"-1234.5679", "-123456.8 %"},
		9e11:               {"900000000000.0000", "9.0e+13 %"},
		1e300:              {"1.0000e+300", "1.0e+302 %"},
		-1e12:              {"-1.0000e+12", "-1.0e+14 %"},
		Number(math.NaN()): {"-", "-"},
	} {
		if got := [2]string{x.text(), percent(x)}; got != want {
			t.Errorf("%v is %q, want %q", float64(x), got, want)
		}
	}
}

// The upper bound is the last row in the table of compute and above all policies on every episode. It
// is not a level of a curve.
func TestComputeBound(t *testing.T) {
	p := problem(t, "compute", 0)
	tables, err := Compare(context.Background(), p, nil, Options{Episodes: 40, Seed: 2, MaxSteps: 1000})
	if err != nil {
		t.Fatal(err)
	}
	rows := tables[0].Rows
	bound := rows[len(rows)-1]
	if bound.Policy != upperBound || !(bound.Return > 70 && bound.Return < 91) || bound.Actions != 0 || len(bound.episodes) != 40 {
		t.Fatalf("%+v", bound)
	}
	for _, r := range rows {
		for i, x := range r.episodes {
			if x > bound.episodes[i] {
				t.Errorf("episode %d: %s does %v tasks in time, the bound is %v", i, r.Policy, x, bound.episodes[i])
			}
		}
	}
}

// The episodes of the tables at the end of a run differ from those of the curve and from those that
// choose, whatever the seeds.
func TestSetsOfEpisodes(t *testing.T) {
	p := problem(t, "compute", 0)
	seen := map[float64]string{}
	for _, set := range []string{"", "choice", "curve"} {
		tables, err := Compare(context.Background(), p, nil, Options{Episodes: 30, Seed: 4, Set: set, MaxSteps: 1000})
		if err != nil {
			t.Fatal(err)
		}
		sum := 0.
		for _, r := range tables[0].Rows {
			for i, x := range r.episodes {
				sum += x * math.Sqrt(float64(i+2))
			}
		}
		if other, ok := seen[sum]; ok {
			t.Errorf("sets %q and %q have the same episodes", set, other)
		}
		seen[sum] = set
	}
}

// A run without evaluations has no best checkpoint to name.
func TestSummaryWithoutEvaluations(t *testing.T) {
	for _, c := range []struct {
		metrics map[string]float64
		want    string
	}{
		{map[string]float64{"iteration": 3, "return": 1}, "there is no best checkpoint\n"},
		{map[string]float64{"iteration": 3, "return": 1, "eval_return": 2, "choice_return_mean": 2}, "best checkpoint: iteration 3\n"},
	} {
		s := Summary{Action: "mean", Training: Summarise([]map[string]float64{c.metrics})}
		var b bytes.Buffer
		if err := s.Write(&b); err != nil || !strings.Contains(b.String(), c.want) {
			t.Errorf("summary %s, error %v, want %q", b.String(), err, c.want)
		}
	}
}
