package search

import (
	"fmt"
	"math"
	"slices"
	"testing"
)

var space = Space{
	{Key: "a", Kind: Log, Low: 1e-5, High: 1e-1},
	{Key: "b", Kind: Linear, Low: -1, High: 3},
	{Key: "c", Kind: Linear, Low: 2, High: 9, Integer: true},
	{Key: "d", Kind: Log, Low: 1, High: 20, Integer: true},
	{Key: "e", Kind: Choices, Choices: []Choice{{"x", "x"}, {"y", "y"}, {"z", "z"}}},
}

func methods(s Space) map[string]Method {
	return map[string]Method{"random": Random{s, 1}, "sobol": Sobol{s, 1}, "tpe": TPE{s, 1}, "cmaes": CMAES{s, 1}}
}

// run has a method search for where f is large.
func run(m Method, f func(Point) float64, trials int) (all []Result) {
	for range trials {
		p := m.Suggest(all)
		all = append(all, Result{Point: p, Value: f(p), Steps: math.MaxInt64, Ended: true})
	}
	return all
}

// Where at a share of the way lies is that share, and equal parts hold equal numbers of
// values.
func TestShares(t *testing.T) {
	for i := range space {
		d := &space[i]
		seen := map[float64]int{}
		const n = 10_000
		for k := range n {
			x := d.At((float64(k) + 0.5) / n)
			if !d.Contains(x) {
				t.Errorf("%s: %v is no value", d.Key, x)
			}
			if again := d.At(min(d.Share(x), math.Nextafter(1, 0))); math.Abs(again-x) > 1e-12*math.Abs(x) {
				t.Errorf("%s: %v goes to %v", d.Key, x, again)
			}
			seen[x]++
		}
		if d.Kind == Log && d.Integer || math.IsInf(d.size(), 1) {
			continue
		}
		for x, c := range seen {
			if math.Abs(float64(c)-n/d.size()) > 1 {
				t.Errorf("%s: %v has %d of %d shares", d.Key, x, c, n)
			}
		}
	}
	if x := space[0].At(0.5); math.Abs(x-1e-3) > 1e-15 {
		t.Errorf("the middle of 1e-5 and 1e-1 is %v", x)
	}
}

func TestGridHasAllCombinations(t *testing.T) {
	s := slices.Clone(space)
	s[0].Points, s[1].Points = 3, 2
	g := Grid{s}
	if g.Trials() != 3*2*8*20*3 {
		t.Fatalf("%d settings", g.Trials())
	}
	seen := map[[5]float64]bool{}
	values := make([]map[float64]bool, 5)
	for n := range g.Trials() {
		p := g.Suggest(make([]Result, n))
		seen[[5]float64(p)] = true
		for i, x := range p {
			if values[i] == nil {
				values[i] = map[float64]bool{}
			}
			values[i][x] = true
			if !s[i].Contains(x) {
				t.Fatalf("%v is no value of %s", x, s[i].Key)
			}
		}
	}
	if len(seen) != g.Trials() || !values[0][1e-5] || !values[0][1e-1] || !values[1][-1] || !values[1][3] || len(values[0]) != 3 {
		t.Errorf("%d settings of %d; %v, %v", len(seen), g.Trials(), values[0], values[1])
	}
}

// Ends of ranges are values of a grid as they are stated, and those between are short to write.
func TestLevels(t *testing.T) {
	for _, c := range []struct {
		d    Dimension
		want string
	}{
		{Dimension{Kind: Log, Low: 1e-5, High: 1e-3, Points: 3}, "[1e-05 0.0001 0.001]"},
		{Dimension{Kind: Log, Low: 1e-4, High: 1e-1, Points: 4}, "[0.0001 0.001 0.01 0.1]"},
		{Dimension{Kind: Linear, Low: 0, High: 0.3, Points: 4}, "[0 0.1 0.2 0.3]"},
		{Dimension{Kind: Linear, Low: 0.1234567890123456, High: 0.1234567890123459, Points: 3}, "[0.1234567890123456 0.12345678901234575 0.1234567890123459]"},
		{Dimension{Kind: Log, Integer: true, Low: 1, High: 100, Points: 3}, "[1 10 100]"},
		{Dimension{Kind: Linear, Integer: true, Low: 1, High: 1e6, Points: 3}, "[1 500001 1e+06]"},
	} {
		g, got := Grid{Space{c.d}}, []float64{}
		for k := range g.Trials() {
			got = append(got, g.At(k)[0])
		}
		if fmt.Sprint(got) != c.want {
			t.Errorf("%+v: %v, want %v", c.d, got, c.want)
		}
	}
}

// What is suggested is in the space, and depends on what has been before and nothing else.
func TestSuggestionsAreAFunction(t *testing.T) {
	f := func(p Point) float64 { return -space[0].Share(p[0]) + p[1] }
	for name, m := range methods(space) {
		all := run(m, f, 60)
		again := methods(space)[name]
		for n, r := range all {
			for i := range space {
				if !space[i].Contains(r.Point[i]) {
					t.Fatalf("%s: %v is no value of %s", name, r.Point[i], space[i].Key)
				}
			}
			if n%7 == 0 && !slices.Equal(again.Suggest(all[:n]), r.Point) {
				t.Errorf("%s: trial %d is suggested another point when asked again", name, n)
			}
		}
	}
}

