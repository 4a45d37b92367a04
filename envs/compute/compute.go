package compute

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"

	"paspo/envs"
	"paspo/envs/internal/bounds"
	"paspo/envs/internal/snapshot"
	"paspo/internal/count"
	"paspo/internal/setting"
	"paspo/lp"
	"paspo/lp/constraints"
)

// Config configures the compute benchmark. Defaults are the paper's.
type Config struct {
	Parameters string `yaml:"parameters" doc:"file of servers and users (parameter_set_*.json); empty for the built-in one"`

	Observation string  `yaml:"observation" doc:"of servers: paper for the time at which each is done, relative for how long each is still busy when the next task arrives, and that time"`
	QueueHalf   float64 `yaml:"queue_half" doc:"ms of queue at which a server may take half of a task at most; 0 for no caps"`
	Penalty     float64 `yaml:"penalty" doc:"taken off the reward of an action that breaks constraints, times the sum of its scaled excesses; 0 for nothing, as in the paper"`

	// Polytope is the set of splits, one entity a server. Nil stands for the
	// paper's.
	Polytope *lp.Polytope `yaml:"-"`
}

// Values of Config.Observation.
const (
	ObservationPaper    = "paper"
	ObservationRelative = "relative"
)

// DefaultConfig returns the paper's settings.
func DefaultConfig() Config { return Config{Observation: ObservationPaper} }

// Validate returns an error that names the field, its value and what is allowed.
func (c Config) Validate() error {
	if !(c.QueueHalf >= 0 && c.QueueHalf <= 1e9) {
		return fmt.Errorf("queue_half is %g: 0 (no caps) to 1e9 is allowed", c.QueueHalf)
	}
	if !(c.Penalty >= 0 && c.Penalty <= 1e9) {
		return fmt.Errorf("penalty is %g: 0 (nothing) to 1e9 is allowed", c.Penalty)
	}
	return setting.Choice("observation", c.Observation, ObservationPaper, ObservationRelative)
}

const (
	bitsPerSecond   = 1e9 // of the link to a server
	deadlineFactor  = 3
	shownTasks      = 3
	millisecond     = 1e3
	shareResolution = 1e6
)

// Task is a piece of work that has to be split over the servers.
type Task struct {
	Time         float64 // of its arrival, in seconds
	Bits, Cycles float64 // integers
	Limit        float64 // seconds after its arrival in which it has to be done
}

// user spawns tasks; sizes are drawn once an episode.
type user struct {
	bits, cycles [2]int64 // smallest, largest
	tasks        float64  // expected in
	seconds      float64
}

// Problem is the compute benchmark: split every arriving task over m
// servers.
//
// Users spawn tasks by Poisson processes. A task of B bits and C cycles that
// arrives at time t and is split by a sends trunc(a_i B) bits and trunc(a_i C)
// cycles to server i, with a_i rounded to 6 digits. The share is transmitted at
// 1e9 bit/s and computed when the server is done with all earlier ones:
//
//	done_i <- max(t + bits_i/1e9, done_i) + cycles_i/frequency_i.
//
// A share of nothing waits for its turn like any other, as in the published code.
// The reward is 1 if every done_i is before t + 3 (B/1e9 + C/sum of frequencies), else 0. The episode ends
// with its last task. The observation is [done (m, in ms), then bits (3), cycles
// (3) and time limits (3) of the next tasks]; what is not there is 0.
//
// The relative observation is [busy (m, in ms), bits (3), cycles (3), time limits (3),
// arrival (1, in ms)]: the next task arrives at the last of these, and finds server i
// busy for max(0, done_i - arrival) more. Absolute times hide that behind two large
// numbers, of which one is not observed.
//
// With caps its environments are Relaxers: a server that the next task finds
// with a queue of q_i ms may take no more than
//
//	a_i <= min(u_i, h / (h + q_i) + t)
//
// of it, h being the setting queue_half. The constraints hold as well. Where no allocation
// satisfies all of these with t = 0, t is the least amount with which one does, plus 1e-9. The paper's
// observation then ends with the queues, which the relative one begins with.
type Problem struct {
	hz    []float64
	users []user
	total float64 // sum of hz
	half  float64

	builtin bool // servers and users

	penalty float64 // of an excess of 1

	relative bool // observation
	queueAt  int  // of the queues in the observation, where there are any

	caps *bounds.Template // nil without caps
	spec envs.Spec
}

