package convergence

import (
	"fmt"
	"maps"
	"math"
	"slices"

	"paspo/cmd/experiments/internal/output"
	"paspo/cmd/experiments/internal/powerlaw"
	"paspo/internal/plots"
	"paspo/internal/rng"
	"paspo/internal/stats"
	"paspo/rl"
)

// Cell is what came of all problems of one size with one setting.
type Cell struct {
	Setting        string
	Entities, Rows int       // 0 rows for the bare simplex
	Steps          [][]int64 // until each share was reached, one a problem that there is; 0 where it was not
	Noise          []float64 // of the first gradient, see firstGradient; 0 where it hides the mean
	Error          string    `json:",omitempty"` // why there are no problems of this size
}

// Results is the file of the experiment.
type Results struct {
	Shares   []float64 // of the way from uniform actions to the best found
	MostStep int64
	Cells    []*Cell
}

// Show writes tables and plots.
func (res *Results) Show(out *output.Folder) error {
	head := []string{"entities", "rows", "setting"}
	for _, share := range res.Shares {
		head = append(head, "reached "+output.Percent(share), "median of the steps", "95 % over problems")
	}
	table := [][]string{append(head, "noise of the first gradient, median")}
	exponents := [][]string{{"to", "setting", "sizes with a median", "exponent of the entities", "95 %", "of the rows", "95 %"}}
	noise := plots.Chart{Title: "noise of the first gradient", XLabel: "entities", YLabel: "variance over the square of the mean", LogX: true, LogY: true}
	var names []string
	for _, c := range res.Cells {
		if !slices.Contains(names, c.Setting) {
			names = append(names, c.Setting)
		}
		table = append(table, c.row(len(res.Shares)))
	}
	for k, share := range res.Shares {
		plot := plots.Chart{
			Title: fmt.Sprintf("to %s of the way", output.Percent(share)), XLabel: "entities", YLabel: "median of the environment steps", LogX: true, LogY: true,
		}
		var beyond []plots.Curve // one above the other
		for _, name := range names {
			var cells []powerlaw.Cell
			ended := 0
			stepsBy, noiseBy := map[int][]float64{}, map[int][]float64{} // the entities, of all numbers of rows
			for _, c := range res.Cells {
				if c.Setting != name || c.Error != "" {
					continue
				}
				values := known(c.Steps[k])
				cells = append(cells, powerlaw.Cell{Sizes: []float64{float64(c.Entities), float64(max(1, c.Rows))}, Values: values})
				if !math.IsInf(powerlaw.Median(values), 0) {
					ended++
				}
				stepsBy[c.Entities], noiseBy[c.Entities] = append(stepsBy[c.Entities], values...), append(noiseBy[c.Entities], known(c.Noise)...)
			}
			reached, others := medians(name, stepsBy, float64(res.MostStep)*math.Pow(1.08, float64(1+len(beyond))))
			plot.Curves, beyond = append(plot.Curves, reached), append(beyond, others)
			if k == 0 {
				told, _ := medians(name, noiseBy, 0)
				noise.Curves = append(noise.Curves, told)
			}
			row := []string{output.Percent(share), name, fmt.Sprintf("%d of %d", ended, len(cells))}
			for _, iv := range powerlaw.Exponents(cells, 0.95, rng.New(1, "experiments", "convergence", name)) {
				row = append(row, exponentCells(iv)...)
			}
			exponents = append(exponents, row)
		}
		plot.Curves = append(plot.Curves, beyond...)
		plot.Levels = []plots.Level{{Name: fmt.Sprintf("above it: no median within %d steps", res.MostStep), Y: float64(res.MostStep)}}
		if err := out.Plot(fmt.Sprintf("convergence-%.0f", 100*share), plot); err != nil {
			return err
		}
	}
	if err := out.Plot("gradient", noise); err != nil {
		return err
	}
	if err := out.Table("exponents", exponents); err != nil {
		return err
	}
	return out.Table("convergence", table)
}

// medians is a curve of medians by a size, where there are any, and in its colour marks at a height
// of the sizes that have none.
func medians(name string, by map[int][]float64, height float64) (some, none plots.Curve) {
	some, none = plots.Curve{Name: name, Points: true}, plots.Curve{Like: name, Dots: true}
	for _, n := range slices.Sorted(maps.Keys(by)) {
		to, y := &some, powerlaw.Median(by[n])
		if math.IsInf(y, 0) {
			to, y = &none, height
		}
		to.X, to.Y = append(to.X, float64(n)), append(to.Y, y)
	}
	return some, none
}

// known puts +Inf in the place of what is not known.
func known[T int64 | float64](xs []T) []float64 {
	var all []float64
	for _, x := range xs {
		y := float64(x)
		if x == 0 {
			y = math.Inf(1)
		}
		all = append(all, y)
	}
	return all
}

// row is that of the table.
func (c *Cell) row(shares int) []string {
	row := []string{fmt.Sprint(c.Entities), fmt.Sprint(c.Rows), c.Setting}
	if c.Error != "" {
		return append(append(row, "no problem: "+c.Error), make([]string, 3*shares)...)
	}
	for k := range shares {
		values := known(c.Steps[k])
		reached := 0
		for _, s := range c.Steps[k] {
			if s > 0 {
				reached++
			}
		}
		median := stats.Bootstrap(len(values), 0.95, rng.New(1, "experiments", "convergence", "median"), func(idx []int) float64 {
			var some []float64
			for _, i := range idx {
				some = append(some, values[i])
			}
			return min(powerlaw.Median(some), math.MaxFloat64) // a resample where half did not end is a slow one
		})
		row = append(row, fmt.Sprintf("%d of %d", reached, len(values)), stepsCell(median.Estimate), output.Range(median, stepsCell))
	}
	if x := powerlaw.Median(known(c.Noise)); !math.IsInf(x, 0) {
		return append(row, output.Number(x))
	}
	return append(row, fmt.Sprintf("above %d", Minibatches))
}

// stepsCell writes a number of steps for a table.
func stepsCell(x float64) string {
	if x > rl.MaxSteps {
		return "more"
	}
	return fmt.Sprintf("%.0f", x)
}

// exponentCells writes an exponent with its interval, where there is one.
func exponentCells(iv stats.Interval) []string {
	if math.IsNaN(iv.Estimate) {
		return []string{"", ""}
	}
	write := func(x float64) string { return fmt.Sprintf("%.2f", x) }
	return []string{write(iv.Estimate), output.Range(iv, write)}
}
