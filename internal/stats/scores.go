package stats

import (
	"math"
	"math/rand/v2"
	"slices"

	"paspo/internal/rng"
)

// Scores are those of runs, by task and run. What follows are the measures of Agarwal et al.,
// Deep Reinforcement Learning at the Edge of the Statistical Precipice, NeurIPS 2021, as
// rliable 1.2.0 computes them.
type Scores [][]float64

func (s Scores) all() []float64 { return slices.Concat(s...) }

// IQM returns the interquartile mean: that of what is left without the lowest and the
// highest quarter, each rounded down to whole numbers of scores.
func IQM(xs []float64) float64 {
	xs = slices.Sorted(slices.Values(xs))
	cut := len(xs) / 4
	return Mean(xs[cut : len(xs)-cut])
}

// Median returns the middle of the scores, or the mean of the two in the middle.
func Median(xs []float64) float64 {
	xs = slices.Sorted(slices.Values(xs))
	return (xs[(len(xs)-1)/2] + xs[len(xs)/2]) / 2
}

// Mean returns the mean of the scores.
func Mean(xs []float64) float64 {
	var sum float64
	for _, x := range xs {
		sum += x
	}
	return sum / float64(len(xs))
}

// OptimalityGap returns by how much scores fall short of a target in the mean; what is
// above it counts as it.
func (s Scores) OptimalityGap(target float64) float64 {
	xs := s.all()
	for i := range xs {
		xs[i] = min(xs[i], target)
	}
	return target - Mean(xs)
}

// Profile returns the shares of scores above each of some thresholds.
func (s Scores) Profile(thresholds []float64) []float64 {
	xs := slices.Sorted(slices.Values(s.all()))
	out := make([]float64, len(thresholds))
	for i, t := range thresholds {
		// The first that is above.
		k, _ := slices.BinarySearchFunc(xs, t, func(x, t float64) int {
			if x > t {
				return 1
			}
			return -1
		})
		out[i] = float64(len(xs)-k) / float64(len(xs))
	}
	return out
}

// ProbabilityOfImprovement returns how likely a run of x is above one of y on the same
// task, in the mean over tasks. Equal scores count half.
func ProbabilityOfImprovement(x, y Scores) float64 {
	var sum float64
	for task := range x {
		var wins float64
		for _, a := range x[task] {
			for _, b := range y[task] {
				switch {
				case a > b:
					wins++
				case a == b:
					wins += 0.5
				}
			}
		}
		sum += wins / float64(len(x[task])*len(y[task]))
	}
	return sum / float64(len(x))
}

// Stratified returns f of some scores with its percentile bootstrap interval: the runs of
// every task of each of them are drawn anew, on their own. Ends are NaN where a task
// has a single run. The same stream state gives the same interval.
func Stratified(level float64, s *rng.Stream, resamples int, f func(...Scores) float64, of ...Scores) Interval {
	drawn := make([]Scores, len(of))
	fewest := math.MaxInt
	for i, scores := range of {
		for _, runs := range scores {
			fewest = min(fewest, len(runs))
			drawn[i] = append(drawn[i], make([]float64, len(runs)))
		}
	}
	r := rand.New(s)
	var values []float64
	for range resamples {
		if fewest < 2 {
			break
		}
		for i, scores := range of {
			for task, runs := range scores {
				for k := range runs {
					drawn[i][task][k] = runs[r.IntN(len(runs))]
				}
			}
		}
		values = append(values, f(drawn...))
	}
	return interval(f(of...), values, level)
}
