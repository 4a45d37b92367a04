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
		c.Return = stats.MeanInterval(returns, 0.95, rng.New(uint64(x.Number), "comparison"))
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

// WriteComparison writes the comparison as a table, and what its intervals are worth.
func (w *Sweep) WriteComparison(out io.Writer, s *Status) error {
	all, err := w.Comparison(s)
	if err != nil {
		return err
	}
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "environment\talgorithm\tseeds\treturn\t95 % interval\tviolations a seed\tlargest residual\tprocessor s a seed")
	var seeds []int
	for _, c := range all {
		seeds = append(seeds, c.Seeds)
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
	if few := stats.FewSeeds(seeds); few != "" {
		fmt.Fprintf(t, "%s\n", few)
	}
	return t.Flush()
}
