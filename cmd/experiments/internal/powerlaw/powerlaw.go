package powerlaw

import (
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/mat"

	"paspo/internal/rng"
	"paspo/internal/stats"
)

// Cell is what was measured with one combination of sizes.
type Cell struct {
	Sizes  []float64
	Values []float64 // one a problem; +Inf where it did not end
}

// Median returns the median of what was measured: +Inf where half did not end.
func Median(values []float64) float64 {
	s := slices.Sorted(slices.Values(values))
	n := len(s)
	if n == 0 {
		return math.NaN()
	}
	if n%2 == 1 {
		return s[n/2]
	}
	return (s[n/2-1] + s[n/2]) / 2
}

// Exponents fits
//
//	ln median = c + sum_k p_k ln size_k
//
// by least squares over the cells whose median is finite, and returns the p_k with
// percentile bootstrap intervals over the values within each cell (Efron and
// Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13). A size that does
// not vary has the exponent NaN, and so have all where too few cells are left.
func Exponents(cells []Cell, level float64, s *rng.Stream) []stats.Interval {
	if len(cells) == 0 {
		return nil
	}
	draw := func(pick func(n int) int) []float64 {
		again := make([]Cell, len(cells))
		for i, c := range cells {
			again[i].Sizes = c.Sizes
			for j := range c.Values {
				k := j
				if pick != nil {
					k = pick(len(c.Values))
				}
				again[i].Values = append(again[i].Values, c.Values[k])
			}
		}
		return fit(again)
	}
	estimate := draw(nil)
	drawn := make([][]float64, len(estimate))
	r := rand.New(s)
	for range stats.Resamples {
		for k, p := range draw(r.IntN) {
			if !math.IsNaN(p) {
				drawn[k] = append(drawn[k], p)
			}
		}
	}
	all := make([]stats.Interval, len(estimate))
	for k, p := range estimate {
		all[k] = stats.Interval{Estimate: p, Low: math.NaN(), High: math.NaN()}
		if n := len(drawn[k]); n > 0 && !math.IsNaN(p) {
			slices.Sort(drawn[k])
			tail := (1 - level) / 2 * float64(n-1)
			all[k].Low, all[k].High = drawn[k][int(tail)], drawn[k][n-1-int(tail)]
		}
	}
	return all
}

// fit returns the exponents of the medians of cells.
func fit(cells []Cell) []float64 {
	p := make([]float64, len(cells[0].Sizes))
	for k := range p {
		p[k] = math.NaN()
	}
	var x [][]float64
	var y []float64
	for _, c := range cells {
		if m := Median(c.Values); m > 0 && !math.IsInf(m, 0) {
			row := make([]float64, len(p))
			for k, size := range c.Sizes {
				row[k] = math.Log(size)
			}
			x, y = append(x, row), append(y, math.Log(m))
		}
	}
	varies := []int{} // columns
	for k := range p {
		if slices.ContainsFunc(x, func(row []float64) bool { return row[k] != x[0][k] }) {
			varies = append(varies, k)
		}
	}
	if len(y) <= len(varies) {
		return p
	}
	design := mat.NewDense(len(y), 1+len(varies), nil)
	for r, row := range x {
		design.Set(r, 0, 1)
		for j, k := range varies {
			design.Set(r, 1+j, row[k])
		}
	}
	var solution mat.Dense
	if err := solution.Solve(design, mat.NewDense(len(y), 1, y)); err != nil {
		return p // sizes that only vary together
	}
	for j, k := range varies {
		p[k] = solution.At(1+j, 0)
	}
	return p
}
