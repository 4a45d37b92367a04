package marketmodel

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"paspo/internal/long"
	"paspo/internal/rng"
)

// fitted is what testdata/record.py records of hmmlearn.
type fitted struct {
	LogLikelihood float64       `json:"log_likelihood"`
	BIC           float64       `json:"bic"`
	Initial       []float64     `json:"initial"`
	Transition    [][]float64   `json:"transition"`
	Means         [][]float64   `json:"means"`
	Covariances   [][][]float64 `json:"covariances"`
	States        [][]float64   `json:"states"` // of the first periods
}

// described has returns whose logarithms are xs.
func described(xs [][]float64) Description {
	d := Description{Kind: HiddenMarkov, Every: "month"}
	for i := range xs[0] {
		d.Assets = append(d.Assets, fmt.Sprint("A", i))
	}
	for t, x := range xs {
		row := make([]float64, len(x))
		for i, v := range x {
			row[i] = math.Expm1(v)
		}
		d.Dates, d.Returns = append(d.Dates, fmt.Sprint(t)), append(d.Returns, row)
	}
	return d
}

// hmmlearn 0.3.3, with 40 restarts and no priors, finds these likelihoods and parameters of 300
// periods of two assets (testdata/record.py).
func TestHiddenMarkovAgainstHmmlearn(t *testing.T) {
	data, err := os.ReadFile("testdata/hmmlearn.json")
	if err != nil {
		t.Fatal(err)
	}
	var recorded struct {
		LogReturns [][]float64 `json:"log_returns"`
		Fits       []fitted    `json:"fits"`
	}
	if err := json.Unmarshal(data, &recorded); err != nil {
		t.Fatal(err)
	}
	d := described(recorded.LogReturns)
	near := func(what string, got, want, within float64) {
		t.Helper()
		if !(math.Abs(got-want) <= within) {
			t.Errorf("%s is %.12g, want %.12g", what, got, want)
		}
	}
	for _, f := range recorded.Fits {
		k := len(f.Initial)
		c, err := newChain(&Hidden{f.Initial, f.Transition, f.Means, f.Covariances})
		if err != nil {
			t.Fatal(err)
		}
		likelihood, states, _ := c.smooth(recorded.LogReturns)
		near("the likelihood of recorded parameters", likelihood, f.LogLikelihood, 1e-8)
		near("BIC", bic(likelihood, k, 2, 300), f.BIC, 1e-8)
		for i, row := range f.States {
			for s, p := range row {
				near(fmt.Sprintf("state %d of period %d", s, i), states[i][s], p, 1e-8)
			}
		}

		d.States = k
		m := model(t, d)
		own, _, _ := m.chain.smooth(recorded.LogReturns)
		near(fmt.Sprintf("the likelihood of %d states", k), own, f.LogLikelihood, 1e-6)
		at := make([]int, k) // the recorded state with the same mean
		for s, mean := range m.hidden.Means {
			for other := range k {
				if math.Abs(f.Means[other][0]-mean[0]) < math.Abs(f.Means[at[s]][0]-mean[0]) {
					at[s] = other
				}
			}
		}
		for s := range k {
			for to := range k {
				near("a transition", m.hidden.Transition[s][to], f.Transition[at[s]][at[to]], 1e-4)
			}
			for i := range 2 {
				near("a mean", m.hidden.Means[s][i], f.Means[at[s]][i], 1e-5)
				for j := range 2 {
					near("a covariance", m.hidden.Covariances[s][i][j], f.Covariances[at[s]][i][j], 1e-6)
				}
			}
		}
	}
	d.States = 0
	if m := model(t, d); m.States() != 3 {
		t.Errorf("BIC chooses %d states, hmmlearn's is least for 3 of 1 to 3", m.States())
	}
}

