package page

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"paspo/internal/long"
	"paspo/internal/stats"
	"paspo/internal/sweep"
	"paspo/internal/sweep/journal"
)

// results are trainings of given returns.
func results(xs ...float64) (all []Result) {
	for _, x := range xs {
		all = append(all, Result{Return: x, Residual: 1e-17, Seconds: 2})
	}
	return all
}

// settings are as many as a page has to find room for.
func settings(algo string) []Fact {
	return []Fact{{"algo", algo}, {"ppo.entropy_coef", "0.01"}, {"ppo.lr_schedule", "constant"}, {"ppo.minibatch", "512"}, {"policy.fixed_width", "0.000123"}}
}

// Two algorithms on two problems of different units: shares of the way decide, and what is
// said of them is what the definitions give.
func TestComparison(t *testing.T) {
	better := Group{Name: "better", Settings: settings("b"), Results: [][]Result{results(110, 120, 130, 140), results(0.5, 0.6, 0.7, 0.8)}}
	worse := Group{Name: "worse", Settings: settings("w"), Results: [][]Result{results(100, 100, 120, 140), results(0.1, 0.1, 0.6, 1.2)}}
	worse.Results[1][2].Violations, worse.Results[0][1].Residual = 7, 0.25
	c := &Comparison{
		One: "algorithm", Statistic: "interquartile mean", Of: stats.IQM, Groups: []Group{worse, better},
		Problems: []Problem{{Name: "euros", Scores: Levels{100, 200}}, {Name: "shares", Scores: Levels{0, 1}}},
	}
	all := c.rank()
	if all[0].Name != "better" {
		t.Fatalf("%s is first", all[0].Name)
	}
	near := func(what string, got, want float64) {
		t.Helper()
		if math.Abs(got-want) > 1e-12 {
			t.Errorf("%s is %v, want %v", what, got, want)
		}
	}
	near("the better one", all[0].value.Estimate, (0.3+0.4+0.5+0.6)/4)
	near("the worse one", all[1].value.Estimate, (0.1+0.1+0.2+0.4)/4)
	near("the lead", all[1].behind.Estimate, 0.25)
	near("the gap of the worse one", all[1].gap.Estimate, 1-(0+0+0.2+0.4+0.1+0.1+0.6+1)/8) // 1.2 counts as 1
	// On euros 110, 120, 130, 140 are above 2, 2.5, 3, 3.5 of four; on shares 0.5 above 2, 0.6 above 2.5, 0.7 and 0.8 above 3.
	near("the probability", all[1].below.Estimate, (11./16+10.5/16)/2)
	for _, iv := range []stats.Interval{all[0].value, all[1].value, all[1].behind, all[1].below, all[1].gap} {
		if !(iv.Low <= iv.Estimate && iv.Estimate <= iv.High && iv.Low < iv.High) {
			t.Errorf("the interval %+v", iv)
		}
	}

	p := &Page{Title: "T"}
	if err := p.Compare("algorithms", []Fact{{"steps", "1"}}, c); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := p.Write(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"Best of those that broke no constraint is better: its interquartile mean is 45.0 %", "above the next one, worse, by 25.0 % (", "mean return, euros", ">0.25<", ">7<", "Probability of improvement",
		"Optimality gap", "Shares of the way are 0 for uniform",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%q is missing", want)
		}
	}
	t.Run("comparison", func(t *testing.T) { look(t, b.String()) })
}

// The verdict says whether seeds tell groups apart, and that one seed has no interval.
func TestVerdict(t *testing.T) {
	verdict := func(groups ...[]float64) string {
		c := &Comparison{One: "setting", Statistic: "mean", Of: stats.Mean, Problems: []Problem{{Name: "p", Scores: Levels{0, 1}}}}
		for i, xs := range groups {
			c.Groups = append(c.Groups, Group{Name: fmt.Sprint(i), Results: [][]Result{results(xs...)}})
		}
		return strings.Join(c.verdict(c.rank()), " ")
	}
	for _, x := range []struct {
		want   string
		groups [][]float64
	}{
		{"Its lead over each of the other 2 is beyond the interval.", [][]float64{{0.1, 0.11, 0.12}, {0.9, 0.91, 0.92}, {0.2, 0.21, 0.22}}},
		{"These seeds do not tell 1 of the other 2 from it", [][]float64{{0.9, 0.8, 0.7}, {0.9, 0.75, 0.72}, {0.2, 0.21, 0.22}}},
		{"These seeds do not tell the two apart", [][]float64{{0.9, 0.8, 0.7}, {0.9, 0.75, 0.72}}},
		{"0.5000 (no interval of single seeds)", [][]float64{{0.5}}},
		{"Intervals of fewer than 5 seeds are too narrow: those of 2 seeds hold the median of what seeds would come to at most 50 % of the time.", [][]float64{{0.5, 0.6}, {0.1, 0.2, 0.3}}},
		{"those of 3 seeds hold the median of what seeds would come to at most 75 % of the time.", [][]float64{{0.5, 0.6, 0.7}}},
		{"(no interval of single seeds)", [][]float64{{0.5, 0.6, 0.7, 0.8, 0.9}, {0.4}}},
		{"With a single seed, which says nothing of chance: 1 of the other 2.", [][]float64{{0.5, 0.6}, {0.4, 0.45}, {0.1}}},
		{"(no interval of single seeds). Single seeds do not say which is better", [][]float64{{0.5}, {0.4}}},
	} {
		if got := verdict(x.groups...); !strings.Contains(got, x.want) {
			t.Errorf("%q does not say %q", got, x.want)
		}
	}
	for _, x := range [][]float64{{0.5}, {0.5, 0.6, 0.7, 0.8, 0.9}} {
		if got := verdict(x); strings.Contains(got, "too narrow") {
			t.Errorf("%q of %d seeds", got, len(x))
		}
	}
}

