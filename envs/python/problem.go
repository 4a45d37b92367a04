package python

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"reflect"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"paspo/envs"
	"paspo/lp"
)

// Problem is a task whose environments are made by a function in Python.
type Problem struct {
	module, function string
	config           Config
	spec             envs.Spec

	observation    *space         // nil where the description does not say
	follow         map[string]int // limits that follow the state, and how many they are
	together       int            // environments of a vector, which are stepped together; 0 for single ones
	repeats, saves bool

	mu          sync.Mutex // of workers and their slots
	workers     []*worker
	joined      joined
	description []byte      // JSON
	server      *channel    // to the process that workers are copied from, nil for none
	queued      atomic.Bool // some worker has actions that it has not been told of
}

// described is what a process says about its environments.
type described struct {
	ObsNames []string   `json:"obs_names"`
	Low      []*float64 `json:"low"` // nil for no bound
	High     []*float64 `json:"high"`
	Reward   string     `json:"reward"`
	Episode  string     `json:"episode"`
	Limits   []string   `json:"limits"`  // that follow the state: b, lower, upper, total
	Repeats  bool       `json:"repeats"` // the same seed starts the same episode
	Saves    bool       `json:"saves"`
	Space    *space     `json:"observation,omitempty"` // nil in descriptions of older versions
	Action   *array     `json:"action,omitempty"`      // what step is given; nil in descriptions of older versions
	Vector   int        `json:"vector,omitempty"`      // environments that are stepped together; 0 for one
}

// array is a type of arrays in NumPy.
type array struct {
	Shape []int  `json:"shape"`
	Dtype string `json:"dtype"`
}

// Open returns the problem of an environment. The polytope of the actions is what
// constrain makes of the box that they have: entities a0, a1 .. with its bounds and no
// total.
//
// Where description is that of an earlier Problem, no process starts before an environment
// is needed. Else it is empty, and the first process says what its environment is like.
func Open(name string, c Config, description []byte, constrain func(box lp.Description) (*lp.Polytope, error)) (*Problem, error) {
	if err := c.Validate(name); err != nil {
		return nil, err
	}
	p := &Problem{config: c, description: description}
	p.module, p.function, _ = parseName(name)
	if c.Workers == 0 {
		p.config.Workers = runtime.GOMAXPROCS(0)
	}
	if err := p.open(name, constrain); err != nil {
		p.Close()
		return nil, err
	}
	return p, nil
}

func (p *Problem) open(name string, constrain func(lp.Description) (*lp.Polytope, error)) error {
	if len(p.description) == 0 {
		if err := p.hire(); err != nil {
			return fmt.Errorf("environment %s: %w", name, err)
		}
	}
	var d described
	if err := json.Unmarshal(p.description, &d); err != nil {
		return fmt.Errorf("the description of environment %s: %w", name, err)
	}
	box := lp.Description{Name: name, Total: math.NaN()}
	bound := func(b *float64, none float64) float64 {
		if b == nil {
			return none
		}
		return *b
	}
	for i := range min(len(d.Low), len(d.High)) {
		box.Entities = append(box.Entities, fmt.Sprintf("a%d", i))
		box.Lower, box.Upper = append(box.Lower, bound(d.Low[i], math.Inf(-1))), append(box.Upper, bound(d.High[i], math.Inf(1)))
	}
	polytope, err := constrain(box)
	if err != nil {
		return err
	}
	if d.Space != nil && d.Space.length() != len(d.ObsNames) {
		return fmt.Errorf("the description of environment %s: its observation has %d numbers, and obs_names %d names", name, d.Space.length(), len(d.ObsNames))
	}
	p.observation = d.Space
	p.repeats, p.saves, p.together, p.follow = d.Repeats, d.Saves, d.Vector, map[string]int{}
	_, rows, _ := polytope.Inequalities()
	_, equal, _ := polytope.Equalities()
	widths := map[string]int{"b": len(rows), "lower": polytope.Dim(), "upper": polytope.Dim(), "total": len(equal)}
	for _, name := range d.Limits {
		if widths[name] == 0 {
			return fmt.Errorf("environment %s: its limits() has %s, and the constraints have none", p.function, name)
		}
		p.follow[name] = widths[name]
	}
	p.spec = envs.Spec{Name: name, ObsDim: len(d.ObsNames), ObsNames: d.ObsNames, Polytope: polytope, NormalizeObs: true, Reward: d.Reward, Episode: d.Episode}
	p.spec.Float32 = d.Action != nil && d.Action.Dtype == "float32"
	return p.spec.Validate()
}

// hire starts one more process, whose environment has to be as the others are.
func (p *Problem) hire() error {
	w, err := p.worker()
	if err != nil {
		return err
	}
	p.workers = append(p.workers, w)
	var d json.RawMessage
	if err := w.channel.ask(map[string]string{"op": "describe", "actions": p.config.Actions}, -1, &d); err != nil {
		return p.unstarted(err)
	}
	if len(p.description) == 0 {
		p.description = d
		return nil
	}
	return p.fits(d)
}

// unstarted is the error of a process that has not answered its first request.
func (p *Problem) unstarted(err error) error {
	if _, raised := err.(*Exception); raised {
		return err
	}
	return fmt.Errorf("%w (env.python.interpreter is %q)", err, p.config.Interpreter)
}

