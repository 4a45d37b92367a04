package sweep

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"text/tabwriter"

	"paspo/internal/rng"
	"paspo/internal/stats"
)

// Keys of the space that a comparison goes through.
const (
	algoKey = "algo.name"
	envKey  = "env.name"
)

// Compared is what the seeds of one algorithm came to on one environment.
type Compared struct {
	Env, Algo  string
	Seeds      int            // that are done
	Return     stats.Interval // mean over seeds, NaN where none is done; 95 % by resampling seeds
	Violations float64        // a seed: actions of training and validation that broke a constraint
	Residual   float64        // the largest
	Seconds    float64        // of processor time a seed
}

// Comparison returns what algorithms came to, by environment in the order of the file, the
// best first. It is an error where the sweep does not go through algorithms.
func (w *Sweep) Comparison(s *Status) ([]Compared, error) {
	at := map[string]int{}
	for i, key := range w.keys() {
		at[key] = i
	}
	algo, ok := at[algoKey]
	if !ok {
		return nil, fmt.Errorf("%s compares no algorithms: its space has no %s", w.Dir, algoKey)
	}
	env, several := at[envKey]
	base, err := w.Spec.Config(nil)
	if err != nil {
		return nil, err
	}
	var all []Compared
	order := map[string]int{}
	for _, x := range s.Settings {
		c := Compared{Env: base.Env.Name, Algo: w.Spec.Space[algo].Text(x.Point[algo]), Residual: math.Inf(-1)}
		if several {
			c.Env = w.Spec.Space[env].Text(x.Point[env])
			order[c.Env] = int(x.Point[env])
		}
		var returns []float64
		for i, r := range x.Records {
			if math.IsNaN(x.Returns[i]) {
				continue
			}
			returns = append(returns, x.Returns[i])
			c.Violations += float64(r.Violations)
			c.Seconds += r.Seconds
			if r.Residual != nil {
				c.Residual = max(c.Residual, *r.Residual)
			}
		}
		c.Seeds = len(returns)
		if n := float64(c.Seeds); n > 0 {
			c.Violations, c.Seconds = c.Violations/n, c.Seconds/n
		}
		c.Return = meanOf(returns, x.Number)
		all = append(all, c)
	}
	slices.SortStableFunc(all, func(a, b Compared) int {
		if c := cmp.Compare(order[a.Env], order[b.Env]); c != 0 {
			return c
		}
		return cmp.Compare(b.Return.Estimate, a.Return.Estimate)
	})
	return all, nil
}

// meanOf returns a mean with the interval that resampled seeds give, none of fewer than two.
func meanOf(xs []float64, setting int) stats.Interval {
	nan := math.NaN()
	if len(xs) == 0 {
		return stats.Interval{Estimate: nan, Low: nan, High: nan}
	}
	mean := func(idx []int) (sum float64) {
		for _, i := range idx {
			sum += xs[i] / float64(len(idx))
		}
		return sum
	}
	if len(xs) == 1 {
		return stats.Interval{Estimate: xs[0], Low: nan, High: nan}
	}
	return stats.Bootstrap(len(xs), 0.95, rng.New(uint64(setting), "comparison"), mean)
}

// WriteComparison writes the comparison as a table.
func WriteComparison(out io.Writer, all []Compared) error {
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "environment\talgorithm\tseeds\treturn\t95 % interval\tviolations a seed\tlargest residual\tprocessor s a seed")
	for _, c := range all {
		if c.Seeds == 0 {
			fmt.Fprintf(t, "%s\t%s\t0%s\n", c.Env, c.Algo, strings.Repeat("\t-", 5))
			continue
		}
		interval := "-"
		if !math.IsNaN(c.Return.Low) {
			interval = fmt.Sprintf("%.4f .. %.4f", c.Return.Low, c.Return.High)
		}
		fmt.Fprintf(t, "%s\t%s\t%d\t%.4f\t%s\t%.0f\t%.2g\t%.1f\n", c.Env, c.Algo, c.Seeds, c.Return.Estimate, interval, c.Violations, c.Residual, c.Seconds)
	}
	return t.Flush()
}
