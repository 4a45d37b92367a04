package walkforward

import (
	"compress/gzip"
	"encoding/csv"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"paspo/envs/market"
	"paspo/internal/marketmodel"
	"paspo/lp"
)

var nyse = flag.String("nyse", "", "nyse_o.csv of 36 stocks (testdata/classical.py) for TestClassicalMarket")

// classical returns price relatives of the six stocks of testdata/classical.py by name.
func classical(t *testing.T) map[string][]float64 {
	t.Helper()
	f, err := os.Open("testdata/classical.csv.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	records, err := csv.NewReader(z).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]float64{}
	for _, record := range records[1:] {
		for j, name := range records[0] {
			x, err := strconv.Atoi(record[j])
			if err != nil {
				t.Fatal(err)
			}
			all[name] = append(all[name], float64(x)/1e5)
		}
	}
	return all
}

// free returns a player on price relatives by day and asset, at no costs and with no limits but
// the budget.
func free(t *testing.T, assets []string, relatives [][]float64) *Player {
	t.Helper()
	d := marketmodel.Description{Kind: marketmodel.Replay, Every: "day", Assets: assets}
	for i, row := range relatives {
		r := make([]float64, len(row))
		for j, x := range row {
			r[j] = x - 1
		}
		d.Dates, d.Returns = append(d.Dates, fmt.Sprint(i)), append(d.Returns, r)
	}
	m, err := marketmodel.New(d)
	if err != nil {
		t.Fatal(err)
	}
	data, err := m.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	c := market.DefaultConfig()
	c.Model, c.Costs = filepath.Join(t.TempDir(), MarketFile), "0"
	if err := os.WriteFile(c.Model, data, 0o600); err != nil {
		t.Fatal(err)
	}
	c.Polytope = polytope(t, lp.Description{Entities: assets, Total: 1})
	p, err := market.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return &Player{p, d.Returns}
}

// wealth returns what policies make of a wealth of 1.
func (p *Player) wealth(t *testing.T) map[string]float64 {
	t.Helper()
	tracks, err := p.references(0, len(p.returns), 0)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]float64{}
	for _, track := range tracks {
		for _, x := range track.Log {
			all[track.Policy] += x
		}
		all[track.Policy] = math.Exp(all[track.Policy])
	}
	return all
}

// constant returns what a constantly rebalanced allocation makes of a wealth of 1.
func (p *Player) constant(t *testing.T, a []float64) float64 {
	t.Helper()
	track, err := p.track("constant", 0, len(p.returns), func(int, []float64, *lp.Limits, [][]float64) ([]float64, error) { return a, nil })
	if err != nil {
		t.Fatal(err)
	}
	wealth := 0.
	for _, x := range track.Log {
		wealth += x
	}
	return math.Exp(wealth)
}

// The pairs of stocks of Cover (Mathematical Finance 1, 1991): what a stock makes of a wealth of 1,
// the best constant rebalanced portfolio, and the universal one, which is the mean of those of 21 weights. Of EG Helmbold and
// others (Mathematical Finance 8, 1998) give what comes with a rate of 0.01, cut after two decimals.
func TestClassicalPairs(t *testing.T) {
	stocks := classical(t)
	for _, c := range []struct {
		a, b            string
		first, second   float64
		best, universal float64
		gradient        float64
	}{
		{"iroqu", "kinar", 8.92, 4.13, 73.70, 38.67, 70.85},
		{"comme", "kinar", 52.02, 4.13, 144.00, 78.47, 117.15},
		{"comme", "meico", 52.02, 22.92, 102.96, 72.63, 97.93},
		{"ibm", "coke", 12.21, 13.36, 15.07, 14.18, 0},
	} {
		pair := c.a + " and " + c.b
		near := func(what string, got, want float64) {
			t.Helper()
			if math.Abs(got-want) > 0.01 {
				t.Errorf("%s: %s makes %.4f, want %.2f", pair, what, got, want)
			}
		}
		var relatives [][]float64
		for i, x := range stocks[c.a] {
			relatives = append(relatives, []float64{x, stocks[c.b][i]})
		}
		p := free(t, []string{c.a, c.b}, relatives)
		if len(p.returns) != 5651 {
			t.Fatalf("%d days", len(p.returns))
		}
		wealth, mean := p.wealth(t), 0.
		for k := range 21 {
			x := float64(k) / 20
			mean += p.constant(t, []float64{x, 1 - x}) / 21
		}
		near("the first", p.constant(t, []float64{1, 0}), c.first)
		near("the second", p.constant(t, []float64{0, 1}), c.second)
		near("buy and hold", wealth[Hold], (p.constant(t, []float64{1, 0})+p.constant(t, []float64{0, 1}))/2)
		near("the best constant one", wealth[BestConstant], c.best)
		near("the universal one", mean, c.universal)
		near("equal weights", wealth[Equal], p.constant(t, []float64{0.5, 0.5}))
		if c.gradient > 0 {
			g, log := newGradient(2, 0.01), 0.
			for _, x := range relatives {
				log += math.Log(g.weights[0]*x[0] + g.weights[1]*x[1])
				g.learn(x)
			}
			near("EG with a rate of 0.01", math.Floor(100*math.Exp(log))/100, c.gradient)
		}
	}
}

// On all 36 stocks, EG and the best constant rebalanced portfolio are as Li and Hoi (ICML 2012) report. Of OLMAR they report
// 4.04e16: what testdata/classical.py has is between 4.06e16 and 8.27e16, by the window and what is done
// before it is full.
func TestClassicalMarket(t *testing.T) {
	if *nyse == "" {
		t.Skip("SKIPPED: -nyse names no file of 36 stocks")
	}
	f, err := os.Open(*nyse)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	records, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	n := len(records[0])
	var relatives [][]float64
	last := slices.Repeat([]float64{1}, n)
	for _, record := range records[1:] {
		row := make([]float64, n)
		for j, text := range record {
			x, err := strconv.ParseFloat(text, 64)
			if err != nil {
				t.Fatal(err)
			}
			row[j], last[j] = x/last[j], x
		}
		relatives = append(relatives, row)
	}
	p := free(t, records[0], relatives)
	near := func(what string, got, want float64) {
		t.Helper()
		if t.Logf("%s makes %.6g", what, got); math.Abs(got-want) > 0.002*want {
			t.Errorf("%s makes %.6g, want %.4g", what, got, want)
		}
	}
	wealth := p.wealth(t)
	near("EG", wealth[Gradient], 27.09)
	near("the best constant one", wealth[BestConstant], 250.60)
	near("OLMAR", wealth[Reversion], 8.269e16)
	b, log := slices.Repeat([]float64{1 / float64(n)}, n), 0.
	for i, x := range relatives {
		if b, err = revert(p.problem.Spec().Polytope, nil, b, relatives[max(0, i-3):i], 4); err != nil {
			t.Fatal(err)
		}
		earned := 0.
		for j := range b {
			earned += b[j] * x[j]
		}
		log += math.Log(earned)
	}
	near("OLMAR with a window of 4", math.Exp(log), 4.417e16)
}
