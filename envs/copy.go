package envs

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime/debug"

	"paspo/internal/finite"
	"paspo/lp"
	"paspo/lp/constraints"
)

// Copy is one copy of a problem's environment with an episode under way. It guards its callers
// against the code of the environment: whatever that does wrong comes back as a *Fault, and it can
// change neither the actions of others nor its own once that is checked. After a Fault a Copy is of
// no more use.
//
// A Copy is used by one goroutine at a time.
type Copy struct {
	env      Env
	limiter  Limiter                                                // nil where limits do not follow the state
	relaxer  Relaxer                                                // nil where they are not relaxed
	cutter   Truncator                                              // nil where episodes are never truncated
	skipper  Skipper                                                // nil where every step takes its action
	starter  Starter                                                // nil where it is not stepped elsewhere
	expecter Expecter                                               // nil where expectations are not known, and in a Vector
	charge   func(action []float64, excess, reward float64) float64 // of a Coster, nil where rewards stand
	polytope *lp.Polytope
	float32  bool // actions are rounded
	rand     *rand.Rand
	problem  string
	index    int

	obs        []float64
	action     []float64 // the environment's own
	limits     *lp.Limits
	expect     func(obs, action []float64) float64 // of this episode, nil where unknown
	expected   float64
	relaxation float64
	residual   float64
	excesses   []float64 // one a constraint, where there is a charge
	charges    []float64 // the action that is charged, a copy
	length     int       // steps of the episode
	truncated  bool
	skipped    bool

	calls string // method that is called at the moment, empty for none
	fault *Fault // the first
}

// NewCopy makes a copy of the environment, which draws from r, and starts its
// first episode. Faults call it by index.
func NewCopy(p Problem, index int, r *rand.Rand) (*Copy, error) {
	s := p.Spec()
	if err := s.Validate(); err != nil {
		return nil, err
	}
	c := &Copy{obs: make([]float64, s.ObsDim), action: make([]float64, s.Polytope.Dim()), limits: &lp.Limits{}}
	c.expecter, _ = p.(Expecter)
	if err := c.start(p, &s, index, r); err != nil {
		return nil, err
	}
	return c, nil
}

// start makes the environment of a Copy whose slices for observation, action and limits
// are made already.
func (c *Copy) start(p Problem, s *Spec, index int, r *rand.Rand) error {
	c.polytope, c.float32, c.rand, c.problem, c.index = s.Polytope, s.Float32, r, s.Name, index
	if err := c.guarded("New", func() error {
		if c.env = p.New(); c.env == nil {
			return errors.New("it returned nil")
		}
		return nil
	}); err != nil {
		return err
	}
	if l, ok := c.env.(Limiter); ok {
		c.limiter = l
		c.relaxer, _ = l.(Relaxer)
	}
	c.cutter, _ = c.env.(Truncator)
	c.skipper, _ = c.env.(Skipper)
	c.starter, _ = c.env.(Starter)
	if coster, ok := p.(Coster); ok {
		if err := c.guarded("Infeasible", func() error {
			c.charge = coster.Infeasible()
			return nil
		}); err != nil {
			return err
		}
		if c.charge != nil {
			c.excesses, c.charges = make([]float64, c.polytope.Constraints()), make([]float64, c.polytope.Dim())
		}
	}
	return c.Reset()
}

// Env returns the environment.
func (c *Copy) Env() Env { return c.env }

// Obs returns the observation before the next action. It is overwritten by Step
// and Reset.
func (c *Copy) Obs() []float64 { return c.obs }

// Limits returns the limits of the next action, nil where limits do not follow the
// state. They are overwritten by Step and Reset.
func (c *Copy) Limits() *lp.Limits {
	if c.limiter == nil {
		return nil
	}
	return c.limits
}

// Relaxation returns by how much these limits were relaxed, 0 where they were not
// (see Relaxer).
func (c *Copy) Relaxation() float64 { return c.relaxation }

// Residual returns the largest scaled residual of the last action, in the limits
// of its state.
func (c *Copy) Residual() float64 { return c.residual }

// Expected returns the expected reward of the last action. ok is false where the problem is no
// Expecter, or gives no expectations of this episode.
func (c *Copy) Expected() (reward float64, ok bool) { return c.expected, c.expect != nil }

// Truncated says of an episode that is done whether it was truncated.
func (c *Copy) Truncated() bool { return c.truncated }

// Length returns the number of steps of the episode.
func (c *Copy) Length() int { return c.length }

