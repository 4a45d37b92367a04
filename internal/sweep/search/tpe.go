package search

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
)

// TPE is the tree-structured Parzen estimator (Bergstra et al., Algorithms for
// Hyper-Parameter Optimization, NIPS 2011) over all dimensions together (Falkner et al.,
// BOHB, ICML 2018). Trials that have not ended count among the bad ones, so that workers do
// not crowd at one point. The constants are those of Optuna's multivariate sampler.
type TPE struct {
	Space Space
	Seed  uint64
}

const (
	tpeStartup    = 10 // trials that are drawn at random
	tpeCandidates = 24
	tpeSigma      = 0.2 // of a kernel, before it shrinks with their number
	tpeMostGood   = 25
)

// Suggest implements Method.
func (t TPE) Suggest(before []Result) Point {
	var ended int
	for _, r := range before {
		if r.Ended {
			ended++
		}
	}
	if ended < tpeStartup {
		return Random(t).Suggest(before)
	}
	order := slices.Clone(before)
	slices.SortStableFunc(order, compare)
	good := min(tpeMostGood, (ended+9)/10)
	l, g := newParzen(t.Space, order[:good]), newParzen(t.Space, order[good:])
	r := rand.New(stream(t.Seed, "tpe", len(before)))
	var best []float64
	most := math.Inf(-1)
	for range tpeCandidates {
		u := l.draw(r)
		if x := l.logDensity(u) - g.logDensity(u); best == nil || x > most {
			best, most = u, x
		}
	}
	p := make(Point, len(best))
	for i := range p {
		p[i] = t.Space[i].At(best[i])
	}
	return p
}

// compare orders results, the best first: those that went further, then those with larger
// values. Those that failed or have not ended are last.
func compare(a, b Result) int {
	rank := func(r Result) float64 {
		if !r.Ended || math.IsNaN(r.Value) {
			return math.Inf(-1)
		}
		return r.Value
	}
	far := func(r Result) int64 {
		if !r.Ended || math.IsNaN(r.Value) {
			return -1
		}
		return r.Steps
	}
	return cmp.Or(cmp.Compare(far(b), far(a)), cmp.Compare(rank(b), rank(a)))
}

// parzen is a mixture of one kernel a point and a uniform one: in every dimension a normal
// that is cut off at the ends of [0, 1), or shares of choices.
type parzen struct {
	space  Space
	points [][]float64 // as shares
	sigma  float64
}

func newParzen(space Space, results []Result) *parzen {
	p := &parzen{space: space}
	for _, r := range results {
		u := make([]float64, len(space))
		for i := range u {
			u[i] = space[i].Share(r.Point[i])
		}
		p.points = append(p.points, u)
	}
	n := float64(len(p.points))
	p.sigma = max(tpeSigma*math.Pow(max(n, 1), -1/(float64(len(space))+4)), 1/min(100, 1+n))
	return p
}

func (p *parzen) draw(r *rand.Rand) []float64 {
	u := make([]float64, len(p.space))
	k := r.IntN(len(p.points) + 1)
	for i := range u {
		d := &p.space[i]
		switch {
		case k == len(p.points):
			u[i] = r.Float64()
		case d.Kind == Choices:
			// A choice is drawn with what its kernel leaves to all of them.
			if r.Float64() < p.other(d)*d.size() {
				u[i] = d.Share(float64(r.IntN(len(d.Choices))))
			} else {
				u[i] = p.points[k][i]
			}
		default:
			for u[i] = -1; u[i] < 0 || u[i] >= 1; {
				u[i] = p.points[k][i] + p.sigma*r.NormFloat64()
			}
		}
	}
	return u
}

// other returns the share that a kernel gives to each choice that is not its own.
func (p *parzen) other(d *Dimension) float64 {
	w := 1 / float64(len(p.points)+1)
	return w / (1 + w*d.size())
}

func (p *parzen) logDensity(u []float64) float64 {
	logs := make([]float64, len(p.points)+1) // the last is of the uniform kernel: 0
	for k, c := range p.points {
		for i := range u {
			d := &p.space[i]
			if d.Kind == Choices {
				x := p.other(d)
				if d.At(u[i]) == d.At(c[i]) {
					x = 1 - x*(d.size()-1)
				}
				logs[k] += math.Log(x * d.size())
				continue
			}
			z := (u[i] - c[i]) / p.sigma
			inside := normal((1-c[i])/p.sigma) - normal(-c[i]/p.sigma)
			logs[k] += -z*z/2 - math.Log(p.sigma*math.Sqrt(2*math.Pi)*inside)
		}
	}
	top := slices.Max(logs)
	var sum float64
	for _, x := range logs {
		sum += math.Exp(x - top)
	}
	return top + math.Log(sum/float64(len(logs)))
}

// normal is the distribution function of the standard normal.
func normal(x float64) float64 { return math.Erfc(-x/math.Sqrt2) / 2 }