// On a bowl with a choice that counts, methods that learn find more than random draws do:
// the mean over 20 seeds of the best of 80.
func TestMethodsLearn(t *testing.T) {
	bowl := Space{{Key: "x", Low: 0, High: 1}, {Key: "y", Low: 0, High: 1}, {Key: "z", Low: 0, High: 1}, {Key: "c", Kind: Choices, Choices: make([]Choice, 4)}}
	f := func(p Point) float64 {
		v := 0.
		for i, at := range []float64{0.2, 0.7, 0.5} {
			v -= (p[i] - at) * (p[i] - at)
		}
		if p[3] != 2 {
			v -= 0.05
		}
		return v
	}
	regret := func(make func(seed uint64) Method) (sum float64) {
		for seed := range uint64(20) {
			best := math.Inf(-1)
			for _, r := range run(make(seed), f, 80) {
				best = max(best, r.Value)
			}
			sum -= best / 20
		}
		return sum
	}
	random := regret(func(s uint64) Method { return Random{bowl, s} })
	for name, x := range map[string]float64{
		"tpe": regret(func(s uint64) Method { return TPE{bowl, s} }), "cmaes": regret(func(s uint64) Method { return CMAES{bowl, s} }),
	} {
		t.Logf("%s misses the best by %.4f, random by %.4f", name, x, random)
		if !(x < random/2) {
			t.Errorf("%s misses the best by %.4f, random by %.4f", name, x, random)
		}
	}
}

// Every second point of a Sobol sequence lies in every half of every dimension.
func TestSobolIsEven(t *testing.T) {
	s := Space{{Key: "x", Low: 0, High: 1}, {Key: "y", Low: 0, High: 1}}
	var counts [4]int
	for n := range 64 {
		p := Sobol{s, 3}.Suggest(make([]Result, n))
		counts[2*int(2*p[0])+int(2*p[1])]++
	}
	for _, c := range counts {
		if c < 14 || c > 18 {
			t.Errorf("quarters hold %v of 64 points", counts)
		}
	}
}

// A generation waits for the trials of the one before, and for no others.
func TestGenerationsWait(t *testing.T) {
	c := CMAES{space, 1}
	all := run(c, func(p Point) float64 { return p[1] }, 16)
	o, _ := c.start(c.Ranges(), 0)
	size := o.PopulationSize()
	if 2*size > 16 {
		t.Fatalf("a generation has %d trials", size)
	}
	open := slices.Clone(all[:size])
	open[3].Ended = false
	if c.Suggest(open) != nil {
		t.Error("a generation begins before the one before has ended")
	}
	open = slices.Clone(all[:size+2])
	open[size+1].Ended = false
	if c.Suggest(open) == nil {
		t.Error("a trial waits for one of its own generation")
	}
}

// A failed trial is worse than all others, and one that was given up worse than one that
// was not.
func TestOrderOfResults(t *testing.T) {
	all := []Result{
		{Value: math.NaN(), Ended: true}, {Value: 5, Steps: 10, Ended: true}, {Value: 1, Steps: 100, Ended: true},
		{Value: 9}, {Value: 7, Steps: 10, Ended: true},
	}
	slices.SortStableFunc(all, compare)
	var got []float64
	for _, r := range all[:3] {
		got = append(got, r.Value)
	}
	if !slices.Equal(got, []float64{1, 7, 5}) {
		t.Errorf("order %v", got)
	}
}

// Every point of a finite space comes once before any comes again.
func TestFresh(t *testing.T) {
	s := Space{
		{Key: "a", Kind: Choices, Choices: make([]Choice, 3)}, {Key: "b", Kind: Log, Low: 1, High: 4, Integer: true, Points: 2},
		{Key: "c", Low: -1, High: 1, Integer: true},
	}
	n := 3 * 4 * 3
	if s.Points() != n {
		t.Fatalf("%d points", s.Points())
	}
	for name, m := range map[string]Method{"random": Random{s, 1}, "sobol": Sobol{s, 1}, "tpe": TPE{s, 1}} {
		m = Fresh{Method: m, Space: s, Seed: 1}
		seen := map[[3]float64]int{}
		all := run(m, func(p Point) float64 { return p[0] }, n+1)
		for i, r := range all {
			for k := range s {
				if !s[k].Contains(r.Point[k]) {
					t.Fatalf("%s: %v is no value of %s", name, r.Point[k], s[k].Key)
				}
			}
			p := [3]float64(r.Point)
			if at, again := seen[p]; again != (i == n) {
				t.Errorf("%s: trial %d is %v, as is %d", name, i, p, at)
			}
			seen[p] = i
			if !slices.Equal(m.Suggest(all[:i]), r.Point) {
				t.Errorf("%s: trial %d is suggested another point when asked again", name, i)
			}
		}
	}
	// What does not come again is what the method says.
	wide := Fresh{Method: Random{space, 1}, Space: space, Seed: 1}
	for n := range 20 {
		before := make([]Result, n)
		if got, want := wide.Suggest(before), (Random{space, 1}).Suggest(before); !slices.Equal(got, want) {
			t.Errorf("%v in the place of %v", got, want)
		}
	}
}