// plantedStates is two states, a calm one and a wild one that falls, of three assets.
func plantedStates() *Hidden {
	h := &Hidden{
		Initial: []float64{0.5, 0.5}, Transition: [][]float64{{0.97, 0.03}, {0.1, 0.9}},
		Means: [][]float64{{0.01, 0.012, 0.008}, {-0.02, -0.03, 0}}, Covariances: [][][]float64{rows(3, 3), rows(3, 3)},
	}
	for s, size := range []float64{0.02, 0.07} {
		for i := range 3 {
			for j := range 3 {
				h.Covariances[s][i][j] = 0.4 * size * size
			}
			h.Covariances[s][i][i] = size * size
		}
	}
	return h
}

// A planted model of two states is found again from what it draws, and independent returns
// have one state. What is drawn moves between states as often as the chain does.
func TestPlantedStates(t *testing.T) {
	long.Test(t)
	const periods = 3000
	d := described(rows(4, 3))
	for i := range d.Returns { // any, a model of given parameters does not look at their moments
		d.Returns[i] = []float64{0.01, 0.02, 0.01}
	}
	d.Hidden = plantedStates()
	path := make([]float64, 3*periods)
	model(t, d).Draw(rand.New(rng.New(5, "planted")), path)
	xs := rows(periods, 3)
	for i, x := range path {
		xs[i/3][i%3] = math.Log1p(x)
	}
	m := model(t, described(xs))
	if m.States() != 2 {
		t.Fatalf("%d states are found", m.States())
	}
	for s := range 2 {
		for to := range 2 {
			if got, want := m.hidden.Transition[s][to], d.Hidden.Transition[s][to]; math.Abs(got-want) > 0.03 {
				t.Errorf("transition %d to %d is %v, planted %v", s, to, got, want)
			}
		}
		for i := range 3 {
			deviation := math.Sqrt(d.Hidden.Covariances[s][i][i])
			if got, want := m.hidden.Means[s][i], d.Hidden.Means[s][i]; math.Abs(got-want) > 0.15*deviation {
				t.Errorf("mean %d of state %d is %v, planted %v", i, s, got, want)
			}
			for j := range 3 {
				if got, want := m.hidden.Covariances[s][i][j], d.Hidden.Covariances[s][i][j]; math.Abs(got-want) > 0.15*deviation*deviation {
					t.Errorf("covariance %d, %d of state %d is %v, planted %v", i, j, s, got, want)
				}
			}
		}
	}
	if want := 0.1 / 0.13; math.Abs(m.shares[0]-want) > 0.1 {
		t.Errorf("the calm state has %v of the periods, the chain %v in the long run", m.shares[0], want)
	}

	r := rand.New(rng.New(6, "planted"))
	independent := rows(240, 3)
	for _, x := range independent {
		for i := range x {
			x[i] = 0.05 * r.NormFloat64()
		}
	}
	if m := model(t, described(independent)); m.States() != 1 {
		t.Errorf("%d states are found where returns are independent", m.States())
	}
}

// The likelihood never falls in EM, whatever it begins with: also where variances reach
// their floor, as with more assets than a state has periods.
func TestLikelihoodNeverFalls(t *testing.T) {
	r := rand.New(rng.New(7, "em"))
	atFloor := 0
	for trial := range 60 {
		n, k := 1+r.IntN(8), 1+r.IntN(MostStates)
		xs := rows(n+2+r.IntN(60), n)
		for _, x := range xs {
			size := 0.01 + 0.1*r.Float64()*float64(r.IntN(2))
			for i := range x {
				x[i] = size * r.NormFloat64()
			}
		}
		m := &Model{kind: HiddenMarkov, assets: make([]string, n)}
		mean, l, err := m.moments(xs)
		if err != nil {
			t.Fatal(err)
		}
		unit := rows(len(xs), n)
		for i, x := range xs {
			for a, row := range l {
				d := x[a] - mean[a]
				for b := range a {
					d -= row[b] * unit[i][b]
				}
				unit[i][a] = d / row[a]
			}
		}
		last := math.Inf(-1)
		c := begin(r, unit, k)
		c.climb(unit, 200, func(likelihood float64) {
			if !(likelihood >= last-1e-9*math.Abs(last)) {
				t.Errorf("trial %d: %d states of %d assets: the likelihood falls from %v to %v", trial, k, n, last, likelihood)
			}
			last = likelihood
		})
		if err := c.parameters().check(n); err != nil {
			t.Errorf("trial %d: what is fitted would not be read: %v", trial, err)
		}
		for _, l := range c.chols {
			if variance := l[0][0] * l[0][0]; variance < floor*(1-1e-9) {
				t.Errorf("a variance of %v is below the floor", variance)
			} else if variance < 2*floor {
				atFloor++
			}
		}
	}
	if atFloor == 0 {
		t.Error("no variance is near its floor")
	}
}

