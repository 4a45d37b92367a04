package envs

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"paspo/lp"
)

// ComputeConfig configures the compute benchmark. Defaults are the paper's.
type ComputeConfig struct {
	Parameters string `yaml:"parameters" doc:"file of servers and users (parameter_set_*.json); empty for the built-in one"`

	QueueHalf float64 `yaml:"queue_half" doc:"ms of queue at which a server may take half of a task at most; 0 for no caps"`

	// Polytope is the set of splits, one entity a server. Nil stands for the
	// paper's.
	Polytope *lp.Polytope `yaml:"-"`
}

// DefaultComputeConfig returns the paper's settings.
func DefaultComputeConfig() ComputeConfig { return ComputeConfig{} }

// Validate returns an error that names the field, its value and what is allowed.
func (c ComputeConfig) Validate() error {
	if !(c.QueueHalf >= 0 && c.QueueHalf <= 1e9) {
		return fmt.Errorf("queue_half is %g: 0 (no caps) to 1e9 is allowed", c.QueueHalf)
	}
	return nil
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

// ComputeProblem is the compute benchmark: split every arriving task over m
// servers (DESIGN section 6).
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
// With caps its environments are Relaxers: a server that the next task finds
// with a queue of q_i ms may take no more than
//
//	a_i <= min(u_i, h / (h + q_i) + t)
//
// of it, h being the setting, beside the constraints that stay. Where these
// leave nothing for t = 0, t is the least amount that does, and 1e-9. The
// observation then ends with the queues.
type ComputeProblem struct {
	hz    []float64
	users []user
	total float64 // sum of hz
	half  float64
	caps  *relaxation // nil without caps
	spec  Spec
}

// NewCompute returns the benchmark. Errors name the file and field.
func NewCompute(c ComputeConfig) (*ComputeProblem, error) {
	if err := c.Validate(); err != nil {
		return nil, fmt.Errorf("compute: %w", err)
	}
	p := &ComputeProblem{half: c.QueueHalf}
	var err error
	if c.Parameters == "" {
		p.hz, p.users, err = builtinCompute()
	} else {
		p.hz, p.users, err = readCompute(c.Parameters)
	}
	polytope := c.Polytope
	if err == nil && polytope == nil {
		polytope, err = lp.Preset("compute", 0)
	}
	if err == nil && polytope.Dim() != len(p.hz) {
		err = fmt.Errorf("the constraints have %d entities, but there are %d servers", polytope.Dim(), len(p.hz))
	}
	if err == nil {
		err = checkBudget(polytope)
	}
	if err != nil {
		return nil, fmt.Errorf("compute: %w", err)
	}
	for _, f := range p.hz {
		p.total += f
	}
	m := len(p.hz)
	p.spec = Spec{Name: "compute", Polytope: polytope, NormalizeObs: true, ObsDim: m + 3*shownTasks}
	for i := range m {
		p.spec.ObsNames = append(p.spec.ObsNames, fmt.Sprintf("server %d done (ms)", i))
	}
	for _, what := range []string{"bits", "cycles", "time limit"} {
		for k := range shownTasks {
			p.spec.ObsNames = append(p.spec.ObsNames, fmt.Sprintf("task %d %s", k, what))
		}
	}
	if p.half > 0 {
		if err := p.addCaps(); err != nil {
			return nil, fmt.Errorf("compute: %w", err)
		}
	}
	return p, nil
}

// Spec implements Problem.
func (p *ComputeProblem) Spec() Spec { return p.spec }

// Frequencies returns the servers' cycles a second. The slice must not be
// modified.
func (p *ComputeProblem) Frequencies() []float64 { return p.hz }

// New implements Problem.
func (p *ComputeProblem) New() Env {
	if p.caps == nil {
		return p.NewEnv()
	}
	return &CappedCompute{p.NewEnv()}
}

// NewEnv is New with the type of the environment.
func (p *ComputeProblem) NewEnv() *Compute {
	e := &Compute{p: p, done: make([]float64, len(p.hz))}
	if p.caps != nil {
		e.queues = make([]float64, len(p.hz))
		e.limits = p.follow(e.queues)
	}
	return e
}

// Compute is one copy of the compute benchmark.
type Compute struct {
	p     *ComputeProblem
	done  []float64 // when each server is done, in seconds
	tasks []Task    // that are to come
	all   []Task    // buffer behind tasks

	// With caps only: what the next task finds queued, in ms.
	queues []float64
	limits *following
}

// Next returns the task that the next action splits, the zero Task after the
// end of an episode.
func (e *Compute) Next() Task {
	if len(e.tasks) == 0 {
		return Task{}
	}
	return e.tasks[0]
}

// Done returns when each server is done with what it has, in seconds. The slice
// must not be modified.
func (e *Compute) Done() []float64 { return e.done }

// Reset implements Env.
func (e *Compute) Reset(rng *rand.Rand, obs []float64) {
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
func (p *ComputeProblem) spawn(rng *rand.Rand, u *user, tasks []Task) []Task {
	task := Task{
		Cycles: float64(u.cycles[0] + rng.Int64N(u.cycles[1]-u.cycles[0]+1)),
		Bits:   float64(u.bits[0] + rng.Int64N(u.bits[1]-u.bits[0]+1)),
	}
	task.Limit = deadlineFactor * (task.Bits/bitsPerSecond + task.Cycles/p.total)
	at := rng.ExpFloat64() / u.tasks
	for at < 1 {
		task.Time = at * u.seconds
		tasks = append(tasks, task)
		at += rng.ExpFloat64() / u.tasks
	}
	return tasks
}

// ResetTo starts an episode with given tasks, in the order of their arrival.
// They are read until the end of the episode.
func (e *Compute) ResetTo(tasks []Task, obs []float64) {
	if len(tasks) == 0 {
		panic(badTasks)
	}
	e.begin(tasks, obs)
}

func (e *Compute) begin(tasks []Task, obs []float64) {
	e.tasks = tasks
	clear(e.done)
	if e.limits != nil {
		e.limits.moved(nil)
	}
	e.observe(obs)
}

func (e *Compute) observe(obs []float64) {
	m := len(e.done)
	if len(obs) != m+3*shownTasks+len(e.queues) {
		panic(badObs)
	}
	for i, t := range e.done {
		obs[i] = t * millisecond
	}
	if e.queues != nil {
		e.queue()
		copy(obs[m+3*shownTasks:], e.queues)
	}
	next := obs[m : m+3*shownTasks]
	clear(next)
	for k, t := range e.tasks[:min(shownTasks, len(e.tasks))] {
		next[k], next[shownTasks+k], next[2*shownTasks+k] = t.Bits, t.Cycles, t.Limit
	}
}

// Step implements Env.
func (e *Compute) Step(_ *rand.Rand, action, obs []float64) (reward float64, done bool) {
	if len(action) != len(e.done) {
		panic(badAction)
	}
	if len(e.tasks) == 0 {
		panic(badTasks)
	}
	task := e.tasks[0]
	e.tasks = e.tasks[1:]
	var last float64
	for i, a := range action {
		a = math.RoundToEven(a*shareResolution) / shareResolution
		bits, cycles := math.Trunc(task.Bits*a), math.Trunc(task.Cycles*a)
		e.done[i] = max(task.Time+bits/bitsPerSecond, e.done[i]) + cycles/e.p.hz[i]
		last = max(last, e.done[i])
	}
	if last < task.Time+task.Limit {
		reward = 1
	}
	if e.limits != nil {
		e.limits.moved(action)
	}
	e.observe(obs)
	return reward, len(e.tasks) == 0
}

const badTasks = "envs: there is no task left"

const computeSnapshot = 0x636f6d70_00000001 // kind and version

// MarshalBinary implements Snapshotter.
func (e *Compute) MarshalBinary() ([]byte, error) {
	var w writer
	w.word(computeSnapshot)
	w.floats(e.done)
	w.int(len(e.tasks))
	for _, t := range e.tasks {
		w.float(t.Time)
		w.float(t.Bits)
		w.float(t.Cycles)
		w.float(t.Limit)
	}
	e.limits.save(&w)
	return w.b, nil
}

// UnmarshalBinary implements Snapshotter.
func (e *Compute) UnmarshalBinary(b []byte) error {
	m := len(e.done)
	r := reader{b: b}
	r.header(computeSnapshot, "the compute environment")
	done := r.floats("the servers", m, m)
	n := r.int("the number of tasks", 0, len(r.b)/32)
	tasks := make([]Task, n)
	for i := range tasks {
		tasks[i] = Task{r.float(), r.float(), r.float(), r.float()}
	}
	relaxation := e.limits.load(&r)
	if err := r.end(); err != nil {
		return err
	}
	copy(e.done, done)
	e.tasks, e.all = tasks, tasks
	if e.limits != nil {
		e.queue()
		e.limits.set(relaxation)
	}
	return nil
}