// New returns the benchmark. Errors name the file and field.
func New(c Config) (*Problem, error) {
	if err := c.Validate(); err != nil {
		return nil, fmt.Errorf("compute: %w", err)
	}
	p := &Problem{half: c.QueueHalf, penalty: c.Penalty, relative: c.Observation == ObservationRelative, builtin: c.Parameters == ""}
	var err error
	if p.builtin {
		p.hz, p.users, err = builtinCompute()
	} else {
		p.hz, p.users, err = readCompute(c.Parameters)
	}
	polytope := c.Polytope
	if err == nil && polytope == nil {
		polytope, err = constraints.Preset("compute", 0)
	}
	if err == nil && polytope.Dim() != len(p.hz) {
		err = fmt.Errorf("the constraints have %s, but there are %s: --env synthetic --set env.synthetic.entities=%d --set env.synthetic.seed=1 takes any",
			count.Of(polytope.Dim(), "entity"), count.Of(len(p.hz), "server"), polytope.Dim())
	}
	if err == nil {
		err = envs.CheckBudget(polytope)
	}
	if err != nil {
		return nil, fmt.Errorf("compute: %w", err)
	}
	for _, f := range p.hz {
		p.total += f
	}
	m := len(p.hz)
	p.spec = envs.Spec{
		Name: "compute", Polytope: polytope, NormalizeObs: true, ObsDim: m + 3*shownTasks,
		Reward:  "1 where the task is done before its deadline, else 0",
		Episode: "the tasks that users spawn in a while, of a random number, until the last one",
	}
	state := "done"
	if p.relative {
		state = "busy"
	}
	for i := range m {
		p.spec.ObsNames = append(p.spec.ObsNames, fmt.Sprintf("server %d %s (ms)", i, state))
	}
	for _, what := range []string{"bits", "cycles", "time limit"} {
		for k := range shownTasks {
			p.spec.ObsNames = append(p.spec.ObsNames, fmt.Sprintf("task %d %s", k, what))
		}
	}
	if p.relative {
		p.spec.ObsDim++
		p.spec.ObsNames = append(p.spec.ObsNames, "arrival (ms)")
	}
	if p.half > 0 {
		if err := p.addCaps(); err != nil {
			return nil, fmt.Errorf("compute: %w", err)
		}
	}
	return p, nil
}

// Spec implements Problem.
func (p *Problem) Spec() envs.Spec { return p.spec }

// CheckObservation implements envs.ObservationChecker: times, bits and cycles are not
// negative.
func (p *Problem) CheckObservation(obs []float64) error {
	for i, x := range obs {
		if x < 0 {
			return fmt.Errorf("%s of the observation is %g: at least 0 is allowed", p.spec.ObsNames[i], x)
		}
	}
	return nil
}

// Infeasible implements envs.Coster.
func (p *Problem) Infeasible() func(action []float64, excess, reward float64) float64 {
	return envs.PerExcess(p.penalty)
}

// New implements Problem.
func (p *Problem) New() envs.Env {
	if p.caps == nil {
		return p.NewEnv()
	}
	e := p.NewEnv()
	return &Capped{e, e.limits}
}

// NewEnv is New with the type of the environment.
func (p *Problem) NewEnv() *Env {
	e := &Env{p: p, done: make([]float64, len(p.hz)), parts: make([]Part, len(p.hz))}
	if p.caps != nil {
		e.queues = make([]float64, len(p.hz))
		e.limits = p.follow(e.queues)
	}
	return e
}

// Env is one copy of the compute benchmark.
type Env struct {
	p     *Problem
	done  []float64 // when each server is done, in seconds
	tasks []Task    // that are to come
	all   []Task    // buffer behind tasks
	parts []Part    // of the task at hand

	// queues are what the next task finds queued, in ms, where there are caps.
	queues []float64
	limits *bounds.Bounds
}

// Next returns the task that the next action splits, the zero Task after the
// end of an episode.
func (e *Env) Next() Task {
	if len(e.tasks) == 0 {
		return Task{}
	}
	return e.tasks[0]
}

// Tasks returns the tasks that are to come, in the order of their arrival. The slice
// must not be modified.
func (e *Env) Tasks() []Task { return e.tasks }

// Done returns when each server is done with what it has, in seconds. The slice
// must not be modified.
func (e *Env) Done() []float64 { return e.done }

// Reset implements Env.
func (e *Env) Reset(rng *rand.Rand, obs []float64) {
	all := e.all[:0]
	// An episode without a task has no step to take.
	for len(all) == 0 {
		for i := range e.p.users {
			all = e.p.spawn(rng, &e.p.users[i], all)
		}
	}
	slices.SortStableFunc(all, func(a, b Task) int { return cmp.Compare(a.Time, b.Time) })
	e.all = all
	e.begin(all, obs)
}

