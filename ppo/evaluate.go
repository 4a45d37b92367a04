package ppo

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"

	"paspo/envs"
	"paspo/internal/rng"
	"paspo/lp"
	"paspo/policy"
)

// EvalOptions says how a policy is evaluated.
type EvalOptions struct {
	Episodes int

	// Deterministic takes the mode of every Beta with alpha, beta > 1 and the mean
	// of the others; else actions are sampled.
	Deterministic bool

	// Seed and the number of an episode name its random streams, so that what the
	// environment draws is the same for every policy.
	Seed uint64

	MaxSteps int // an episode is cut off here; 0 for 10 000
	Batch    int // episodes side by side; 0 for 256

	// Observe, when set, is called after every step, episodes of a batch in turn.
	Observe func(EvalStep)
}

// EvalStep is one step of an evaluated episode. Slices are valid during the call.
type EvalStep struct {
	Episode, Time int
	Env           envs.Env // after the step
	Obs, Action   []float64
	Reward        float64
	Done          bool
}

// Evaluation is the outcome of evaluated episodes, in their order.
type Evaluation struct {
	Returns     []float64
	Lengths     []int
	Truncated   int     // episodes that were cut off
	MaxResidual float64 // largest scaled residual of an action
	Violations  int     // actions with a residual above envs.Violation
}

// Mean returns the mean return.
func (e *Evaluation) Mean() float64 {
	var m moments1
	for _, r := range e.Returns {
		m.add(r)
	}
	return m.mean
}

// StdErr returns the standard error of the mean, NaN for one episode.
func (e *Evaluation) StdErr() float64 {
	var m moments1
	for _, r := range e.Returns {
		m.add(r)
	}
	return math.Sqrt(m.m2 / (m.n - 1) / m.n)
}

// MeanLength returns the mean number of steps of an episode.
func (e *Evaluation) MeanLength() float64 {
	s := 0
	for _, l := range e.Lengths {
		s += l
	}
	return float64(s) / float64(len(e.Lengths))
}

// actionStream returns the stream that the actions of an evaluated episode are
// sampled from. Its environment draws from envs.EpisodeStream.
func actionStream(seed uint64, episode int) *rng.Stream {
	return rng.New(seed, "eval", "action").Split(uint64(episode))
}

// Evaluate plays episodes and changes neither the policy nor its normaliser.
func Evaluate(ctx context.Context, p envs.Problem, backend policy.Backend, o EvalOptions) (*Evaluation, error) {
	if o.Episodes < 1 {
		return nil, fmt.Errorf("%d episodes: at least 1 is needed", o.Episodes)
	}
	if o.MaxSteps == 0 {
		o.MaxSteps = 10_000
	}
	if o.Batch == 0 {
		o.Batch = 256
	}
	ev := &Evaluation{
		Returns: make([]float64, o.Episodes), Lengths: make([]int, o.Episodes),
		MaxResidual: math.Inf(-1),
	}
	actor := NewActor(backend, p.Spec().ObsDim)
	for from := 0; from < o.Episodes; from += o.Batch {
		if err := ev.play(ctx, p, actor, o, from, min(from+o.Batch, o.Episodes)); err != nil {
			return nil, err
		}
	}
	return ev, nil
}

// episode is one that is under way.
type episode struct {
	id, time int
	env      envs.Env
	random   *rand.Rand
	actions  *rng.Stream
	obs      []float64
}

// play plays the episodes from..to-1 side by side.
func (ev *Evaluation) play(ctx context.Context, p envs.Problem, actor *Actor, o EvalOptions, from, to int) error {
	dim, n := p.Spec().ObsDim, p.Spec().Polytope.Dim()
	live := make([]*episode, to-from)
	for k := range live {
		id := from + k
		live[k] = &episode{
			id: id, env: p.New(), random: envs.EpisodeStream(o.Seed, id),
			actions: actionStream(o.Seed, id), obs: make([]float64, dim),
		}
		live[k].env.Reset(live[k].random, live[k].obs)
	}
	obs := make([]float64, 0, len(live)*dim)
	streams := make([]*rng.Stream, 0, len(live))
	var limits []lp.Limits
	for len(live) > 0 {
		if err := ctx.Err(); err != nil {
			return err
		}
		obs, streams, limits = obs[:0], streams[:0], limits[:0]
		for _, e := range live {
			if i := firstNonFinite(e.obs); i >= 0 {
				return fmt.Errorf("component %d of the observation of evaluated episode %d is %g at its step %d", i, e.id, e.obs[i], e.time)
			}
			obs = append(obs, e.obs...)
			streams = append(streams, e.actions)
			if l, ok := e.env.(envs.Limiter); ok {
				limits = append(limits, lp.Limits{})
				l.Limits(&limits[len(limits)-1])
			}
		}
		use := limits
		if len(use) == 0 {
			use = nil
		}
		out, err := actor.Act(obs, use, streams, o.Deterministic)
		if err != nil {
			return err
		}
		next := live[:0]
		for k, e := range live {
			ev.MaxResidual = max(ev.MaxResidual, out.Residual[k])
			if !(out.Residual[k] <= envs.Violation) {
				ev.Violations++
			}
			action := out.Actions[k*n : (k+1)*n]
			reward, done := e.env.Step(e.random, action, e.obs)
			if !isFinite(reward) {
				return fmt.Errorf("the reward of evaluated episode %d is %g at its step %d", e.id, reward, e.time)
			}
			if o.Observe != nil {
				o.Observe(EvalStep{e.id, e.time, e.env, obs[k*dim : (k+1)*dim], action, reward, done})
			}
			e.time++
			ev.Returns[e.id] += reward
			ev.Lengths[e.id] = e.time
			switch {
			case done:
			case e.time >= o.MaxSteps:
				ev.Truncated++
			default:
				next = append(next, e)
			}
		}
		live = next
	}
	return nil
}
