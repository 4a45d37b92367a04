package walkforward

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"paspo/envs/market"
	"paspo/internal/marketmodel"
	"paspo/internal/prices"
	"paspo/internal/rng"
	"paspo/internal/run/config"
	"paspo/internal/run/report"
	"paspo/internal/stats"
	"paspo/lp"
	"paspo/rl"
)

func TestFolds(t *testing.T) {
	got, err := Folds(10, 4, 4)
	if want := []Fold{{0, 4, 8}, {4, 8, 10}}; err != nil || !slices.Equal(got, want) {
		t.Errorf("%v, %v", got, err)
	}
	for _, periods := range []int{4, 5} {
		if _, err := Folds(periods, 4, 1); err == nil || !strings.Contains(err.Error(), "a shorter --window") {
			t.Error(err)
		}
	}
}

func polytope(t *testing.T, d lp.Description) *lp.Polytope {
	t.Helper()
	p, err := lp.New(d)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// Cover's example: cash, and an asset that doubles and halves in turn. Half of each grows by
// 9/8 in two periods, where neither alone grows at all.
func TestBestConstant(t *testing.T) {
	p := polytope(t, market.Simplex([]string{"A"}))
	growth := [][]float64{{1, 2}, {1, 0.5}, {1, 2}, {1, 0.5}}
	a, err := bestConstant(unborrowed(p), []float64{1, 0}, growth)
	if err != nil || math.Abs(a[1]-0.5) > 1e-3 {
		t.Fatalf("%v, %v", a, err)
	}
	s := 0.
	for _, row := range growth {
		s += math.Log(row[0]*a[0] + row[1]*a[1])
	}
	if math.Abs(s-2*math.Log(9./8)) > 1e-8 {
		t.Errorf("it grows by %v", math.Exp(s))
	}
}

// The least variance of independent assets is at shares of one over their variances; limits
// hold, and nothing near is better.
func TestMinimumVariance(t *testing.T) {
	d := lp.Description{Entities: []string{"A", "B", "C"}, Total: 1}
	var returns [][]float64
	for i := range 8 { // all signs: no correlation, deviations of 1, 2 and 4
		at := func(bit, size int) float64 { return float64(size) * (2*float64(i>>bit&1) - 1) / 100 }
		returns = append(returns, []float64{at(0, 1), at(1, 2), at(2, 4)})
	}
	a, err := minimumVariance(unborrowed(polytope(t, d)), nil, []float64{1, 0, 0}, returns, 0)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []float64{16. / 21, 4. / 21, 1. / 21} {
		if math.Abs(a[i]-want) > 1e-3 {
			t.Errorf("share %d is %v, want %v", i, a[i], want)
		}
	}
	d.Rows = []lp.Row{{Name: "A", Coef: []float64{1, 0, 0}, Min: math.Inf(-1), Max: 0.5}}
	a, err = minimumVariance(unborrowed(polytope(t, d)), nil, []float64{0, 0, 1}, returns, 0)
	if err != nil || math.Abs(a[0]-0.5) > 1e-3 || math.Abs(a[1]-0.4) > 1e-3 {
		t.Errorf("%v, %v", a, err)
	}
}

// Of independent assets with means m, mean less half the variance is largest at shares of (m + v)/s^2, with v
// such that their sum is 1.
func TestMeanVariance(t *testing.T) {
	deviation, mean := []float64{0.01, 0.02, 0.04}, []float64{0, 2e-5, 4e-5}
	var growth [][]float64
	for i := range 8 {
		row := make([]float64, 3)
		for j := range row {
			row[j] = 1 + mean[j] + deviation[j]*(2*float64(i>>j&1)-1)
		}
		growth = append(growth, row)
	}
	precision, v := 0., 1.
	for j := range mean {
		precision += 1 / (deviation[j] * deviation[j])
		v -= mean[j] / (deviation[j] * deviation[j])
	}
	v /= precision
	a, err := minimumVariance(unborrowed(polytope(t, lp.Description{Entities: []string{"A", "B", "C"}, Total: 1})), nil, []float64{0, 0, 1}, growth, 1)
	if err != nil {
		t.Fatal(err)
	}
	for j := range a {
		if want := (mean[j] + v) / (deviation[j] * deviation[j]); math.Abs(a[j]-want) > 1e-3 {
			t.Errorf("share %d is %v, want %v", j, a[j], want)
		}
	}
}

// table is prices of a walk by chance.
func table(periods int) *prices.Table {
	r := rand.New(rng.New(5, "table"))
	t := &prices.Table{Name: "t", Tickers: []string{"A", "B", "C"}}
	row := []float64{10, 20, 30}
	for i := range periods + 1 {
		t.Dates = append(t.Dates, time.Date(2000, time.Month(1+i), 28, 0, 0, 0, 0, time.UTC))
		t.Prices = append(t.Prices, slices.Clone(row))
		for j := range row {
			row[j] *= math.Exp(0.05 * r.NormFloat64())
		}
	}
	return t
}

func walk(t *testing.T, prices *prices.Table) (*Summary, string) {
	t.Helper()
	slog.SetDefault(slog.New(slog.NewTextHandler(io.Discard, nil)))
	d := market.Simplex([]string{"A", "B", "C"})
	d.Upper = []float64{0.3, 0.5, 0.5, 1}
	d.Rows = []lp.Row{{Name: "pair", Coef: []float64{0, 1, 1, 0}, Min: 0.2, Max: 0.6}}
	dir := filepath.Join(t.TempDir(), "walk")
	w := Walk{
		Settings: Settings{Every: "month", Window: 24, Trade: 10, Model: marketmodel.Bootstrap},
		Prices:   prices, Polytope: polytope(t, d), Dir: dir,
		Load: func(s ...config.Setting) (*config.Config, error) {
			return config.LoadOver("auto", "", []string{"steps=512", "debias.points=1000", "debias.cache_dir=", "report.episodes=8", "ppo.epochs=2", "ppo.eval_episodes=4"}, s)
		},
	}
	s, err := w.Run(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return s, dir
}

// A policy cannot look back on more periods than the first window has.
func TestLookbackWithinWindow(t *testing.T) {
	w := Walk{
		Settings: Settings{Every: "month", Window: 24, Trade: 10, Model: marketmodel.Bootstrap},
		Prices:   table(60), Polytope: polytope(t, market.Simplex([]string{"A", "B", "C"})), Dir: filepath.Join(t.TempDir(), "walk"),
		Load: func(s ...config.Setting) (*config.Config, error) {
			return config.LoadOver("auto", "", []string{"env.market.lookback=25"}, s)
		},
	}
	_, err := w.Run(context.Background())
	if err == nil || !strings.Contains(err.Error(), "env.market.lookback is 25: at most the periods of a window, 24, are allowed") {
		t.Error(err)
	}
	if _, err := os.Stat(w.Dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%s is left: %v", w.Dir, err)
	}
}

// What prepares a training and does not look at the context is left behind, and no file is.
// A folder that was there before stays.
func TestWalkLeavesWhatGoesOn(t *testing.T) {
	ctx, stop := context.WithCancel(context.Background())
	began, release := make(chan bool), make(chan bool)
	defer close(release)
	w := Walk{
		Settings: Settings{Every: "month", Window: 24, Trade: 10, Model: marketmodel.Bootstrap},
		Prices:   table(60), Polytope: polytope(t, market.Simplex([]string{"A", "B", "C"})), Dir: filepath.Join(t.TempDir(), "walk"),
		Load: func(...config.Setting) (*config.Config, error) {
			close(began)
			<-release
			return nil, errors.New("released")
		},
	}
	go func() {
		<-began
		stop()
	}()
	if _, err := w.Run(ctx); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if _, err := os.Stat(w.Dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%s is left: %v", w.Dir, err)
	}
	kept := filepath.Join(t.TempDir(), "mine")
	if err := os.WriteFile(kept, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	w.Dir = filepath.Dir(kept)
	if _, err := w.Run(context.Background()); err == nil || !strings.Contains(err.Error(), "is there already") {
		t.Error(err)
	}
	if _, err := os.Stat(kept); err != nil {
		t.Error(err)
	}
}

// A whole walk: the table has every policy over the same periods, none of which breaks a
// limit. What happens from a period on changes nothing that any policy did before it, or in
// it, but for what is chosen in hindsight; it does change what comes after.
func TestWalk(t *testing.T) {
	const periods, from = 60, 50
	own, dir := walk(t, table(periods))
	if len(own.Rows) != 8 || own.Violations > 0 || !(own.Residual <= 1e-9) || own.Folds != 4 || len(own.Dates) != periods-24 {
		t.Errorf("%+v", own)
	}
	bound := own.Rows[len(own.Rows)-1].Growth.Estimate
	if equal := own.Rows[1]; equal.Policy != Equal || equal.Growth.Estimate > bound || equal.Excess.Low != 0 || equal.Excess.High != 0 {
		t.Errorf("%+v, the bound is %v", equal, bound)
	}
	for _, name := range []string{MarketFile, SettingsFile, ConstraintsFile, PathFile, SummaryFile, "policy/summary.json", "window-04/config.yaml"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Error(err)
		}
	}
	data, err := os.ReadFile(filepath.Join(dir, SummaryFile))
	var back Summary
	if err == nil {
		err = json.Unmarshal(data, &back)
	}
	// Four windows and the one for what comes next, of a batch of steps each.
	if n := own.Steps; n <= 0 || !strings.Contains(own.Trainings(), fmt.Sprintf("5 trainings of %d steps, %d in all", n, 5*n)) {
		t.Error(own.Trainings())
	}
	// The budget is no limit that anybody could loosen.
	priced := slices.ContainsFunc(back.Limits, func(l Limit) bool { return l.ShadowPrice > 0 })
	if len(back.Limits) != 5 || slices.ContainsFunc(back.Limits, func(l Limit) bool { return l.Name == "total = 1" }) || !priced || back.Unpriced != "" {
		t.Errorf("%+v, %s", back.Limits, back.Unpriced)
	}
	if err != nil || back.Verdict != own.Verdict || !reflect.DeepEqual(back.Rows, own.Rows) {
		t.Errorf("the summary does not read back: %v", err)
	}
	var text strings.Builder
	if err := own.Write(&text); err != nil || !strings.Contains(text.String(), own.Verdict) || !strings.Contains(own.Verdict, "this one training (seed 1)") ||
		!regexp.MustCompile(`(?m)^limit +least distance .*\n(.*\n)*pair >= 0\.2 +0\.\d{4} +\d+ of 36 +\d+\.\d{3} %$`).MatchString(text.String()) {
		t.Errorf("%v\n%s", err, text.String())
	}

	shifted := table(periods)
	for i := from + 1; i <= periods; i++ { // the price at the end of period `from` and later
		for j := range shifted.Prices[i] {
			shifted.Prices[i][j] *= 1 + 0.2*float64(j)
		}
	}
	other, _ := walk(t, shifted)
	for k, a := range own.Tracks {
		if a.Policy == BestConstant {
			continue
		}
		b := other.Tracks[k]
		for i := range a.Bought {
			before := 24+i <= from
			same := slices.Equal(a.Bought[i], b.Bought[i])
			if before && !same {
				t.Errorf("%s sees in period %d what happens from %d on", a.Policy, 24+i, from)
			}
			if 24+i < from && a.Log[i] != b.Log[i] {
				t.Errorf("%s earned something else in period %d", a.Policy, 24+i)
			}
		}
		if last := len(a.Bought) - 1; a.Policy != Equal && slices.Equal(a.Bought[last], b.Bought[last]) {
			t.Errorf("%s does not see what has happened", a.Policy)
		}
	}
}

// A walk that is interrupted within a window, or killed before a window has a configuration,
// goes on to the same bytes. Turnover follows what is held in all of it.
func TestResume(t *testing.T) {
	slog.SetDefault(slog.New(slog.NewTextHandler(io.Discard, nil)))
	d := market.Simplex([]string{"A", "B", "C"})
	trade := lp.Row{Name: "trade", Coef: make([]float64, 4), Min: math.Inf(-1), Max: 0.2}
	for j := range 4 {
		trade.Terms = append(trade.Terms, lp.Term{Entity: j, Above: 1, Below: 1, From: 0.25, Holding: true})
	}
	d.Rows = []lp.Row{trade}
	iterations := 0
	newWalk := func(dir string) *Walk {
		return &Walk{
			Settings: Settings{Every: "month", Window: 24, Trade: 10, Model: marketmodel.Bootstrap},
			Prices:   table(44), Polytope: polytope(t, d), Dir: dir,
			Load: func(s ...config.Setting) (*config.Config, error) {
				return config.LoadOver("auto", "", []string{"steps=1536", "debias.points=1000", "debias.cache_dir=", "report.episodes=8", "ppo.epochs=2", "ppo.eval_episodes=4"}, s)
			},
			Observe: func(int, int, rl.Metrics) { iterations++ },
		}
	}
	whole, broken := filepath.Join(t.TempDir(), "w"), filepath.Join(t.TempDir(), "w")
	s, err := newWalk(whole).Run(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if s.Rows[0].Relaxed != 0 || s.Violations != 0 || s.Rows[0].Turnover > 12*0.2 {
		t.Errorf("%+v", s.Rows[0])
	}
	// Buy and hold takes eight periods at 0.2 from cash to equal shares, and trades nothing after.
	hold := s.Tracks[slices.IndexFunc(s.Tracks, func(t *Track) bool { return t.Policy == Hold })]
	done := slices.IndexFunc(hold.Turnover, func(x float64) bool { return x < 1e-12 })
	if done < 8 || done > 9 || slices.Max(hold.Turnover[done:]) > 1e-12 {
		t.Errorf("buy and hold trades %v", hold.Turnover)
	} else if a := hold.Bought[done-1]; slices.Max(a)-slices.Min(a) > 1e-5 {
		t.Errorf("buy and hold has bought %v", a)
	}
	all := iterations
	iterations = 0
	stop := func(w *Walk, after int) {
		t.Helper()
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		w.Observe = func(int, int, rl.Metrics) {
			if iterations++; iterations == after {
				cancel()
			}
		}
		if _, err := w.Run(ctx); !errors.Is(err, context.Canceled) {
			t.Fatalf("after %d iterations: %v", iterations, err)
		}
	}
	again := func() *Walk {
		t.Helper()
		w := newWalk(broken)
		if w.Settings, err = ReadSettings(broken); err != nil {
			t.Fatal(err)
		}
		w.Resume = true
		return w
	}
	stop(newWalk(broken), 1)
	stop(again(), all/2)
	if err := os.MkdirAll(filepath.Join(broken, PolicyDir), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(broken, PolicyDir, "constraints.yaml"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := again().Run(context.Background()); err != nil {
		t.Fatal(err)
	}
	if iterations != all {
		t.Errorf("%d iterations, the whole walk took %d", iterations, all)
	}
	for _, name := range []string{PathFile, MarketFile, SummaryFile, ConstraintsFile} {
		a, err := os.ReadFile(filepath.Join(whole, name))
		b, other := os.ReadFile(filepath.Join(broken, name))
		if err != nil || other != nil || strings.ReplaceAll(string(a), whole, "") != strings.ReplaceAll(string(b), broken, "") {
			t.Errorf("%s differs: %v, %v", name, err, other)
		}
	}
	w := again()
	w.Prices.Prices[3][1] *= 1.01
	if _, err := w.Run(context.Background()); err == nil || !strings.Contains(err.Error(), "is a walk through other prices than those of t") {
		t.Error(err)
	}
}

// Numbers of a row by hand, and what the verdict says.
func TestRow(t *testing.T) {
	n := 12
	equal := &Track{Policy: Equal, MaxResidual: math.Inf(-1)}
	track := &Track{Policy: Trained, MaxResidual: math.Inf(-1)}
	for i := range n {
		x := 0.02
		if i%4 == 3 {
			x = -0.05
		}
		equal.Log, equal.Turnover, equal.Costs = append(equal.Log, math.Log1p(x)), append(equal.Turnover, 0.1), append(equal.Costs, 0.001)
		track.Log, track.Turnover, track.Costs = append(track.Log, math.Log1p(x)+0.01), append(track.Turnover, 0.2), append(track.Costs, 0.002)
	}
	e := row(equal, equal, 12, 1)
	want := math.Pow(1.02, 9)*math.Pow(0.95, 3) - 1
	if math.Abs(e.Growth.Estimate-want) > 1e-12 || math.Abs(e.Drawdown-0.05) > 1e-12 ||
		math.Abs(e.CVaR+0.05) > 1e-12 || math.Abs(e.Turnover-1.2) > 1e-12 || math.Abs(e.Costs-0.012) > 1e-12 {
		t.Errorf("%+v, grows by %v", e, want)
	}
	if mean, down := 0.0025, math.Sqrt(0.05*0.05/4); math.Abs(float64(e.Sortino)-mean/down*math.Sqrt(12)) > 1e-9 {
		t.Errorf("Sortino %v", e.Sortino)
	}
	mean, squares := 0.0025, (0.75*0.02*0.02+0.25*0.05*0.05)-0.0025*0.0025
	// Deviations are those of a sample, over the number of periods less one.
	if want := mean / math.Sqrt(squares*12/11) * math.Sqrt(12); math.Abs(float64(e.Sharpe)-want) > 1e-9 {
		t.Errorf("Sharpe %v, want %v", e.Sharpe, want)
	}
	gain, loss := math.Log(1.02), math.Log(0.95)
	if want := (gain - loss) * math.Sqrt(9*3./12/11) * math.Sqrt(12); math.Abs(e.Volatility-want) > 1e-9 {
		t.Errorf("volatility %v, want %v", e.Volatility, want)
	}
	// What cash earns has no ratio, nor has what the gap of a quadratic program adds to it.
	for _, gap := range []float64{0, 1e-8} {
		cash := &Track{Policy: MinVariance, Turnover: equal.Turnover, Costs: equal.Costs}
		for _, x := range equal.Log {
			cash.Log = append(cash.Log, math.Log1p(0.003)+gap*x)
		}
		if c := row(cash, equal, 12, 1); !math.IsNaN(float64(c.Sharpe)) || !math.IsNaN(float64(c.Sortino)) {
			t.Errorf("cash, and %g of risk: Sharpe %v, Sortino %v", gap, c.Sharpe, c.Sortino)
		}
	}
	r := row(track, equal, 12, 1)
	if math.Abs(r.Excess.Estimate-0.12) > 1e-9 || math.Abs(r.Excess.Low-0.12) > 1e-9 {
		t.Errorf("%+v", r)
	}
	for _, c := range []struct {
		low, high float64
		want      string
	}{
		{0.005, 0.057, "beats equal weights after costs: +2.6 % of logarithmic growth a year, 95 % interval +0.5 to +5.7"},
		{0.000038, 0.057, "beats equal weights after costs: +2.6 % of logarithmic growth a year, 95 % interval +0.004 to +5.7"},
		{-0.005, 0.057, "cannot be told from equal weights after costs: +2.6 % of logarithmic growth a year, 95 % interval -0.5 to +5.7 contains 0"},
		{0, 0.057, "cannot be told from equal weights after costs: +2.6 % of logarithmic growth a year, 95 % interval +0.0 to +5.7 contains 0"},
		{-0.057, -0.005, "is worse than equal weights after costs: +2.6 % of logarithmic growth a year, 95 % interval -5.7 to -0.5"},
	} {
		r.Excess = stats.Interval{Estimate: 0.026, Low: c.low, High: c.high}
		want := "the trained policy of this one training (seed 3) " + c.want + "; it covers the chance of the market alone, not that of training"
		if c.low > 0 {
			want += ": look at several seeds before you believe it"
		}
		if got := verdict(r, 3); got != want {
			t.Errorf("the verdict is %q, want %q", got, want)
		}
	}
}

// A run that did not learn counts once a training, whatever shows it.
func TestCounted(t *testing.T) {
	found := func(f report.Finding, text string) report.Warning { return report.Warning{Finding: f, Text: text} }
	got := counted([][]report.Warning{
		nil,
		{found(report.BelowStart, "the run did not learn: a"), found(report.BelowUniform, "the run did not learn: b"), found(report.BelowReference, "c")},
		{found(report.NoGain, "the run did not learn: d")},
	})
	want := []string{"in 2 of 3 trainings the run did not learn: a, in the training of window 2 (3 too): try more --steps", "in 1 of 3 trainings c, in the training of window 2"}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// Policies whose limits were relaxed in the same periods are named together, and the first period has its reason.
func TestRelaxed(t *testing.T) {
	s := Summary{Dates: make([]string, 191), Polytope: polytope(t, market.Simplex([]string{"A", "B"}))}
	if got := s.Relaxed(); got != "" {
		t.Errorf("%q, though nothing was relaxed", got)
	}
	s.Rows = []Row{
		{Policy: Trained, Relaxed: 1, MaxRelaxation: 1.2, RelaxedFirst: true}, {Policy: Equal, Relaxed: 1, MaxRelaxation: 1.2, RelaxedFirst: true},
		{Policy: Hold, Relaxed: 2, MaxRelaxation: 1.2, RelaxedFirst: true}, {Policy: Gradient, Relaxed: 3, MaxRelaxation: 0.05}, {Policy: BestConstant},
	}
	const want = "limits on what is traded were relaxed by the least that the others asked for: " +
		"in the first period, since the walk begins in cash, by at most 120 % of the wealth (trained policy, equal weights); " +
		"in 2 periods of 191, of which one is the first, since the walk begins in cash, by at most 120 % of the wealth (buy and hold); " +
		"in 3 periods of 191, by at most 5 % of the wealth (EG)"
	if got := s.Relaxed(); got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// The interval of the mean of independent numbers is about that of the central limit theorem.
func TestBlocks(t *testing.T) {
	const n = 1000
	r := rand.New(rng.New(6, "blocks"))
	xs := make([]float64, n)
	for i := range xs {
		xs[i] = r.NormFloat64()
	}
	iv := blocks(n, 1, level, func(idx []int) (s float64) {
		for _, i := range idx {
			s += xs[i] / n
		}
		return s
	})
	if half := (iv.High - iv.Low) / 2; math.Abs(half-1.96/math.Sqrt(n)) > 0.2*1.96/math.Sqrt(n) {
		t.Errorf("%+v", iv)
	}
}

// Distances to limits, magnitudes among them, by hand. Least variance keeps those, too.
func TestSlacks(t *testing.T) {
	p := polytope(t, lp.Description{
		Entities: []string{"A", "B", "C"}, Total: 1, Lower: []float64{0, 0.1, 0}, Upper: []float64{0.7, 1, 1},
		Rows: []lp.Row{{Name: "near", Coef: []float64{0, 0, 1}, Min: math.Inf(-1), Max: 0.4, Terms: []lp.Term{{Entity: 0, Above: 1, Below: 2, From: 0.5}}}},
	})
	want := map[string]float64{"near": 0.4 - 0.2 - 2*0.2, "A <= 0.7": 0.4, "B >= 0.1": 0.4}
	got := Slacks(p, []float64{0.3, 0.5, 0.2}, nil)
	if len(got) != 3 {
		t.Fatalf("%v", got)
	}
	for _, s := range got {
		if math.Abs(s.Slack-want[s.Name]) > 1e-15 {
			t.Errorf("%s is %v away, want %v", s.Name, s.Slack, want[s.Name])
		}
	}
	a, err := minimumVariance(unborrowed(p), nil, []float64{0.5, 0.5, 0}, [][]float64{{0.09, 0.01, 0}, {-0.09, -0.01, 0}}, 0)
	if err != nil || p.Residual(a, nil) > 1e-9 {
		t.Errorf("%v breaks limits by %v, %v", a, p.Residual(a, nil), err)
	}
}
