package main

import (
	"cmp"
	"context"
	"encoding/csv"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"paspo/cmd/experiments/internal/output"
	"paspo/envs/benchmarks"
	"paspo/internal/plots"
	"paspo/internal/rng"
	"paspo/internal/stats"
	"paspo/internal/sweep"
)

// comparisonRow is a training of a comparison, a line of what train sweep export writes with
// the variant before it: false, true (as published) or what else was changed.
type comparisonRow struct {
	variant, env, algo, seed string
	ret, residual            float64
	violations               int
	seconds                  float64
}

func readComparison(file string) (all []comparisonRow, err error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	records, err := csv.NewReader(f).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	if len(records) < 2 {
		return nil, fmt.Errorf("%s has no trainings", file)
	}
	at := map[string]int{}
	for i, name := range records[0] {
		at[name] = i
	}
	for _, name := range []string{"variant", "env.name", "algo.name", "seed", "return", "max_residual", "violations", "processor_seconds"} {
		if _, ok := at[name]; !ok {
			return nil, fmt.Errorf("%s has no column %s", file, name)
		}
	}
	for i, rec := range records[1:] {
		number := func(name string) (x float64) {
			x, e := strconv.ParseFloat(rec[at[name]], 64)
			if e != nil {
				err = cmp.Or(err, fmt.Errorf("%s: row %d: %w", file, i+2, e))
			}
			return x
		}
		all = append(all, comparisonRow{
			rec[at["variant"]], rec[at["env.name"]], rec[at["algo.name"]], rec[at["seed"]],
			number("return"), number("max_residual"), int(number("violations")), number("processor_seconds"),
		})
	}
	return all, err
}

// comparedCell is what the seeds of an algorithm came to on a benchmark.
type comparedCell struct {
	algo                string
	seeds               []string
	returns, broken     []float64 // of every seed; broken counts violations
	violations, seconds float64   // of a training
	residual            float64
}

// comparedCells returns those of a variant on a benchmark: those that broke nothing first, and the
// best first.
func comparedCells(rows []comparisonRow, variant, env string) (all []*comparedCell) {
	for _, r := range rows {
		if r.variant != variant || r.env != env {
			continue
		}
		i := slices.IndexFunc(all, func(c *comparedCell) bool { return c.algo == r.algo })
		if i < 0 {
			i = len(all)
			all = append(all, &comparedCell{algo: r.algo})
		}
		c := all[i]
		c.seeds = append(c.seeds, r.seed)
		c.returns = append(c.returns, r.ret)
		c.broken = append(c.broken, float64(r.violations))
		n := float64(len(c.returns))
		c.violations += (float64(r.violations) - c.violations) / n
		c.seconds += (r.seconds - c.seconds) / n
		c.residual = max(c.residual, r.residual)
	}
	slices.SortStableFunc(all, func(a, b *comparedCell) int {
		if broke := a.violations > 0; broke != (b.violations > 0) {
			if broke {
				return 1
			}
			return -1
		}
		return cmp.Compare(stats.Mean(b.returns), stats.Mean(a.returns))
	})
	return all
}

// comparedEpisodes is how many a sweep plays where its file does not say.
const comparedEpisodes = 200

// enough is the number of seeds from which on a mean is given an interval.
const enough = 5

// value writes the mean with its interval, or the range of few seeds.
func (c *comparedCell) value(digits int) string {
	low, high, what := slices.Min(c.returns), slices.Max(c.returns), ""
	if len(c.returns) >= enough {
		iv := stats.MeanInterval(c.returns, 0.95, rng.New(1, "comparison", c.algo))
		low, high, what = iv.Low, iv.High, "95 %: "
	}
	return fmt.Sprintf("%.*f (%s%.*f .. %.*f)", digits, stats.Mean(c.returns), what, digits, low, digits, high)
}

