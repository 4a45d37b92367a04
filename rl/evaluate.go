package rl

import (
	"context"
	"errors"
	"fmt"
	"math"

	"paspo/envs"
	"paspo/internal/rng"
	"paspo/internal/stats"
	"paspo/lp"
	"paspo/policy"
)

// EvalOptions says how a policy is evaluated.
type EvalOptions struct {
	Episodes int // at least 1

	Rule policy.Rule // how the policy chooses actions from its distributions

	// Seed, Set and the number of an episode name its random streams, so that what
	// the environment draws is the same for every policy. Sets of different names have
	// no episode in common.
	Seed uint64
	Set  string

	MaxSteps int // an episode is cut off after so many steps; 0 for 10 000
	Batch    int // episodes side by side; 0 for 256

	// Adjust, when set, may change the action that a step is to be made with, in the limits of
	// the state: nil for those of the polytope.
	Adjust func(action []float64, l *lp.Limits) error

	// Observe, when set, is called after every step of every episode.
	Observe func(EvalStep)
}

// EvalStep is one step of an evaluated episode. Slices are valid during the call.
type EvalStep struct {
	Episode int       // its number, from 0 on
	Time    int       // steps of the episode before this one
	Env     envs.Env  // after the step
	Obs     []float64 // before the step, which the action was chosen by
	Action  []float64
	Reward  float64
	Done    bool // the episode ended with this step
}

// Evaluation is the outcome of evaluated episodes, in their order.
type Evaluation struct {
	Returns     []float64 // sums of rewards, one an episode
	Expected    []float64 // sums of expected rewards (see envs.Expecter), nil where unknown
	Lengths     []int     // steps, one an episode
	Truncated   int       // episodes that were cut off
	MaxResidual float64   // largest scaled residual of an action
	Violations  int       // actions with a residual above envs.Violation
}

// moments returns the moments of Expected where it is known, else of Returns. The two have the
// same mean.
func (e *Evaluation) moments() stats.Running {
	estimates := e.Returns
	if e.Expected != nil {
		estimates = e.Expected
	}
	return stats.Of(estimates)
}

// Mean returns the estimate of the mean return, from expected rewards where they are known.
func (e *Evaluation) Mean() float64 { return e.moments().Mean }

// StdErr returns the standard error of Mean, NaN for one episode.
func (e *Evaluation) StdErr() float64 {
	m := e.moments()
	return m.StdErr()
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

func (o *EvalOptions) set() []string {
	if o.Set == "" {
		return nil
	}
	return []string{o.Set}
}

// Evaluate plays episodes and changes neither the policy nor its normaliser. Where ctx ends, the
// error wraps that of ctx. An error of an environment is an *envs.Fault. It is an error too where
// the problem does not fit the policy.
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
	spec := p.Spec()
	if err := checkFit(&spec, backend); err != nil {
		return nil, err
	}
	actor := NewActor(backend)
	for from := 0; from < o.Episodes; from += o.Batch {
		if err := ev.play(ctx, p, actor, o, from, min(from+o.Batch, o.Episodes)); err != nil {
			return nil, err
		}
	}
	return ev, nil
}

// episode is an episode under way.
type episode struct {
	*envs.Copy
	id      int
	actions *rng.Stream
}

// play plays the episodes from..to-1 side by side.
func (ev *Evaluation) play(ctx context.Context, p envs.Problem, actor *Actor, o EvalOptions, from, to int) error {
	dim, n := actor.backend.ObsDim(), actor.backend.Polytope().Dim()
	live := make([]*episode, to-from)
	all := make([]*envs.Copy, 0, len(live))
	defer func() {
		for _, c := range all {
			c.Close()
		}
	}()
	for k := range live {
		id := from + k
		c, err := envs.NewCopy(p, id, envs.EpisodeStream(o.Seed, id, o.set()...))
		if err != nil {
			return fmt.Errorf("evaluation: %w", err)
		}
		all = append(all, c)
		live[k] = &episode{c, id, actionStream(o.Seed, id)}
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
			obs = append(obs, e.Obs()...)
			streams = append(streams, e.actions)
			if l := e.Limits(); l != nil {
				limits = append(limits, *l)
			}
		}
		use := limits
		if len(use) == 0 {
			use = nil
		}
		out, err := actor.act(obs, use, streams, o.Rule)
		var none *lp.InfeasibleError
		if errors.As(err, &none) && use != nil {
			err = live[none.Row].Refused(err)
		}
		if err != nil {
			return fmt.Errorf("evaluation: %w", err)
		}
		for k, e := range live {
			if o.Adjust != nil {
				if err := o.Adjust(out.Actions[k*n:(k+1)*n], e.Limits()); err != nil {
					return fmt.Errorf("evaluation: %w", err)
				}
			}
			e.Start(out.Actions[k*n : (k+1)*n])
		}
		next := live[:0]
		for k, e := range live {
			action := out.Actions[k*n : (k+1)*n : (k+1)*n]
			reward, done, err := e.Step(action)
			if err != nil {
				return fmt.Errorf("evaluation: %w", err)
			}
			ev.MaxResidual = max(ev.MaxResidual, e.Residual())
			if !(e.Residual() <= envs.Violation) {
				ev.Violations++
			}
			time := e.Length()
			if o.Observe != nil {
				o.Observe(EvalStep{e.id, time - 1, e.Env(), obs[k*dim : (k+1)*dim : (k+1)*dim], action, reward, done})
			}
			ev.Returns[e.id] += reward
			if x, ok := e.Expected(); ok {
				if ev.Expected == nil {
					ev.Expected = make([]float64, o.Episodes)
				}
				ev.Expected[e.id] += x
			}
			ev.Lengths[e.id] = time
			switch {
			case done:
			case time >= o.MaxSteps:
				ev.Truncated++
			default:
				next = append(next, e)
			}
		}
		live = next
	}
	return nil
}
