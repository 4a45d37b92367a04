package marketmodel

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"paspo/internal/rng"
)

// history is returns of two assets. Those of the first follow one another.
func history(periods int) Description {
	r := rand.New(rng.New(1, "history"))
	d := Description{Kind: Bootstrap, Every: "month", Assets: []string{"A", "B"}}
	x := 0.
	for t := range periods {
		x = 0.7*x + 0.03*r.NormFloat64()
		d.Dates = append(d.Dates, fmt.Sprint(t))
		d.Returns = append(d.Returns, []float64{math.Expm1(x), math.Expm1(0.01 + 0.02*r.NormFloat64() - x/2)})
	}
	return d
}

func model(t *testing.T, d Description) *Model {
	t.Helper()
	m, err := New(d)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// Blocks of the stationary bootstrap are of geometric lengths with the mean that is asked
// for, and every period comes as often as any other.
func TestStationary(t *testing.T) {
	const n, draws, mean = 50, 400_000, 6.
	idx := make([]int, draws)
	Stationary(rand.New(rng.New(1, "x")), n, mean, idx)
	var count [n]float64
	breaks := 0.
	for i, k := range idx {
		count[k]++
		if i > 0 && k != (idx[i-1]+1)%n {
			breaks++
		}
	}
	// A new block begins by chance where the old one would have gone on, once in n.
	if want := draws / mean * (1 - 1./n); math.Abs(breaks-want) > 5*math.Sqrt(want) {
		t.Errorf("%v blocks, want %v", breaks, want)
	}
	chi := 0.
	for _, c := range count {
		chi += (c - draws/n) * (c - draws/n) / (draws / n)
	}
	// Neighbours come together, so that chi is some 2 mean - 1 times that of independent draws.
	if chi > (2*mean-1)*120 {
		t.Errorf("chi-squared %v", chi)
	}
	// Blocks of one are independent draws, and long ones the data as they were.
	Stationary(rand.New(rng.New(2, "x")), n, math.Inf(1), idx[:200])
	for i := 1; i < 200; i++ {
		if idx[i] != (idx[i-1]+1)%n {
			t.Fatal("a block ends that goes on for ever")
		}
	}
}

// What is drawn are periods that there were, all assets of one together.
func TestDraw(t *testing.T) {
	d := history(40)
	have := map[float64]int{}
	for i, row := range d.Returns {
		have[row[0]] = i
	}
	for _, kind := range []string{Bootstrap, Replay} {
		d.Kind = kind
		m := model(t, d)
		path := make([]float64, 2*30)
		m.Draw(rand.New(rng.New(3, kind)), path)
		last, breaks := -1, 0
		for i := range 30 {
			k, ok := have[path[2*i]]
			if !ok || d.Returns[k][1] != path[2*i+1] {
				t.Fatalf("%s: a period that never was", kind)
			}
			if i > 0 && k != last+1 {
				breaks++
			}
			last = k
		}
		if kind == Replay && breaks > 0 || kind == Bootstrap && breaks == 0 {
			t.Errorf("%s: %d breaks", kind, breaks)
		}
		if err := m.CheckLength(41); (err != nil) != (kind == Replay) {
			t.Errorf("%s: %v", kind, err)
		}
	}
}

func TestGaussian(t *testing.T) {
	d := history(300)
	d.Kind = Gaussian
	m := model(t, d)
	const periods = 200_000
	path := make([]float64, 2*periods)
	m.Draw(rand.New(rng.New(4, "g")), path)
	moments := func(at func(int) (float64, float64), n int) [5]float64 {
		var s [5]float64
		for i := range n {
			x, y := at(i)
			x, y = math.Log1p(x), math.Log1p(y)
			for k, v := range []float64{x, y, x * x, y * y, x * y} {
				s[k] += v / float64(n)
			}
		}
		return s
	}
	want := moments(func(i int) (float64, float64) { return d.Returns[i][0], d.Returns[i][1] }, len(d.Returns))
	got := moments(func(i int) (float64, float64) { return path[2*i], path[2*i+1] }, periods)
	for k := range want {
		if math.Abs(got[k]-want[k]) > 6e-4 {
			t.Errorf("moment %d is %v, want %v", k, got[k], want[k])
		}
	}
}

// The bootstrap in blocks keeps more of what follows what than the Gaussian, which misses it.
func TestMisses(t *testing.T) {
	d := history(400)
	find := func(kind string) Statistic {
		d.Kind = kind
		for _, s := range model(t, d).Misses(200, 1) {
			if s.Name == "autocorrelation of returns, lag 1" {
				return s
			}
		}
		t.Fatal("no such statistic")
		return Statistic{}
	}
	boot, gauss := find(Bootstrap), find(Gaussian)
	if !gauss.Misses() || math.Abs(gauss.Model) > 0.05 || boot.Model < 0.6*boot.Data || boot.Data < 0.3 {
		t.Errorf("bootstrap %+v, gaussian %+v", boot, gauss)
	}
}

func TestFile(t *testing.T) {
	m := model(t, history(20))
	data, err := m.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	back, err := Parse(data)
	if err != nil || !reflect.DeepEqual(m, back) {
		t.Errorf("%v", err)
	}
	for old, want := range map[string]string{
		`"market 1"`: `format is "market 2"`, `"bootstrap"`: `kind is "market 2"`, `"every"`: "unknown field",
	} {
		to := `"market 2"`
		if _, err := Parse(bytes.Replace(data, []byte(old), []byte(to), 1)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", old, err)
		}
	}
	hole := []byte(`{"format":"market 1","kind":"replay","assets":["A","B"],"dates":["a","b"],"returns":[[0.1,0.2],[0.1,null]]}`)
	if _, err := Parse(hole); err == nil || !strings.Contains(err.Error(), "holds null in the place of number 1") {
		t.Error(err)
	}
	for want, edit := range map[string]func(*Description){
		"returns[3][1] is -1: a number above -1": func(d *Description) { d.Returns[3][1] = -1 },
		"returns[3][0] is NaN":                   func(d *Description) { d.Returns[3][0] = math.NaN() },
		"returns[2] has 1 numbers":               func(d *Description) { d.Returns[2] = d.Returns[2][:1] },
		`assets[1] is "A"`:                       func(d *Description) { d.Assets[1] = "A" },
		"dates are 19":                           func(d *Description) { d.Dates = d.Dates[1:] },
		"block is 0.5":                           func(d *Description) { d.Block = 0.5 },
		"more periods than assets":               func(d *Description) { d.Kind, d.Dates, d.Returns = Gaussian, d.Dates[:2], d.Returns[:2] },
		"the returns of B follow":                func(d *Description) { d.Kind = Gaussian; same(d) },
		"the price of A never moves in its 20":   func(d *Description) { d.Kind = Gaussian; still(d, 0) },
		"the price of B never moves":             func(d *Description) { d.Kind = HiddenMarkov; still(d, 1) },
	} {
		d := history(20)
		edit(&d)
		if _, err := New(d); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

func still(d *Description, asset int) {
	for _, row := range d.Returns {
		row[asset] = 0
	}
}

func same(d *Description) {
	for _, row := range d.Returns {
		row[1] = row[0]
	}
}