// spawn appends a user's tasks of one episode.
func (p *Problem) spawn(rng *rand.Rand, u *user, tasks []Task) []Task {
	task := Task{
		Cycles: float64(u.cycles[0] + rng.Int64N(u.cycles[1]-u.cycles[0]+1)),
		Bits:   float64(u.bits[0] + rng.Int64N(u.bits[1]-u.bits[0]+1)),
	}
	task.Limit = p.limit(task)
	at := rng.ExpFloat64() / u.tasks
	for at < 1 {
		task.Time = at * u.seconds
		tasks = append(tasks, task)
		at += rng.ExpFloat64() / u.tasks
	}
	return tasks
}

// limit returns in how many seconds a task has to be done.
func (p *Problem) limit(t Task) float64 {
	return deadlineFactor * (t.Bits/bitsPerSecond + t.Cycles/p.total)
}

// ResetTo starts an episode with given tasks, in the order of their arrival.
// They are read until the end of the episode.
func (e *Env) ResetTo(tasks []Task, obs []float64) {
	if len(tasks) == 0 {
		panic(badTasks)
	}
	e.begin(tasks, obs)
}

func (e *Env) begin(tasks []Task, obs []float64) {
	e.tasks = tasks
	clear(e.done)
	if e.limits != nil {
		e.limits.Moved(nil)
	}
	e.observe(obs)
}

// queue writes for how many ms the next task finds each server busy, 0 after the last
// task.
func (e *Env) queue(q []float64) {
	clear(q)
	if len(e.tasks) == 0 {
		return
	}
	for i, t := range e.done {
		q[i] = max(0, t-e.tasks[0].Time) * millisecond
	}
}

func (e *Env) observe(obs []float64) {
	m := len(e.done)
	if len(obs) != e.p.spec.ObsDim {
		panic(badObs)
	}
	if e.p.relative {
		e.queue(obs[:m])
		obs[m+3*shownTasks] = e.Next().Time * millisecond
	} else {
		for i, t := range e.done {
			obs[i] = t * millisecond
		}
	}
	if e.queues != nil {
		e.queue(e.queues)
		copy(obs[e.p.queueAt:], e.queues)
	}
	next := obs[m : m+3*shownTasks]
	clear(next)
	for k, t := range e.tasks[:min(shownTasks, len(e.tasks))] {
		next[k], next[shownTasks+k], next[2*shownTasks+k] = t.Bits, t.Cycles, t.Limit
	}
}

// Step implements Env.
func (e *Env) Step(_ *rand.Rand, action, obs []float64) (reward float64, done bool) {
	if len(action) != len(e.done) {
		panic(badAction)
	}
	if len(e.tasks) == 0 {
		panic(badTasks)
	}
	task := e.tasks[0]
	e.tasks = e.tasks[1:]
	e.p.Parts(e.parts, task, action)
	if Serve(e.done, task.Time, e.parts) < task.Time+task.Limit {
		reward = 1
	}
	if e.limits != nil {
		e.limits.Moved(action)
	}
	e.observe(obs)
	return reward, len(e.tasks) == 0
}

const (
	badAction = "compute: the length of the action is not the number of servers"
	badObs    = "compute: the length of the observation is not the problem's"
	badTasks  = "compute: there is no task left"
)

const snapshotKind = 0x636f6d70_00000001 // kind and version

// MarshalBinary implements Snapshotter.
func (e *Env) MarshalBinary() ([]byte, error) {
	var w snapshot.Writer
	w.Word(snapshotKind)
	w.Floats(e.done)
	w.Int(len(e.tasks))
	for _, t := range e.tasks {
		w.Float(t.Time)
		w.Float(t.Bits)
		w.Float(t.Cycles)
		w.Float(t.Limit)
	}
	e.limits.Save(&w)
	return w.B, nil
}

// UnmarshalBinary implements Snapshotter.
func (e *Env) UnmarshalBinary(b []byte) error {
	m := len(e.done)
	r := snapshot.Reader{B: b}
	r.Header(snapshotKind, "the compute environment")
	done := r.Floats("the servers", m, m)
	n := r.Int("the number of tasks", 0, len(r.B)/32)
	tasks := make([]Task, n)
	for i := range tasks {
		tasks[i] = Task{r.Float(), r.Float(), r.Float(), r.Float()}
	}
	relaxation := e.limits.Load(&r)
	if err := r.End(); err != nil {
		return err
	}
	copy(e.done, done)
	e.tasks, e.all = tasks, tasks
	if e.limits != nil {
		e.queue(e.queues)
		e.limits.Set(relaxation)
	}
	return nil
}
