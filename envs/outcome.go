package envs

import (
	"math"

	"paspo/internal/rng"
	"paspo/internal/stats"
)

// NewOutcome returns that of episodes without a step.
func NewOutcome(episodes int) *Outcome {
	return &Outcome{Returns: make([]float64, episodes), Lengths: make([]int, episodes), MaxResidual: math.Inf(-1)}
}

// Add counts a step of an episode: its reward, the residual of its action, and
// by how much the limits of its state were relaxed.
func (o *Outcome) Add(episode int, reward, residual, relaxation float64) {
	o.Returns[episode] += reward
	o.Lengths[episode]++
	o.MaxResidual = max(o.MaxResidual, residual)
	if !(residual <= Violation) {
		o.Violations++
	}
	if relaxation > 0 {
		o.Relaxed++
		o.MaxRelaxation = max(o.MaxRelaxation, relaxation)
	}
}

// Expect counts what the action of a step was expected to earn. It is called for all steps
// or for none.
func (o *Outcome) Expect(episode int, reward float64) {
	if o.Expected == nil {
		o.Expected = make([]float64, len(o.Returns))
	}
	o.Expected[episode] += reward
}

// MeanAndError returns the mean of xs and its standard error, NaN for fewer
// than two.
func MeanAndError(xs []float64) (mean, stdErr float64) {
	of := stats.Of(xs)
	return stats.Mean(xs), of.StdErr()
}

// Share is how far a policy got from one reference to another: 0 at From, 1 at
// To, with the endpoints of its 95 % confidence interval.
type Share struct {
	Share, Low, High float64 // Low and High are the endpoints
}

// SharesOfWay returns, for each policy,
//
//	(mean policy - mean from) / (mean to - mean from)
//
// over paired episodes, with a percentile bootstrap interval that resamples
// episodes and keeps them paired. All have one element an episode.
func SharesOfWay(policies [][]float64, from, to []float64, seed uint64) []Share {
	n := len(from)
	won, way := make([][]float64, len(policies)), make([]float64, n)
	for k, p := range policies {
		if len(p) != n || len(to) != n {
			panic(badPairs)
		}
		won[k] = make([]float64, n)
		for i := range p {
			won[k][i] = p[i] - from[i]
			way[i] = to[i] - from[i]
		}
	}
	intervals := stats.Bootstraps(n, len(policies), 0.95, rng.New(seed, "envs", "share"), func(idx []int, shares []float64) {
		total := sumOf(way, idx)
		for k := range shares {
			shares[k] = sumOf(won[k], idx) / total
		}
	})
	shares := make([]Share, len(policies))
	for k, iv := range intervals {
		shares[k] = Share{iv.Estimate, iv.Low, iv.High}
	}
	return shares
}

func sumOf(xs []float64, idx []int) (sum float64) {
	for _, i := range idx {
		sum += xs[i]
	}
	return sum
}

const badPairs = "envs: paired episodes differ in number"
