package walkforward

import (
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"slices"
	"text/tabwriter"

	"paspo/internal/marketmodel"
	"paspo/internal/rng"
	"paspo/internal/run/report"
	"paspo/internal/stats"
)

const (
	level     = 0.95
	resamples = 2000
	tail      = 0.05 // of the conditional value at risk
	noRisk    = 1e-6 // a period: returns that deviate by less are those of cash but for rounding and the gaps of quadratic programs
)

// Row is what became of a policy, all after costs. Intervals are those of the stationary
// bootstrap of periods, whose blocks are on average as long as the cube root of their number.
type Row struct {
	Policy string         `json:"policy"`
	Growth stats.Interval `json:"growth"` // of the wealth, a year
	Excess stats.Interval `json:"excess"` // logarithmic growth a year beyond that of equal weights

	Volatility float64       `json:"volatility"` // of logarithmic returns, a year
	Sharpe     report.Number `json:"sharpe"`     // mean return over its deviation, a year; NaN where that is below 1e-6 a period
	Sortino    report.Number `json:"sortino"`    // mean return over the root of its mean squared losses, a year; NaN where that is below 1e-6 a period
	Drawdown   float64       `json:"drawdown"`   // largest loss from a top, as a share of it
	CVaR       float64       `json:"cvar"`       // mean return of the worst twentieth of the periods
	Turnover   float64       `json:"turnover"`   // bought and sold a year, in wealths
	Costs      float64       `json:"costs"`      // a year, of trading and of borrowing, as a share of the wealth

	MaxResidual float64 `json:"max_residual"`
	Violations  int     `json:"violations"`

	Relaxed       int     `json:"relaxed,omitempty"`        // periods whose limits no allocation satisfied at what was held, so that they were relaxed
	MaxRelaxation float64 `json:"max_relaxation,omitempty"` // as a share of the wealth
	RelaxedFirst  bool    `json:"relaxed_first,omitempty"`  // the first period is among them
}

// row measures a track. equal is that of equal weights.
func row(t, equal *Track, perYear float64, seed uint64) Row {
	n := len(t.Log)
	r := Row{Policy: t.Policy, MaxResidual: t.MaxResidual, Violations: t.Violations, Relaxed: t.Relaxed, MaxRelaxation: t.MaxRelaxation, RelaxedFirst: t.RelaxedFirst}
	mean := func(xs []float64, idx []int) (s float64) {
		for _, i := range idx {
			s += xs[i] / float64(len(idx))
		}
		return s
	}
	r.Growth = blocks(n, seed, level, func(idx []int) float64 { return math.Expm1(perYear * mean(t.Log, idx)) })
	r.Excess = blocks(n, seed, level, func(idx []int) float64 { return perYear * (mean(t.Log, idx) - mean(equal.Log, idx)) })

	simple := make([]float64, n)
	var losses, wealth, top float64
	for i, x := range t.Log {
		simple[i] = math.Expm1(x)
		losses += min(0, simple[i]) * min(0, simple[i])
		wealth += x
		top = max(top, wealth)
		r.Drawdown = max(r.Drawdown, -math.Expm1(wealth-top))
		r.Turnover += t.Turnover[i] * perYear / float64(n)
		r.Costs += t.Costs[i] * perYear / float64(n)
	}
	count := float64(n)
	average, spread := stats.MeanStd(simple)
	ratio := func(deviation float64) report.Number {
		if !(deviation >= noRisk) {
			return report.Number(math.NaN())
		}
		return report.Number(average / deviation * math.Sqrt(perYear))
	}
	r.Sharpe, r.Sortino = ratio(spread), ratio(math.Sqrt(losses/count))
	_, deviation := stats.MeanStd(t.Log)
	r.Volatility = deviation * math.Sqrt(perYear)
	slices.Sort(simple)
	worst := max(1, int(tail*count))
	for _, x := range simple[:worst] {
		r.CVaR += x / float64(worst)
	}
	return r
}

// blocks returns f of all periods with its percentile interval under the stationary
// bootstrap. Every call draws the same blocks, so that differences are of pairs.
func blocks(n int, seed uint64, level float64, f func(idx []int) float64) stats.Interval {
	idx := make([]int, n)
	for i := range idx {
		idx[i] = i
	}
	iv := stats.Interval{Estimate: f(idx)}
	r := rand.New(rng.New(seed, "walkforward", "intervals"))
	all := make([]float64, resamples)
	for k := range all {
		marketmodel.Stationary(r, n, marketmodel.DefaultBlock(n), idx)
		all[k] = f(idx)
	}
	slices.Sort(all)
	at := func(q float64) float64 { return all[int(math.Round(q*float64(resamples-1)))] }
	iv.Low, iv.High = at((1-level)/2), at((1+level)/2)
	return iv
}