// Reset starts an episode.
func (c *Copy) Reset() error {
	c.length, c.truncated = 0, false
	if c.reset(); c.fault != nil {
		return c.fault
	}
	if err := c.checkObs("Reset"); err != nil {
		return err
	}
	if c.expecter != nil {
		if err := c.guarded("Expectation", func() error {
			c.expect = c.expecter.Expectation()
			return nil
		}); err != nil {
			return err
		}
	}
	return c.lookAtLimits()
}

// Start has an environment that is a Starter begin the Step with this action, which
// comes next.
func (c *Copy) Start(action []float64) { c.begin(action, false) }

// begin is Start. again says that Reset follows at once where the episode ends. An action that
// is not finite is passed over: Step, which comes next, refuses it.
func (c *Copy) begin(action []float64, again bool) {
	if c.starter == nil || c.fault != nil || !finite.All(action) {
		return
	}
	c.calls = "Start"
	defer c.recovered()
	c.starter.Start(action, again)
	c.calls = ""
}

// await returns when what begin began is done.
func (c *Copy) await() {
	if c.starter == nil || c.fault != nil {
		return
	}
	c.calls = "Await"
	defer c.recovered()
	c.starter.Await()
	c.calls = ""
}

// Close closes the environment where it is an io.Closer. An error of that is dropped: the
// environment has done what it was made for.
func (c *Copy) Close() {
	if closer, ok := c.env.(io.Closer); ok {
		_ = c.guarded("Close", closer.Close)
	}
}

// Step checks an action against the limits of the state and takes it. The
// environment gets a copy of it. Where the episode is done Reset comes next, and the
// observation is whatever the environment has written there: where the episode is truncated,
// the one that the next action would have followed.
func (c *Copy) Step(action []float64) (reward float64, done bool, err error) {
	if len(action) != len(c.action) {
		panic(badAction)
	}
	c.measure(action)
	if c.expect != nil && finite.All(action) {
		c.given(action)
		if c.ask(); c.fault != nil {
			return 0, false, c.fault
		}
		if excess := c.excess(action); excess > 0 {
			if c.expected = c.charged(action, excess, c.expected); c.fault != nil {
				return 0, false, c.fault
			}
		}
		if c.expected-c.expected != 0 {
			return 0, false, c.failed("Expectation", nonFinite{"the expected reward", c.expected})
		}
	}
	return c.take(action)
}

// given returns the action as the environment takes it, in the copy that it is given.
func (c *Copy) given(action []float64) []float64 {
	copy(c.action, action)
	if c.float32 {
		RoundFloat32(c.action)
	}
	return c.action
}

// RoundFloat32 rounds an action to the closest numbers of float32, as conversions in NumPy do.
func RoundFloat32(action []float64) {
	for i, x := range action {
		action[i] = float64(float32(x))
	}
}

// measure measures the residual of the next action, as the environment takes it.
func (c *Copy) measure(action []float64) {
	if c.float32 {
		action = c.given(action)
	}
	c.residual = c.polytope.Residual(action, c.Limits())
}

// take is Step without the residual and the expected reward.
func (c *Copy) take(action []float64) (reward float64, done bool, err error) {
	if i := finite.First(action); i >= 0 {
		return 0, false, c.failed("Step", nonFinite{fmt.Sprintf("not called: component %d of the action", i), action[i]})
	}
	c.given(action)
	c.skipped = false
	excess := c.excess(action)
	if reward, done = c.step(); c.fault != nil {
		return 0, false, c.fault
	}
	if excess > 0 {
		if reward = c.charged(action, excess, reward); c.fault != nil {
			return 0, false, c.fault
		}
	}
	if reward-reward != 0 {
		return 0, false, c.failed("Step", nonFinite{"the reward", reward})
	}
	if done {
		if c.cutter != nil {
			if c.truncated = c.says("Truncated", c.cutter.Truncated); c.fault != nil {
				return 0, false, c.fault
			}
		}
		if c.truncated {
			if err := c.checkObs("Step"); err != nil {
				return 0, false, err
			}
		}
		c.length++
		return reward, true, nil
	}
	if err := c.checkObs("Step"); err != nil {
		return 0, false, err
	}
	if c.skipper != nil {
		if c.skipped = c.says("Skipped", c.skipper.Skipped); c.fault != nil {
			return 0, false, c.fault
		}
	}
	if !c.skipped {
		c.length++
	}
	return reward, false, c.lookAtLimits()
}

// excess returns the sum of the scaled excesses of an action of the present residual, 0 where nobody asks.
func (c *Copy) excess(action []float64) (sum float64) {
	if c.charge == nil || c.residual <= Violation {
		return 0
	}
	c.polytope.Excesses(action, c.Limits(), c.excesses)
	for _, x := range c.excesses {
		sum += x
	}
	return sum
}

