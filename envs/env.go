package envs

import (
	"encoding"
	"fmt"
	"math"
	"math/rand/v2"

	"paspo/lp"
)

// Env is one environment whose actions are allocations. It is stepped by one
// goroutine at a time, not always the same.
//
// All randomness comes from rng, so an episode depends on the stream alone. An
// environment is given the same rng every time, until a run is resumed.
//
// Where a method panics, or gives what it must not, whoever called it ends with a
// *Fault that names the environment, and training keeps what was learned before.
// A panic on a goroutine that the environment has started itself, or a fatal error
// of the runtime, as of two goroutines that write one map, ends the process.
type Env interface {
	// Reset starts an episode and writes the first observation.
	Reset(rng *rand.Rand, obs []float64)

	// Step takes an allocation that satisfies the polytope, writes the next
	// observation and returns the reward, all finite. Algorithms that can break constraints
	// (package baselines) hand in allocations of the budget that may not satisfy the rest of
	// it: the reward, or that of a Coster, says what such a one gets. After done, Reset comes next,
	// and what Step wrote to obs is read by nobody unless the episode is truncated
	// (see Truncator).
	//
	// action is the environment's own copy until its next Step: it may be kept until
	// then, modified and appended to. obs may be kept and written to during the call
	// alone; it holds the last observation.
	Step(rng *rand.Rand, action, obs []float64) (reward float64, done bool)
}

// Limiter is implemented by environments whose limits follow the state. Limits
// is called once before every action; the slices it sets are read until the next
// Reset or Step. They have the lengths of the polytope's own (see
// lp.Polytope.CheckLimits), and some allocation has to satisfy them in every state.
type Limiter interface {
	Limits(*lp.Limits)
}

// Coster is implemented by problems that say what an action which breaks constraints is
// rewarded with. Where it is not, such an action earns what Step returns.
type Coster interface {
	// Infeasible returns a function for one environment, nil where what Step returns stands.
	// It returns the reward of an action whose residual is above Violation, given the sum of its
	// scaled excesses in the limits of its state (lp.Polytope.Excesses) and what Step returned, or
	// what the action was expected to earn (Expecter).
	Infeasible() func(action []float64, excess, reward float64) float64
}

// PerExcess returns a function for Coster that takes weight times the excess off the reward,
// nil where the weight is 0.
func PerExcess(weight float64) func(action []float64, excess, reward float64) float64 {
	if weight == 0 {
		return nil
	}
	return func(_ []float64, excess, reward float64) float64 { return reward - weight*excess }
}

// Truncator is implemented by environments with a time limit, or whatever else cuts
// off an episode that would have gone on. Truncated is asked after a Step that
// returned done. Where it says true, obs holds the observation that the next action
// would have followed, and training counts on what would have come; where it says
// false, or the environment is no Truncator, the episode has terminated and nothing
// would have come.
type Truncator interface {
	Truncated() bool
}

// Skipper is implemented by environments that at times begin an episode in a Step of its own,
// as vectors of Gymnasium do whose mode is NEXT_STEP. Until that Step, Reset has left an
// observation that belongs to no episode, such as the last one of the episode before.
type Skipper interface {
	// Skipped says whether the last Step took no action and began an episode: it returned
	// neither a reward nor done. Nothing is learned from it.
	Skipped() bool
}

// Starter is implemented by environments that are stepped elsewhere, such as by another
// process. Whoever steps several side by side gives each its action before it waits for
// the first of them.
type Starter interface {
	// Start is given the action of the next Step and does not wait for what comes of it.
	// again says that Reset follows at once where the episode ends.
	Start(action []float64, again bool)

	// Await returns when Step, which comes next, has its result at hand.
	Await()
}

// Informer is implemented by environments that measure more than their reward. Metrics have
// the means over the steps of an iteration.
type Informer interface {
	// Info adds what was measured since it was last called: sums over steps, and over how many.
	Info(add func(name string, sum float64, count int)) error
}

// Snapshotter is implemented by environments that can be saved in the middle of
// an episode. A run resumes bit for bit only where the environment is one; else
// resumed runs start new episodes. Together the two methods carry everything
// that the future depends on, except rng: see CheckSnapshots.
type Snapshotter interface {
	encoding.BinaryMarshaler
	encoding.BinaryUnmarshaler
}

// Saver is implemented by Snapshotters that are not written in Go, where their methods have other names.
type Saver interface {
	// SaverNames returns what messages call MarshalBinary and UnmarshalBinary.
	SaverNames() (save, load string)
}

// saverNames returns what the methods of a Snapshotter are called where it is written.
func saverNames(e Env) (save, load string) {
	if s, ok := e.(Saver); ok {
		return s.SaverNames()
	}
	return "MarshalBinary", "UnmarshalBinary"
}

