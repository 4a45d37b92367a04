package constraints

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"paspo/internal/rng"
	"paspo/lp"
)

// indicators are figures of the companies behind the assets of the portfolio
// benchmark; see presets/README.md.
type indicators struct {
	Assets     []string
	Indicators []struct {
		Name   string
		Values []float64 // one an asset
	}
}

// floored is the indicator of which more is better. The others are capped.
const floored = "return on equity"

func readIndicators() (ind indicators, err error) {
	data, err := presetData.ReadFile("presets/indicators.json")
	if err != nil {
		return ind, err
	}
	return ind, json.Unmarshal(data, &ind)
}

// drawPortfolio describes a polytope on cash and the 12 assets of the portfolio
// benchmark. A row is, with equal chances, a cap from U(0, 1), rounded to 2
// digits, on the sum of 2 or more assets, or a cap on one of the published
// indicators of the companies weighted by the shares, uniform between its least
// and its largest value. Of the return on equity it is a floor, between 0 and the
// largest. No indicator is limited twice. All are drawn anew until the polytope
// is non-empty.
func drawPortfolio(rows int, seed uint64) (d lp.Description, err error) {
	ind, err := readIndicators()
	if err != nil {
		return d, err
	}
	if err := checkDrawn(1+len(ind.Assets), 2, "rows", rows); err != nil {
		return d, err
	}
	r := rand.New(rng.New(seed, "lp", "portfolio"))
	d = lp.Description{Name: "portfolio", Entities: append([]string{"CASH"}, ind.Assets...), Total: 1}
	return drawUntilFeasible(d, func() []lp.Row {
		left := r.Perm(len(ind.Indicators))
		var out []lp.Row
		for k := range rows {
			row := lp.Row{
				Name: fmt.Sprintf("basket %d", k+1), Coef: make([]float64, len(d.Entities)),
				Min: math.Inf(-1), Max: math.Inf(1),
			}
			if len(left) == 0 || r.IntN(2) == 0 {
				for _, j := range subset(r, len(ind.Assets)) {
					row.Coef[1+j] = 1
				}
				row.Max = twoDigits(r)
				out = append(out, row)
				continue
			}
			i := ind.Indicators[left[0]]
			left = left[1:]
			row.Name = i.Name
			copy(row.Coef[1:], i.Values)
			lo, hi := slices.Min(i.Values), slices.Max(i.Values)
			if i.Name == floored {
				row.Min = hi * r.Float64()
			} else {
				row.Max = lo + (hi-lo)*r.Float64()
			}
			out = append(out, row)
		}
		return out
	})
}