// fits returns why an environment is not that of the run. Words may differ, and one that can
// be saved may take the place of one that could not.
func (p *Problem) fits(description []byte) error {
	var run, now described
	if err := errors.Join(json.Unmarshal(p.description, &run), json.Unmarshal(description, &now)); err != nil {
		return err
	}
	if run.Saves && !now.Saves {
		return fmt.Errorf("%s:%s makes an environment without save_state and load_state, and this run was started with them", p.module, p.function)
	}
	now.Reward, now.Episode, now.Saves = run.Reward, run.Episode, run.Saves
	if run.Action == nil {
		now.Action, now.Space = nil, nil
	}
	if !reflect.DeepEqual(run, now) {
		return fmt.Errorf("%s:%s makes an environment with spaces %s; those of this run are %s", p.module, p.function, description, p.description)
	}
	return nil
}

// Spaces returns what observations and actions are as an environment gives and takes them, in
// JSON, nil where a description of an older version does not say.
func (p *Problem) Spaces() (observation, action json.RawMessage) {
	var d struct{ Observation, Action json.RawMessage }
	if json.Unmarshal(p.description, &d) != nil {
		return nil, nil
	}
	return d.Observation, d.Action
}

// Description returns what Open needs where no process is to be asked.
func (p *Problem) Description() []byte { return p.description }

// Following implements envs.Follower.
func (p *Problem) Following() []string { return slices.Sorted(maps.Keys(p.follow)) }

// Unrepeatable implements envs.Unrepeatable.
func (p *Problem) Unrepeatable() string {
	switch {
	case p.together > 0:
		return "environments of a vector share what they draw from"
	case !p.repeats:
		return "reset(seed=1) gave two different observations"
	}
	return ""
}

// Together returns how many environments the function makes at a time, a vector whose
// environments are stepped together, 0 where it makes single ones.
func (p *Problem) Together() int { return p.together }

// Spec implements envs.Problem.
func (p *Problem) Spec() envs.Spec { return p.spec }

// New implements envs.Problem. The environment has to be closed when it is no longer used:
// its place in the shared memory goes to another one.
func (p *Problem) New() envs.Env {
	e, err := p.newEnv()
	if err != nil {
		panic(envs.Raised{Err: err})
	}
	switch limited := len(p.follow) > 0; {
	case limited && p.saves:
		return struct {
			limiter
			saver
			*Env
		}{limiter{e, &lp.Limits{}}, saver{e}, e}
	case limited:
		return struct {
			limiter
			*Env
		}{limiter{e, &lp.Limits{}}, e}
	case p.saves:
		return struct {
			saver
			*Env
		}{saver{e}, e}
	}
	return e
}

func (p *Problem) newEnv() (*Env, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if e := p.join(); e != nil {
		return e, nil
	}
	fewest := func() (w *worker) {
		for _, v := range p.workers {
			if w == nil || v.live < w.live {
				w = v
			}
		}
		return w
	}
	w := fewest()
	if w == nil || w.live > 0 && len(p.workers) < p.config.Workers {
		if err := p.hire(); err != nil {
			return nil, err
		}
		w = fewest()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.mem == nil {
		if err := p.share(w); err != nil {
			return nil, err
		}
	}
	count := max(p.together, 1)
	slot := 0
	for slot < len(w.used) && slices.Contains(w.used[slot:slot+count], true) {
		slot += count
	}
	if slot == len(w.used) {
		if slot+count > capacity {
			return nil, fmt.Errorf("a Python process holds %d environments, no more", capacity)
		}
		if err := w.settle(); err != nil {
			return nil, err
		}
		if err := w.ask(map[string]string{"op": "new"}, nil); err != nil {
			return nil, err
		}
		w.used = append(w.used, make([]bool, count)...)
		w.stepped = append(w.stepped, false)
	}
	clear(w.mem.flags[slot : slot+count])
	w.stepped[slot/count] = false
	p.joined = joined{w, slot + 1, slot + count}
	return p.env(w, slot), nil
}

func (p *Problem) env(w *worker, slot int) *Env {
	w.used[slot] = true
	w.live++
	return &Env{p: p, w: w, slot: slot, dim: p.spec.ObsDim}
}

// joined is the vector whose slots are given away one after the other, from next to end,
// until it is stepped.
type joined struct {
	w         *worker
	next, end int
}

// join returns the next environment of the vector that has not been stepped, nil where there
// is none.
func (p *Problem) join() *Env {
	j := &p.joined
	if j.w == nil || j.next == j.end {
		return nil
	}
	j.w.mu.Lock()
	defer j.w.mu.Unlock()
	if j.w.stepped[j.next/p.together] || !j.w.used[j.next-1] {
		return nil
	}
	j.next++
	return p.env(j.w, j.next-1)
}

// Close ends the processes.
func (p *Problem) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	var all sync.WaitGroup
	for _, w := range p.workers {
		all.Go(func() {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.close()
		})
	}
	all.Wait()
	if p.server != nil {
		p.server.close()
		if p.server.process != nil {
			p.server.process.wait(2 * closing) // it waits for its workers
		}
	}
	return nil
}
