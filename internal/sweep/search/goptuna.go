package search

import (
	"math"
	"math/rand/v2"
	"slices"

	"github.com/c-bata/goptuna/cmaes"
	"github.com/c-bata/goptuna/sobol"
	"gonum.org/v1/gonum/mat"
)

// Sobol goes through the points of a Sobol sequence, moved by one random vector.
type Sobol struct {
	Space Space
	Seed  uint64
}

// Suggest implements Method.
func (s Sobol) Suggest(before []Result) Point {
	e := sobol.NewEngine(uint32(len(s.Space)))
	var u []float64
	for range len(before) + 1 {
		u = e.Draw()
	}
	moved := rand.New(stream(s.Seed, "sobol", 0))
	p := make(Point, len(s.Space))
	for i := range p {
		x := u[i] + moved.Float64()
		p[i] = s.Space[i].At(x - math.Floor(x))
	}
	return p
}

// CMAES is the covariance matrix adaptation evolution strategy (Hansen, The CMA Evolution
// Strategy: A Tutorial, arXiv 1604.00772) over the ranges of a space, in shares of the way.
// Choices, for which it has no distance, are drawn at random. A generation begins when all
// trials of the one before have ended, so that what it suggests does not depend on the
// number of workers.
type CMAES struct {
	Space Space
	Seed  uint64
}

// cmaSigma is the deviation at the start, from the middle.
const cmaSigma = 0.3

// ranges returns the dimensions that have a distance.
func (c CMAES) ranges() (all []int) {
	for i := range c.Space {
		if c.Space[i].Kind != Choices {
			all = append(all, i)
		}
	}
	return all
}

// Ranges returns how many dimensions it works on: at least one is needed.
func (c CMAES) Ranges() int { return len(c.ranges()) }

func (c CMAES) start(dim, restarts int) (*cmaes.Optimizer, error) {
	bounds := mat.NewDense(dim, 2, nil)
	mean := make([]float64, dim)
	for i := range dim {
		bounds.Set(i, 1, math.Nextafter(1, 0))
		mean[i] = 0.5
	}
	seed := stream(c.Seed, "cmaes", restarts).Uint64() >> 1
	return cmaes.NewOptimizer(mean, cmaSigma, cmaes.OptimizerOptionSeed(int64(seed)), cmaes.OptimizerOptionBounds(bounds))
}

// Suggest implements Method.
func (c CMAES) Suggest(before []Result) Point {
	ranges := c.ranges()
	p := Random(c).Suggest(before)
	restarts := 0
	o, err := c.start(len(ranges), restarts)
	if err != nil {
		return p
	}
	for from := 0; ; {
		var asked [][]float64
		for range min(o.PopulationSize(), len(before)-from+1) {
			u, err := o.Ask()
			if err != nil {
				return p
			}
			asked = append(asked, u)
		}
		if n := len(before) - from; n < o.PopulationSize() {
			for k, i := range ranges {
				p[i] = c.Space[i].At(asked[n][k])
			}
			return p
		}
		generation := before[from : from+len(asked)]
		if slices.ContainsFunc(generation, func(r Result) bool { return !r.Ended }) {
			return nil
		}
		// A trial that was tried again after those that follow it had begun is not what they followed.
		for k, u := range asked {
			for j, i := range ranges {
				if x := generation[k].Point[i]; c.Space[i].At(u[j]) != x {
					u[j] = c.Space[i].Share(x)
				}
			}
		}
		// It looks at the order of values alone, the smallest being the best.
		order := make([]int, len(asked))
		for i := range order {
			order[i] = i
		}
		slices.SortStableFunc(order, func(a, b int) int { return compare(generation[a], generation[b]) })
		solutions := make([]*cmaes.Solution, len(asked))
		for rank, i := range order {
			solutions[i] = &cmaes.Solution{Params: asked[i], Value: float64(rank)}
		}
		if err := o.Tell(solutions); err != nil {
			return p
		}
		from += len(asked)
		if o.ShouldStop() {
			restarts++
			if o, err = c.start(len(ranges), restarts); err != nil {
				return p
			}
		}
	}
}
