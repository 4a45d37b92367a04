package stats

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"paspo/internal/rng"
)

// Interval is an estimate with the endpoints of its confidence interval.
type Interval struct {
	Estimate float64 `json:"estimate"`
	Low      float64 `json:"low"`
	High     float64 `json:"high"`
}

// MarshalJSON writes ends that are not known as null.
func (iv Interval) MarshalJSON() ([]byte, error) {
	number := func(x float64) *float64 {
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return nil
		}
		return &x
	}
	return json.Marshal(struct {
		Estimate *float64 `json:"estimate"`
		Low      *float64 `json:"low"`
		High     *float64 `json:"high"`
	}{number(iv.Estimate), number(iv.Low), number(iv.High)})
}

// UnmarshalJSON reads null as NaN.
func (iv *Interval) UnmarshalJSON(data []byte) error {
	var of struct{ Estimate, Low, High *float64 }
	if err := json.Unmarshal(data, &of); err != nil {
		return err
	}
	number := func(x *float64) float64 {
		if x == nil {
			return math.NaN()
		}
		return *x
	}
	*iv = Interval{number(of.Estimate), number(of.Low), number(of.High)}
	return nil
}

// Resamples is the number of bootstrap resamples.
const Resamples = 2000

// Bootstrap returns f of all n samples and its percentile bootstrap interval at
// the given level (Efron and Tibshirani, An Introduction to the Bootstrap,
// 1993, chapter 13). f is called with the indices of the samples to use, so
// that paired samples stay paired. Resamples where f is not finite are left
// out. The same stream state gives the same interval.
func Bootstrap(n int, level float64, s *rng.Stream, f func(idx []int) float64) Interval {
	return Bootstraps(n, 1, level, s, func(idx []int, values []float64) { values[0] = f(idx) })[0]
}

// Bootstraps is Bootstrap for several statistics of the same resamples, which f writes.
func Bootstraps(n, statistics int, level float64, s *rng.Stream, f func(idx []int, values []float64)) []Interval {
	idx, values := make([]int, n), make([]float64, statistics)
	for i := range idx {
		idx[i] = i
	}
	f(idx, values)
	estimates, resampled := slices.Clone(values), make([][]float64, statistics)
	r := rand.New(s)
	for range Resamples {
		if n < 2 {
			break
		}
		for i := range idx {
			idx[i] = r.IntN(n)
		}
		f(idx, values)
		for k, v := range values {
			resampled[k] = append(resampled[k], v)
		}
	}
	all := make([]Interval, statistics)
	for k := range all {
		all[k] = interval(estimates[k], resampled[k], level)
	}
	return all
}

// interval returns the percentile interval of resampled values of an estimate, of which those
// that are not finite are left out.
func interval(est float64, resampled []float64, level float64) Interval {
	values := slices.DeleteFunc(resampled, func(v float64) bool { return math.IsNaN(v) || math.IsInf(v, 0) })
	if len(values) == 0 {
		return Interval{Estimate: est, Low: math.NaN(), High: math.NaN()}
	}
	slices.Sort(values)
	at := func(q float64) float64 {
		pos := q * float64(len(values)-1)
		i := int(pos)
		if i+1 >= len(values) {
			return values[len(values)-1]
		}
		return values[i] + (pos-float64(i))*(values[i+1]-values[i])
	}
	tail := (1 - level) / 2
	return Interval{Estimate: est, Low: at(tail), High: at(1 - tail)}
}

// MeanInterval returns the mean of xs with its bootstrap interval.
func MeanInterval(xs []float64, level float64, s *rng.Stream) Interval {
	return Bootstrap(len(xs), level, s, func(idx []int) float64 {
		var sum float64
		for _, i := range idx {
			sum += xs[i]
		}
		return sum / float64(len(idx))
	})
}

// FewSeeds says what intervals are worth that have fewer than five seeds behind them, given how many
// each has, and nothing where there is none such. One seed has no interval. The range of n draws
// misses the median of a continuous distribution where all are on one side of it, 2^(1-n) of the
// time, and resampled means of draws do not leave their range.
func FewSeeds(seeds []int) string {
	const enough = 5
	least := enough
	for _, n := range seeds {
		if n > 1 {
			least = min(least, n)
		}
	}
	if least == enough {
		return ""
	}
	return fmt.Sprintf("Intervals of fewer than %d seeds are too narrow: those of %d seeds hold the median of what seeds would come to at most %g %% of the time.", enough, least, 100*(1-math.Pow(2, float64(1-least))))
}
