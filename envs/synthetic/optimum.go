package synthetic

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"paspo/envs"
	"paspo/internal/rng"
)

// Optimum is the best that a search found.
type Optimum struct {
	Return  float64     // of an episode
	Rewards []float64   // of every state
	Actions [][]float64 // of every state
	Starts  int         // points searched from, a state
}

// Allocator returns the policy that takes the best action of every state.
func (o *Optimum) Allocator() envs.Allocator {
	return func(s *envs.States, actions []float64) error {
		if s.Step >= len(o.Actions) {
			return fmt.Errorf("envs: step %d of an episode of %d", s.Step, len(o.Actions))
		}
		return envs.Constant(o.Actions[s.Step])(s, actions)
	}
}

// Optimum searches for the best action of every state. The reward is piecewise
// linear and not concave, so what it finds is a lower bound of the optimum.
//
// The search starts from the best of the polytope's known vertices and of those
// that are optimal for random directions, and from random mixtures of them. It
// then takes, while the reward grows, the best point on the segments towards
// the vertex that the gradient points to (Frank and Wolfe, 1956) and towards every
// vertex of the pool.
func (p *Problem) Optimum(seed uint64) (*Optimum, error) {
	pool, err := p.vertexPool(rng.New(seed, "synthetic", "vertices"))
	if err != nil {
		return nil, err
	}
	o := &Optimum{}
	for s := range p.cfg.States {
		r := rand.New(rng.New(seed, "synthetic", "search").Split(uint64(s)))
		starts := p.starts(r, s, pool)
		o.Starts = len(starts)
		best, at := math.Inf(-1), []float64(nil)
		for _, x := range starts {
			v, err := p.climb(s, x, pool)
			if err != nil {
				return nil, err
			}
			if v > best {
				best, at = v, x
			}
		}
		o.Rewards, o.Actions = append(o.Rewards, best), append(o.Actions, at)
		o.Return += best
	}
	return o, nil
}

const (
	searchDirections = 100
	searchVertices   = 10 // starts from the best vertices
	searchMixtures   = 20 // starts from mixtures of vertices
)

// vertexPool returns vertices of the polytope: the known ones, and the best for
// random directions.
func (p *Problem) vertexPool(s *rng.Stream) ([][]float64, error) {
	r := rand.New(s)
	pool := slices.Clone(p.spec.Polytope.Points())
	c := make([]float64, p.cfg.Entities)
	for range searchDirections {
		for i := range c {
			c[i] = r.NormFloat64()
		}
		x, _, err := p.spec.Polytope.Minimize(c, nil)
		if err != nil {
			return nil, fmt.Errorf("synthetic: a vertex of the polytope: %w", err)
		}
		pool = append(pool, x)
	}
	slices.SortFunc(pool, slices.Compare)
	return slices.CompactFunc(pool, func(a, b []float64) bool {
		for i := range a {
			if math.Abs(a[i]-b[i]) > 1e-9 {
				return false
			}
		}
		return true
	}), nil
}

func (p *Problem) starts(r *rand.Rand, state int, pool [][]float64) [][]float64 {
	value := func(x []float64) float64 { return p.net.reward(state, x, nil) }
	sorted := slices.Clone(pool)
	slices.SortStableFunc(sorted, func(a, b []float64) int { return cmp.Compare(value(b), value(a)) })
	var starts [][]float64
	for _, x := range sorted[:min(searchVertices, len(sorted))] {
		starts = append(starts, slices.Clone(x))
	}
	for range searchMixtures {
		x := make([]float64, p.cfg.Entities)
		var total float64
		for _, v := range pool {
			// Squared exponentials favour a few vertices.
			w := r.ExpFloat64()
			w *= w
			total += w
			for i := range x {
				x[i] += w * v[i]
			}
		}
		for i := range x {
			x[i] /= total
		}
		starts = append(starts, x)
	}
	return starts
}

// climb improves x in place and returns its reward.
func (p *Problem) climb(state int, x []float64, pool [][]float64) (float64, error) {
	n := p.cfg.Entities
	grad, c := make([]float64, n), make([]float64, n)
	value := p.net.reward(state, x, nil)

	// step moves x to the best point between it and to.
	step := func(to []float64) {
		t, v := maximizeLine(p.net.along(state, x, to))
		if v <= value+1e-12 {
			return
		}
		for i := range x {
			x[i] += t * (to[i] - x[i])
		}
		value = v
	}
	for range 1000 {
		before := value
		p.net.reward(state, x, grad)
		for i := range c {
			c[i] = -grad[i]
		}
		to, _, err := p.spec.Polytope.Minimize(c, nil)
		if err != nil {
			return 0, fmt.Errorf("synthetic: search for the optimum: %w", err)
		}
		step(to)
		for _, v := range pool {
			step(v)
		}
		if value-before < 1e-9 {
			break
		}
	}
	return value, nil
}

// maximizeLine returns the best of f on [0, 1] to about 1e-9: a grid, then
// golden sections around its best point.
func maximizeLine(f func(float64) float64) (t, v float64) {
	const grid = 16
	v = math.Inf(-1)
	for k := range grid + 1 {
		s := float64(k) / grid
		if w := f(s); w > v {
			t, v = s, w
		}
	}
	lo, hi := max(0, t-1.0/grid), min(1, t+1.0/grid)
	g := (math.Sqrt(5) - 1) / 2
	a, b := hi-g*(hi-lo), lo+g*(hi-lo)
	fa, fb := f(a), f(b)
	for hi-lo > 1e-9 {
		if fa > fb {
			hi, b, fb = b, a, fa
			a = hi - g*(hi-lo)
			fa = f(a)
		} else {
			lo, a, fa = a, b, fb
			b = lo + g*(hi-lo)
			fb = f(b)
		}
	}
	if w := f((lo + hi) / 2); w > v {
		t, v = (lo+hi)/2, w
	}
	return t, v
}
