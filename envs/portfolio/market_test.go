package portfolio

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"paspo/envs"
	"paspo/envs/internal/envstest"
)

// toyMarket has three states and two assets.
func toyMarket(t testing.TB) *market {
	t.Helper()
	m, err := newMarket(plainNames, []string{"A", "B"}, []float64{0.2, 0.5, 0.3},
		[][]float64{{0.7, 0.2, 0.1}, {0.1, 0.6, 0.3}, {0.25, 0.25, 0.5}},
		[][]float64{{0.1, -0.2}, {0, 0.3}, {-0.4, 0.1}},
		[][][]float64{{{0.04, 0.01}, {0.01, 0.09}}, {{0.05, -0.02}, {-0.02, 0.03}}, {{0.2, 0}, {0, 0.1}}})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// The filter against the sum over all sequences of hidden states, with the
// density of two assets written out.
func TestMarketFilter(t *testing.T) {
	m := toyMarket(t)
	cov := [][3]float64{{0.04, 0.01, 0.09}, {0.05, -0.02, 0.03}, {0.2, 0, 0.1}}
	density := func(s int, r []float64) float64 {
		a, b, c := cov[s][0], cov[s][1], cov[s][2]
		x, y := r[0]-m.means[s][0], r[1]-m.means[s][1]
		det := a*c - b*b
		return math.Exp(-(c*x*x-2*b*x*y+a*y*y)/(2*det)) / (2 * math.Pi * math.Sqrt(det))
	}
	history := [][]float64{{0.1, 0.2}, {-0.3, 0.4}, {0.2, -0.5}, {0, 0.1}}
	f := m.newFilter()
	for range 2 { // the second time after a reset
		f.reset()
		for n, r := range history {
			f.observe(r)
			// weight[s] sums over sequences of n+2 states that end in s.
			weight := make([]float64, 3)
			var walk func(k, s int, p float64)
			walk = func(k, s int, p float64) {
				if k == n+1 {
					weight[s] += p
					return
				}
				p *= density(s, history[k])
				for next, q := range m.transition[s] {
					walk(k+1, next, p*q)
				}
			}
			for s, p := range m.start {
				walk(0, s, p)
			}
			sum := weight[0] + weight[1] + weight[2]
			expected, got := make([]float64, 2), make([]float64, 2)
			for s, w := range weight {
				if d := math.Abs(w/sum - f.ahead[s]); d > 1e-12 {
					t.Errorf("after %d months state %d has probability %v, want %v", n+1, s, f.ahead[s], w/sum)
				}
				for i, mu := range m.means[s] {
					expected[i] += w / sum * mu
				}
			}
			f.expected(got)
			if d := envstest.MaxDifference(got, expected); d > 1e-12 {
				t.Errorf("after %d months the expected returns are %v, want %v", n+1, got, expected)
			}
		}
	}
}

// A month that no state explains still leaves probabilities.
func TestMarketFilterUnlikely(t *testing.T) {
	f := newPortfolio(t, nil).market.newFilter()
	r := make([]float64, 12)
	for i := range r {
		r[i] = 50 * float64(1-2*(i%2))
	}
	f.observe(r)
	f.observe(r)
	if err := probabilities("ahead", f.ahead); err != nil {
		t.Error(err)
	}
}

// Means and covariances of drawn months, and shares of hidden states, against
// the model: 4 and a bit standard errors, as there are many.
func TestMarketSample(t *testing.T) {
	m := toyMarket(t)
	cov := [][]float64{{0.04, 0.01, 0.01, 0.09}, {0.05, -0.02, -0.02, 0.03}, {0.2, 0, 0, 0.1}}
	const n = 200000
	r := envs.EpisodeStream(9, 0)
	x, scratch := make([]float64, 2), make([]float64, 2)
	for s := range 3 {
		mean, second, count := make([]float64, 2), make([]float64, 4), make([]float64, 3)
		for range n {
			m.sample(r, s, x, scratch)
			count[draw(r, m.transition[s])]++
			for i := range x {
				mean[i] += x[i] / n
				for j := range x {
					second[2*i+j] += (x[i] - m.means[s][i]) * (x[j] - m.means[s][j]) / n
				}
			}
		}
		for i := range x {
			if d, se := mean[i]-m.means[s][i], math.Sqrt(cov[s][3*i]/n); math.Abs(d) > 4.5*se {
				t.Errorf("state %d: mean of asset %d is off by %.1f standard errors", s, i, d/se)
			}
			for j := range x {
				se := math.Sqrt((cov[s][3*i]*cov[s][3*j] + cov[s][2*i+j]*cov[s][2*i+j]) / n)
				if d := second[2*i+j] - cov[s][2*i+j]; math.Abs(d) > 4.5*se {
					t.Errorf("state %d: covariance of %d and %d is off by %.1f standard errors", s, i, j, d/se)
				}
			}
		}
		for k, p := range m.transition[s] {
			if d, se := count[k]/n-p, math.Sqrt(p*(1-p)/n); math.Abs(d) > 4.5*se {
				t.Errorf("state %d is followed by %d in a share of %v, want %v", s, k, count[k]/n, p)
			}
		}
	}
}

func TestMarketExpected(t *testing.T) {
	m := toyMarket(t)
	// By hand: the start, then one step of the chain.
	if d := envstest.MaxDifference(m.expected(0), []float64{0.2*0.1 - 0.3*0.4, -0.2*0.2 + 0.5*0.3 + 0.3*0.1}); d > 1e-15 {
		t.Errorf("the first month is off by %g", d)
	}
	p := []float64{0.2*0.7 + 0.5*0.1 + 0.3*0.25, 0.2*0.2 + 0.5*0.6 + 0.3*0.25, 0.2*0.1 + 0.5*0.3 + 0.3*0.5}
	if d := envstest.MaxDifference(m.expected(1), []float64{p[0]*0.1 - p[2]*0.4, -p[0]*0.2 + p[1]*0.3 + p[2]*0.1}); d > 1e-15 {
		t.Errorf("the second month is off by %g", d)
	}
}

// The published files, and files written in their form, hold the data that are built in.
func TestPublishedMarket(t *testing.T) {
	want := newPortfolio(t, nil)
	var d struct {
		Assets            []string
		Start             []float64
		Transition, Means [][]float64
		Covariances       [][][]float64 `json:"covariances_lower"`
		Returns           [][]float64   `json:"backtest_returns"`
	}
	if err := json.Unmarshal(data, &d); err != nil {
		t.Fatal(err)
	}
	for _, c := range d.Covariances {
		for i := range c {
			for j := i + 1; j < len(c); j++ {
				c[i] = append(c[i], c[j][i])
			}
		}
	}
	months := map[string][]float64{}
	for k, r := range d.Returns {
		months[strconv.Itoa(k)] = r
	}
	info := map[string]any{"ordered_list_data_sets": d.Assets}
	holds := func(t *testing.T, parameters, meta, backtest string) {
		p := newPortfolio(t, func(c *Config) { c.Parameters, c.Meta, c.BacktestFile = parameters, meta, backtest })
		a, b := p.market, want.market
		if strings.Join(a.assets, " ") != strings.Join(b.assets, " ") {
			t.Errorf("assets are %v, built in %v", a.assets, b.assets)
		}
		d := max(envstest.MaxDifference(a.start, b.start), envstest.MaxDifference(p.backtest, want.backtest))
		for s := range b.start {
			d = max(d, envstest.MaxDifference(a.means[s], b.means[s]), envstest.MaxDifference(a.transition[s], b.transition[s]),
				envstest.MaxDifference(a.chol[s], b.chol[s]))
		}
		if d != 0 {
			t.Errorf("%s: the market of files and the built-in one differ by %g", parameters, d)
		}
	}
	holds(t,
		envstest.WriteJSON(t, map[string]any{
			"model.startprob_": d.Start, "model.transmat_": d.Transition, "model.means_": d.Means, "model.covars_": d.Covariances,
		}),
		envstest.WriteJSON(t, map[string]any{"data_info": info}),
		envstest.WriteJSON(t, map[string]any{"data_info": info, "data_ordered_returns": months}),
	)
	const sum = "d65a687fd87f792c95f12f913bc5b9bd0f905c6017db3d70a730b4e5f0d74ae6"
	envstest.Published(t, data, sum, func(t *testing.T, dir string) {
		file := func(what string) string {
			return filepath.Join(dir, "model_"+what+"_data_set_G_markov_states_2_12.json")
		}
		holds(t, file("parameter"), file("meta_info"), file("backtesting"))
	})
}

func TestMarketFileErrors(t *testing.T) {
	const (
		parameters = `{"model.startprob_": [0.5, 0.5], "model.transmat_": [[0.9, 0.1], [0.2, 0.8]],
"model.means_": [[0.01, 0.02], [0.03, 0.04]],
"model.covars_": [[[0.1, 0], [0, 0.1]], [[0.2, 0.05], [0.05, 0.2]]]}`
		meta     = `{"data_info": {"ordered_list_data_sets": ["A", "B"]}}`
		backtest = `{"data_info": {"ordered_list_data_sets": ["A", "B"]}, "data_ordered_returns": {"0": [0.1, 0.2], "1": [0.3, -0.4]}}`
	)
	load := func(t *testing.T, p, m, b string) error {
		dir := t.TempDir()
		for name, text := range map[string]string{"p.json": p, "m.json": m, "b.json": b} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		assets, err := readMeta(filepath.Join(dir, "m.json"))
		if err != nil {
			return err
		}
		if _, err := readMarket(filepath.Join(dir, "p.json"), assets); err != nil {
			return err
		}
		_, err = readBacktest(filepath.Join(dir, "b.json"), assets)
		return err
	}
	if err := load(t, parameters, meta, backtest); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ old, new, file, want string }{
		{`[0.5, 0.5]`, `[0.5, 0.4]`, "p.json", "model.startprob_ sums to 0.9"},
		{`[0.5, 0.5]`, `[0.5, null]`, "p.json", "null"},
		{`[0.5, 0.5]`, `[NaN, 0.5]`, "p.json", "p.json:1: invalid character 'N'"},
		{`[0.5, 0.5]`, `["0.5", 0.5]`, "p.json", "string"},
		{`[0.9, 0.1]`, `[1.9, -0.9]`, "p.json", "model.transmat_[0][0] is 1.9"},
		{`[[0.9, 0.1], [0.2, 0.8]]`, `[[0.9, 0.1]]`, "p.json", "model.transmat_ has 1"},
		{`[0.03, 0.04]`, `[0.03]`, "p.json", "model.means_[1] has 1 entries"},
		{`"model.means_"`, `"means"`, "p.json", "model.means_ is missing"},
		{`[0.2, 0.05], [0.05, 0.2]`, `[0.2, 0.05], [0.06, 0.2]`, "p.json", "model.covars_[1] is not symmetric"},
		{`[0.2, 0.05], [0.05, 0.2]`, `[0.2, 0.3], [0.3, 0.2]`, "p.json", "model.covars_[1] is not positive definite"},
		{`[0, 0.1]], [[`, `[0]], [[`, "p.json", "model.covars_[0][1] has 1 entries"},
		{`{"data_info": {"ordered_list_data_sets": ["A", "B"]}}`, `{"data_info": {"ordered_list_data_sets": ["A", "A"]}}`, "m.json", "data_info.ordered_list_data_sets[1]"},
		{`{"data_info": {"ordered_list_data_sets": ["A", "B"]}}`, `{}`, "m.json", "data_info.ordered_list_data_sets is missing"},
		{`["A", "B"]}, "data`, `["B", "A"]}, "data`, "b.json", `data_info.ordered_list_data_sets[0] is "B"`},
		{`[0.3, -0.4]`, `[0.3]`, "b.json", `data_ordered_returns["1"] has 1 returns`},
		{`[0.3, -0.4]`, `[0.3, -1.4]`, "b.json", `data_ordered_returns["1"][1] is -1.4`},
		{`"1": [`, `"2": [`, "b.json", `none is "1"`},
		{`"1": [`, `"0": [`, "b.json", `b.json:1: the key "0" is given twice`},
		{`"model.covars_"`, `"model.means_"`, "p.json", `p.json:3: the key "model.means_" is given twice`},
	} {
		swap := func(text string) string { return strings.Replace(text, test.old, test.new, 1) }
		p, m, b := swap(parameters), swap(meta), swap(backtest)
		if p == parameters && m == meta && b == backtest {
			t.Fatalf("%q is nowhere", test.old)
		}
		err := load(t, p, m, b)
		if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), test.file) {
			t.Errorf("%s: error is %v, want it to name %s and %q", test.new, err, test.file, test.want)
		}
	}
}

func FuzzReadMarket(f *testing.F) {
	f.Add([]byte(`{"model.startprob_": [1], "model.transmat_": [[1]], "model.means_": [[0.01]], "model.covars_": [[[0.1]]]}`))
	f.Add([]byte(`{"model.startprob_": [], "model.covars_": [[[]]]}`))
	f.Add([]byte(`{"model.covars_": [[null]]}`))
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, data []byte) {
		file := filepath.Join(dir, "p.json")
		if err := os.WriteFile(file, data, 0o600); err != nil {
			t.Fatal(err)
		}
		m, err := readMarket(file, []string{"A"})
		if err != nil {
			if !strings.Contains(err.Error(), file) {
				t.Errorf("%v does not name the file", err)
			}
			return
		}
		if !json.Valid(data) {
			t.Error("invalid JSON was accepted")
		}
		x, scratch := make([]float64, 1), make([]float64, 1)
		for s := range m.states() {
			if m.sample(envs.EpisodeStream(1, 1), s, x, scratch); math.IsNaN(x[0]) {
				t.Errorf("state %d gives NaN", s)
			}
		}
	})
}
