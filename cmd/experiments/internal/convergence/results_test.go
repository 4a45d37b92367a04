package convergence

import (
	"io"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"paspo/cmd/experiments/internal/output"
	"paspo/internal/rng"
	"paspo/internal/stats"
)

// Results of convergence can be drawn again, with problems that did not end, with sizes
// that there are no problems of.
func TestShow(t *testing.T) {
	res := &Results{Shares: []float64{0.5, 0.9}}
	for _, n := range []int{3, 6, 12} {
		steps := int64(100 * n * n)
		res.Cells = append(res.Cells,
			&Cell{Setting: "a", Entities: n, Rows: 2, Steps: [][]int64{{steps, steps, steps}, {0, 0, 2 * steps}}, Noise: []float64{0.5, 0, 2}},
			&Cell{Setting: "a", Entities: n, Rows: 9, Error: "nothing is left"})
	}
	out := &output.Folder{Dir: t.TempDir(), Log: io.Discard}
	if err := res.Show(out); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"exponents.md":   "| 50.0 % | a | 3 of 3 | 2.00 | 2.00 .. 2.00 |  |  |\n| 90.0 % | a | 0 of 3 |  |  |  |  |\n",
		"convergence.md": "| 6 | 2 | a | 3 of 3 | 3600 | 3600 .. 3600 | 1 of 3 | more | 7200 .. more | 2 |\n| 6 | 9 | a | no problem: nothing is left |  |  |  |  |  |  |\n",
	} {
		data, err := os.ReadFile(out.Dir + "/" + name)
		if err != nil || !strings.Contains(string(data), want) {
			t.Errorf("%s: %s, want %s, error %v", name, data, want, err)
		}
	}
}

// A size has a point of the curve or a mark of those without.
func TestSizesWithoutMedian(t *testing.T) {
	no := math.Inf(1)
	by := map[int][]float64{3: {512, no, 1024}, 6: {no, 512, no}, 12: {no}}
	some, none := medians("a", by, 7)
	if !slices.Equal(some.X, []float64{3}) || !slices.Equal(some.Y, []float64{1024}) {
		t.Errorf("medians %v", some)
	}
	if !slices.Equal(none.X, []float64{6, 12}) || !slices.Equal(none.Y, []float64{7, 7}) || none.Like != "a" || !none.Dots {
		t.Errorf("none %v", none)
	}
}

// A single seed has a value and no interval.
func TestExponentOfOneSeed(t *testing.T) {
	if got := exponentCells(stats.MeanInterval([]float64{0.5}, 0.95, rng.New(1))); !slices.Equal(got, []string{"0.50", ""}) {
		t.Errorf("%q", got)
	}
}