// Refused makes a Fault of the error that the state's limits have given. Where no allocation
// satisfies them, its Err is an *lp.EmptyError that names the conflict.
func (c *Copy) Refused(err error) error {
	if conflict := c.polytope.FindConflict(c.limits); conflict != nil {
		err = &lp.EmptyError{Name: c.polytope.Name(), Conflict: constraints.Stated(c.polytope, c.limits, conflict)}
	}
	return c.failed("Limits", err)
}

// Unrepeated says why the draws of a problem's environment cannot be repeated, nothing
// where they can.
func Unrepeated(p Problem) (why string, err error) {
	if u, ok := p.(Unrepeatable); ok {
		err = Call(p, "Unrepeatable", func() { why = u.Unrepeatable() })
		return why, err
	}
	one, err := NewVector(p, VectorConfig{Count: 1, Workers: 1, Seed: 1})
	if err != nil {
		return "", err
	}
	defer one.Close()
	return one.copies[0].unrepeatable()
}

// unrepeatable says why the environment's draws cannot be repeated, nothing where
// they can.
func (c *Copy) unrepeatable() (why string, err error) {
	if u, ok := c.env.(Unrepeatable); ok {
		err = c.guarded("Unrepeatable", func() error {
			why = u.Unrepeatable()
			return nil
		})
	}
	return why, err
}

// checkObs checks the observation that a method has written.
func (c *Copy) checkObs(method string) error {
	if i := finite.First(c.obs); i >= 0 {
		return c.failed(method, nonFinite{fmt.Sprintf("component %d of the observation", i), c.obs[i]})
	}
	return nil
}

// lookAtLimits reads and checks the limits of the state.
func (c *Copy) lookAtLimits() error {
	if c.limiter == nil {
		return nil
	}
	if c.readLimits(); c.fault != nil {
		return c.fault
	}
	if err := c.polytope.CheckLimits(c.limits); err != nil {
		return c.failed("Limits", err)
	}
	return nil
}

// The calls into the code of the environment.

func (c *Copy) reset() {
	c.calls = "Reset"
	defer c.recovered()
	c.env.Reset(c.rand, c.obs)
	c.calls = ""
}

func (c *Copy) step() (reward float64, done bool) {
	c.calls = "Step"
	defer c.recovered()
	reward, done = c.env.Step(c.rand, c.action, c.obs)
	c.calls = ""
	return reward, done
}

func (c *Copy) charged(action []float64, excess, reward float64) float64 {
	c.calls = "Infeasible"
	defer c.recovered()
	copy(c.charges, action)
	reward = c.charge(c.charges, excess, reward)
	c.calls = ""
	return reward
}

func (c *Copy) ask() {
	c.calls = "Expectation"
	defer c.recovered()
	c.expected = c.expect(c.obs, c.action)
	c.calls = ""
}

// says asks a method whether something holds.
func (c *Copy) says(method string, ask func() bool) (holds bool) {
	c.calls = method
	defer c.recovered()
	holds = ask()
	c.calls = ""
	return holds
}

func (c *Copy) readLimits() {
	*c.limits = lp.Limits{}
	c.calls = "Limits"
	defer c.recovered()
	c.limiter.Limits(c.limits)
	if c.relaxer != nil {
		c.relaxation = c.relaxer.Relaxation()
	}
	c.calls = ""
}

// guarded is for calls that are not made at every step. They may come after a
// fault, to save the state that it was found in.
func (c *Copy) guarded(method string, f func() error) error {
	earlier := c.fault
	c.fault = nil
	var err error
	func() {
		c.calls = method
		defer c.recovered()
		err = f()
		c.calls = ""
	}()
	switch {
	case c.fault != nil:
		return c.fault
	case err != nil:
		return c.failed(method, err)
	}
	c.fault = earlier
	return nil
}

// recovered is deferred around a call. It makes a fault of a panic, and of the end of
// the goroutine, which goes on ending.
func (c *Copy) recovered() {
	if c.calls == "" {
		return
	}
	r := recover()
	if known, ok := r.(Raised); ok {
		c.failed(c.calls, known.Err)
	} else if r != nil {
		c.failed(c.calls, panicked(r))
		c.fault.Stack = debug.Stack()
	} else {
		c.failed(c.calls, ErrGoexit)
	}
	c.calls = ""
}

func (c *Copy) failed(method string, err error) error {
	c.fault = &Fault{Problem: c.problem, Env: c.index, Step: c.length, Method: method, Err: err}
	return c.fault
}
