package ppo

import (
	"math/rand/v2"

	"paspo/envs"
	"paspo/internal/rng"
	"paspo/lp"
)

// envRand is a stream and the distributions over it.
type envRand struct {
	*rand.Rand
	stream *rng.Stream
}

func newEnvRand(s *rng.Stream) *envRand { return &envRand{rand.New(s), s} }

// fleet steps environments side by side, each from its own stream.
type fleet struct {
	dim, entities int
	envs          []envs.Env
	rands         []*envRand

	obs     []float64   // envs x dim, before the next action
	limits  []lp.Limits // nil where limits do not follow the state
	rewards []float64   // of the last step
	done    []bool
}

func newFleet(p envs.Problem, count int, root *rng.Stream) *fleet {
	s := p.Spec()
	f := &fleet{
		dim: s.ObsDim, entities: s.Polytope.Dim(),
		obs: make([]float64, count*s.ObsDim), rewards: make([]float64, count), done: make([]bool, count),
	}
	for i := range count {
		f.envs = append(f.envs, p.New())
		f.rands = append(f.rands, newEnvRand(root.Split(uint64(i))))
		f.envs[i].Reset(f.rands[i].Rand, f.observation(i))
	}
	if _, ok := f.envs[0].(envs.Limiter); ok {
		f.limits = make([]lp.Limits, count)
		f.readLimits()
	}
	return f
}

func (f *fleet) observation(i int) []float64 { return f.obs[i*f.dim : (i+1)*f.dim] }

// step takes one action an environment; one that is done starts anew.
func (f *fleet) step(actions []float64) {
	for i, e := range f.envs {
		f.rewards[i], f.done[i] = e.Step(f.rands[i].Rand, actions[i*f.entities:(i+1)*f.entities], f.observation(i))
		if f.done[i] {
			e.Reset(f.rands[i].Rand, f.observation(i))
		}
	}
	f.readLimits()
}

func (f *fleet) readLimits() {
	for i := range f.limits {
		f.limits[i] = lp.Limits{}
		f.envs[i].(envs.Limiter).Limits(&f.limits[i])
	}
}