// less writes the means of returns and of violations less those of another cell over the seeds
// that both have, with intervals of differences between trainings of the same seed.
func (c *comparedCell) less(other *comparedCell, digits int) (returns, broken string) {
	var of [2][]float64
	for i, seed := range c.seeds {
		if j := slices.Index(other.seeds, seed); j >= 0 {
			of[0] = append(of[0], c.returns[i]-other.returns[j])
			of[1] = append(of[1], c.broken[i]-other.broken[j])
		}
	}
	text := func(xs []float64, digits int) string {
		iv := stats.MeanInterval(xs, 0.95, rng.New(1, "comparison", c.algo))
		if iv.Low == 0 && iv.High == 0 {
			return "0"
		}
		return fmt.Sprintf("%+.*f (%+.*f .. %+.*f)", digits, iv.Estimate, digits, iv.Low, digits, iv.High)
	}
	return text(of[0], digits), text(of[1], 0)
}

// showComparison writes the tables of the comparison, and draws every training.
func showComparison(ctx context.Context, out *output.Folder) error {
	rows, err := readComparison(filepath.Join(out.Dir, "comparison.csv"))
	if err != nil {
		return err
	}
	chart := plots.Chart{
		Title:  "PASPO and the seven algorithms that its paper compares it with; a dot is a training",
		XLabel: "algorithm, and actions of a training that broke a constraint",
		YLabel: "share of the way from uniform to the best known",
		Levels: []plots.Level{{Name: "uniform", Y: 0}, {Name: "best known", Y: 1}},
	}
	var order []string
	broken := map[string]float64{}
	summary := map[string][]string{} // returns by algorithm
	faults := map[string][]string{}  // what those of the published code change
	envs := benchmarks.Names()
	for k, env := range envs {
		cells, published := comparedCells(rows, "false", env), comparedCells(rows, "true", env)
		table := [][]string{{env, "return", "seeds", "violations a training", "largest residual", "processor time", "as published: return", "violations"}}
		ends, err := levels(ctx, paperSettings, env, sweep.Validation, comparedEpisodes)
		if err != nil {
			return err
		}
		top, bottom := float64(ends[0].Return), float64(ends[1].Return)
		digits := max(0, int(math.Ceil(2-math.Log10(top-bottom))))
		dots := plots.Curve{Name: env, Dots: true}
		for _, c := range cells {
			line := []string{c.algo, c.value(digits), strconv.Itoa(len(c.returns)), strconv.FormatFloat(c.violations, 'f', 0, 64), fmt.Sprintf("%.2g", c.residual), fmt.Sprintf("%.1f s", c.seconds), "", ""}
			if i := slices.IndexFunc(published, func(p *comparedCell) bool { return p.algo == c.algo }); i >= 0 {
				line[6], line[7] = published[i].value(digits), strconv.FormatFloat(published[i].violations, 'f', 0, 64)
				returns, broken := published[i].less(c, digits)
				faults[c.algo] = append(faults[c.algo], returns, broken)
			}
			table = append(table, line)
			if slices.ContainsFunc(envs, func(env string) bool {
				return !slices.ContainsFunc(rows, func(r comparisonRow) bool { return r.env == env && r.algo == c.algo })
			}) {
				continue // the picture shows what was trained on all benchmarks
			}
			at := slices.Index(order, c.algo)
			if at < 0 {
				at = len(order)
				order = append(order, c.algo)
			}
			summary[c.algo] = append(summary[c.algo], c.value(digits))
			broken[c.algo] += c.violations / float64(len(envs))
			for _, x := range c.returns {
				dots.X = append(dots.X, float64(at+1)+0.2*float64(k-1))
				dots.Y = append(dots.Y, (x-bottom)/(top-bottom))
			}
		}
		chart.Curves = append(chart.Curves, dots)
		if err := out.Table(env, table); err != nil {
			return err
		}
	}
	short := [][]string{append(append([]string{"mean return"}, envs...), "actions that broke a constraint, a training")}
	differences := [][]string{{"as published less corrected"}}
	for _, env := range envs {
		differences[0] = append(differences[0], env, "violations")
	}
	for _, algo := range order {
		if f := faults[algo]; f != nil {
			differences = append(differences, append([]string{algo}, f...))
		}
		n := "none"
		if b := broken[algo]; b > 0 {
			n = fmt.Sprintf("%.0f 000", b/1000)
		}
		chart.Names = append(chart.Names, algo+"\n"+n)
		short = append(short, append(append([]string{algo}, summary[algo]...), n))
	}
	if err := out.Table("summary", short); err != nil {
		return err
	}
	if err := out.Table("published", differences); err != nil {
		return err
	}
	return out.Plot("comparison", chart)
}