func TestHiddenFile(t *testing.T) {
	d := history(60)
	d.Kind, d.States = HiddenMarkov, 2
	m := model(t, d)
	data, err := m.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	back, err := Parse(data)
	if err != nil || !reflect.DeepEqual(m.hidden, back.hidden) || !slices.Equal(m.shares, back.shares) && len(back.shares) != 2 {
		t.Errorf("%v: %+v", err, back)
	}
	again, err := back.Marshal()
	if err != nil || string(again) != string(data) {
		t.Errorf("the file of a file differs: %v", err)
	}
	hole := strings.Replace(string(data), `"means":[[`, `"means":[[null,`, 1)
	if _, err := Parse([]byte(hole)); err == nil || !strings.Contains(err.Error(), "holds null in the place of number 0") {
		t.Error(err)
	}
	for want, edit := range map[string]func(*Description){
		"hidden.initial has 0 probabilities: 1 to 4":           func(d *Description) { d.Hidden.Initial = nil },
		"hidden has 2 states, 1 rows of transition":            func(d *Description) { d.Hidden.Transition = d.Hidden.Transition[:1] },
		"hidden.transition[1][0] is -0.1: a probability":       func(d *Description) { d.Hidden.Transition[1][0] = -0.1 },
		"hidden.transition[0] has 2 numbers that add up to 1.": func(d *Description) { d.Hidden.Transition[0][1] = 0.2 },
		"hidden.means[0] has 2 numbers":                        func(d *Description) { d.Hidden.Means[0] = d.Hidden.Means[0][:2] },
		"hidden.means[1][2] is NaN":                            func(d *Description) { d.Hidden.Means[1][2] = math.NaN() },
		"hidden.covariances[0][1] has 1 numbers":               func(d *Description) { d.Hidden.Covariances[0][1] = []float64{1} },
		"hidden.covariances[1][1][0] is 9":                     func(d *Description) { d.Hidden.Covariances[1][1][0] = 9 },
		"hidden.covariances[0] is not positive definite":       func(d *Description) { d.Hidden.Covariances[0][2][2] = 1e-5 },
		"states is 3, and hidden has 2":                        func(d *Description) { d.States = 3 },
		"states is 5: 0 to 4 are allowed":                      func(d *Description) { d.States = 5 },
		"kind is replay, which has no hidden states":           func(d *Description) { d.Kind = Replay },
		"kind is hidden-markov with 3 periods of 3 assets":     func(d *Description) { d.Hidden, d.Returns, d.Dates = nil, d.Returns[:3], d.Dates[:3] },
		"kind is hidden-markov, and the price of A2 never":     func(d *Description) { d.Hidden = nil },
		"hidden.covariances[1][0][0] is NaN: a variance":       func(d *Description) { d.Hidden.Covariances[1][0][0] = math.NaN() },
	} {
		xs := rows(9, 3)
		for i, x := range xs {
			x[0], x[1] = 0.01*float64(i%4), 0.01*float64(i%3)
		}
		d := described(xs)
		d.Hidden = plantedStates()
		edit(&d)
		if _, err := New(d); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}