// verdict says what the interval of the excess over equal weights tells of the policy of one training. Another seed
// is another training, and so is another order of the assets, whose random numbers are then others.
func verdict(r Row, seed uint64) string {
	what, contains, next := "cannot be told from", " contains 0", ""
	switch {
	case r.Excess.Low > 0:
		what, contains, next = "beats", "", ": look at several seeds before you believe it"
	case r.Excess.High < 0:
		what, contains = "is worse than", ""
	}
	return fmt.Sprintf("the trained policy of this one training (seed %d) %s equal weights after costs: %s %% of logarithmic growth a year, "+
		"95 %% interval %s to %s%s; it covers the chance of the market alone, not that of training%s",
		seed, what, signed(r.Excess.Estimate), signed(r.Excess.Low), signed(r.Excess.High), contains, next)
}

// signed writes a share in per cent with its sign and one decimal, or with the more that it takes to show what is not 0.
func signed(x float64) string {
	digits := 1
	for ; digits < 6 && x != 0 && math.Abs(100*x) < 0.5*math.Pow10(-digits); digits++ {
	}
	return fmt.Sprintf("%+.*f", digits, 100*x+0)
}

// known writes a number, a dash where it is NaN.
func known(x report.Number) string {
	if math.IsNaN(float64(x)) {
		return "-"
	}
	return fmt.Sprintf("%.2f", x)
}

// writeLimits writes the limits that the trained policy was at, or that have a shadow price.
func (s *Summary) writeLimits(w io.Writer) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	none := true
	for _, l := range s.Limits {
		price := float64(l.ShadowPrice)
		if l.At == 0 && !(math.Abs(price) >= 5e-6) {
			continue
		}
		if none {
			fmt.Fprintln(tw, "\nlimit\tleast distance\tperiods at it\tshadow price a year, of 0.01")
			none = false
		}
		text := "-"
		if !math.IsNaN(price) {
			text = fmt.Sprintf("%.3f %%", 100*price+0)
			switch tighter := float64(l.Tighter); {
			case math.IsInf(tighter, 1):
				text += ", none tighter can be satisfied"
			case tighter-price > 1e-6:
				text += fmt.Sprintf(", %.3f %% tighter", 100*tighter)
			}
		}
		fmt.Fprintf(tw, "%s\t%.4f\t%d of %d\t%s\n", l.Name, l.Least, l.At, len(s.Dates), text)
	}
	if err := tw.Flush(); err != nil || none {
		return err
	}
	what := "shadow prices are of the " + BestConstant + "; the page and summary.json have all limits"
	if s.Unpriced != "" {
		what = "there are no shadow prices: " + s.Unpriced
	}
	_, err := fmt.Fprintln(w, what)
	return err
}

// Rounded returns x in whole parts of a unit, times the unit, and 0 where that is -0: so that a loss
// that rounds to nothing is not shown as -0.0.
func Rounded(x, unit float64) float64 { return math.Round(x/unit)*unit + 0 }

// Tenths returns a share in tenths of a percent.
func Tenths(x float64) float64 { return Rounded(100*x, 0.1) }

// writeRows writes the table.
func writeRows(w io.Writer, rows []Row) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "policy\tgrowth a year [95 %]\tbeyond equal weights [95 %]\tvolatility\tSharpe\tSortino\tdrawdown\tCVaR 5 %\tturnover a year\tcosts a year\tviolations")
	for _, r := range rows {
		beyond := fmt.Sprintf("%+.1f %% [%+.1f, %+.1f]", Tenths(r.Excess.Estimate), Tenths(r.Excess.Low), Tenths(r.Excess.High))
		if r.Policy == Equal {
			beyond = ""
		}
		fmt.Fprintf(tw, "%s\t%.1f %% [%.1f, %.1f]\t%s\t%.1f %%\t%s\t%s\t%.1f %%\t%.1f %%\t%.2f\t%.2f %%\t%d\n", r.Policy,
			Tenths(r.Growth.Estimate), Tenths(r.Growth.Low), Tenths(r.Growth.High), beyond, Tenths(r.Volatility), known(r.Sharpe), known(r.Sortino),
			Tenths(r.Drawdown), Tenths(r.CVaR), r.Turnover, 100*r.Costs, r.Violations)
	}
	return tw.Flush()
}