// What breaks constraints comes after what does not, however much it earns, and the verdict
// says so.
func TestVerdictOnViolations(t *testing.T) {
	c := &Comparison{One: "algorithm", Statistic: "mean", Of: stats.Mean, Problems: []Problem{{Name: "p", Scores: Levels{0, 1}}}}
	for name, xs := range map[string][]float64{"free": {2, 2.1, 2.2}, "kept": {0.9, 0.91, 0.92}, "low": {0.2, 0.21, 0.22}, "broken": {0.1, 0.11, 0.12}} {
		g := Group{Name: name, Results: [][]Result{results(xs...)}}
		if name == "free" || name == "broken" {
			g.Results[0][1].Violations = 5
		}
		c.Groups = append(c.Groups, g)
	}
	all := c.rank()
	var order []string
	for _, r := range all {
		order = append(order, r.Name)
	}
	if want := []string{"kept", "low", "free", "broken"}; !slices.Equal(order, want) {
		t.Errorf("order %q, want %q", order, want)
	}
	got := strings.Join(c.verdict(all), " ")
	for _, want := range []string{"Best of those that broke no constraint is kept: its mean is 0.9100", "above the next one, low, by 0.7000", "Beyond the interval above it: free, which broke constraints."} {
		if !strings.Contains(got, want) {
			t.Errorf("%q does not say %q", got, want)
		}
	}
	c.Groups = slices.DeleteFunc(c.Groups, func(g Group) bool { return g.Name == "low" })
	if got, want := strings.Join(c.verdict(c.rank()), " "), "The next one, free, which broke constraints, is above it by 1.1900 ("; !strings.Contains(got, want) {
		t.Errorf("%q does not say %q", got, want)
	}
}

// A comparison of algorithms that has not ended shows the seeds that all have ended on, without
// algorithms that failed.
func TestCommonSeeds(t *testing.T) {
	record := func() []*sweep.Record { return []*sweep.Record{{}, {}, {}} }
	all, of := common([]sweep.Setting{
		{Number: 0, State: journal.Running, Returns: []float64{1, 2, 3}, Records: record()},
		{Number: 1, State: journal.Fail, Returns: []float64{1, nan, nan}, Records: record()},
		{Number: 2, State: journal.Running, Returns: []float64{nan, 5, 6}, Records: record()},
	}, []uint64{7, 8, 9})
	if !slices.Equal(of, []uint64{8, 9}) || len(all) != 2 || !slices.Equal(all[0].Returns, []float64{2, 3}) || !slices.Equal(all[1].Returns, []float64{5, 6}) || len(all[1].Records) != 2 {
		t.Errorf("seeds %v of %+v", of, all)
	}
}

// Levels that are not known, and a training without an evaluation, leave a page whole.
func TestUnknownLevels(t *testing.T) {
	c := &Comparison{
		One: "setting", Statistic: "mean", Of: stats.Mean, Problems: []Problem{{Name: "p", Scores: Levels{nan, nan}, Curve: Levels{nan, nan}}},
		Groups: []Group{{Name: "a", Results: [][]Result{results(3, 3)}}, {Name: "b", Results: [][]Result{results(3, 3)}}},
	}
	p := &Page{}
	if err := p.Compare("c", nil, c); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := p.Write(&b); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{"NaN", "Inf", "Optimality gap:"} {
		if text, _, _ := strings.Cut(b.String(), "<script>"); strings.Contains(text, bad) {
			t.Errorf("%q is there", bad)
		}
	}
}

// Settings of a sweep that differ in their environment alone are one group on several
// problems.
func TestSweepOverEnvironments(t *testing.T) {
	long.Test(t)
	text := strings.Replace(tiny, "  env: {name: synthetic}\n", "", 1)
	text, _, _ = strings.Cut(text, "space:")
	w := create(t, text+"space:\n  env.name: {choices: [synthetic, channels]}\n  ppo.lr_schedule: {choices: [linear, constant]}\n", "s", nil)
	if err := w.Work(t.Context()); err != nil {
		t.Fatal(err)
	}
	s, err := w.Status()
	if err != nil {
		t.Fatal(err)
	}
	c, err := compare(t.Context(), w, s.Settings, w.Spec.Seeds)
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Problems) != 2 || len(c.Groups) != 2 || c.Problems[0].Name != "synthetic" || c.Groups[1].Name != "constant" {
		t.Fatalf("%+v", c)
	}
	for _, g := range c.Groups {
		for k, r := range g.Results {
			if len(r) != 2 {
				t.Errorf("%s has %d trainings on %s", g.Name, len(r), c.Problems[k].Name)
			}
		}
	}
	for _, p := range c.Problems {
		if !(p.Scores.Best > p.Scores.Uniform) {
			t.Errorf("levels of %s: %+v", p.Name, p.Scores)
		}
	}
}