// Unrepeatable is implemented by environments that do not draw from rng alone, such
// as those that ask another program: two that are given the same rng and actions
// may go different ways. They cannot be trained in groups that have the same draws. A problem
// that implements it says so for all of its environments, before there is one.
type Unrepeatable interface {
	// Unrepeatable says why, for people to read; nothing where draws can be repeated
	// after all.
	Unrepeatable() string
}

// Environments that implement io.Closer are closed after use, and then their problem if it
// does.

// Problem is a task to train on: the polytope of its actions and copies of its
// environment.
type Problem interface {
	Spec() Spec

	// New returns a copy of the environment. Copies share no mutable state.
	New() Env
}

// Configurable is implemented by problems that have options of their own, which the section
// env.options of a configuration sets.
type Configurable interface {
	Problem

	// Options returns a pointer to a new struct with the defaults. Its exported fields with
	// a name in YAML, `yaml:"days"`, are the options: strings, bools, ints, int64s, uint64s,
	// float64s, slices of these, and structs of options. A text `doc:".."` explains one, and
	// `file:"true"` marks a string as the name of a file: runs keep a copy of it.
	Options() any

	// Configure returns the problem with such options. An error about one begins with its
	// name, as "days is 0: an integer of at least 1 is allowed".
	Configure(options any) (Problem, error)
}

// Constrainable is implemented by problems whose constraints may be replaced, as by a file.
type Constrainable interface {
	Problem

	// Constrain returns the problem over p, which has the same entities in the same order.
	Constrain(p *lp.Polytope) (Problem, error)
}

// Expecter is implemented by problems that can tell what an action is expected to earn.
// Evaluation then adds up expectations in the place of rewards: their sum has the mean of
// the return of an episode and less noise.
type Expecter interface {
	// Expectation returns a function for one episode, nil where expectations are not known.
	// It is called once before every step, in order, with the observation and the action,
	// and returns E[reward | observations and actions of the episode so far].
	Expectation() func(obs, action []float64) float64
}

// ObservationChecker is implemented by problems that can tell observations which no state
// gives, such as shares of a whole that do not add up. Whoever answers observations of
// others refuses them.
type ObservationChecker interface {
	// CheckObservation returns an error that says what is wrong with an observation of
	// ObsDim finite numbers. It may be called by several goroutines at once.
	CheckObservation(obs []float64) error
}

// ObservationReader is implemented by problems whose environments give observations that are
// more than a list of numbers.
type ObservationReader interface {
	// ReadObservation flattens an observation in JSON. One that is flattened already stays as it
	// is. It may be called by several goroutines at once.
	ReadObservation(data []byte) ([]float64, error)
}

// Spec describes a problem.
type Spec struct {
	Name     string       // of the problem, as runs and messages have it
	ObsDim   int          // components of an observation
	ObsNames []string     // one a component; nil where unnamed
	Polytope *lp.Polytope // of the actions; its own limits hold where a Limiter sets none

	// For people to read, in a few words each and empty where nothing is to be said: what
	// the reward of a step is, and what an episode is and when it ends.
	Reward, Episode string

	// Float32 says that environments take actions of float32. Step is given such ones: the closest
	// to those of the policy. Residuals are of what Step is given, so that rounding, which adds up to
	// 2^-24 of what the terms of a constraint can be, is in them.
	Float32 bool

	// NormalizeObs says whether observations are to be standardised by their
	// running mean and deviation.
	NormalizeObs bool
}

// Validate returns an error that names the field that no problem can have.
func (s Spec) Validate() error {
	switch {
	case s.Polytope == nil:
		return fmt.Errorf("envs: problem %q has no polytope", s.Name)
	case s.ObsDim < 1:
		return fmt.Errorf("envs: problem %q has an ObsDim of %d: at least 1 is needed", s.Name, s.ObsDim)
	case s.ObsNames != nil && len(s.ObsNames) != s.ObsDim:
		return fmt.Errorf("envs: problem %q has %d ObsNames, its ObsDim is %d", s.Name, len(s.ObsNames), s.ObsDim)
	}
	seen := make(map[string]int, len(s.ObsNames))
	for i, name := range s.ObsNames {
		if first, twice := seen[name]; twice {
			return fmt.Errorf("envs: problem %q has %q as the names of components %d and %d of its ObsNames: every component needs a name of its own", s.Name, name, first, i)
		}
		seen[name] = i
	}
	return nil
}

// CheckBudget returns an error where P does not fix the sum of all entities to 1.
func CheckBudget(p *lp.Polytope) error {
	if k, c := p.Budget(); k >= 0 {
		if _, rhs, _ := p.Equalities(); math.Abs(rhs[k]/c-1) <= 1e-12 {
			return nil
		}
	}
	return fmt.Errorf("the constraints state no total of 1: this environment splits one budget of 1")
}
