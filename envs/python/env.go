package python

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"

	"paspo/envs"
	"paspo/lp"
)

// Env is one environment in a worker process. Every episode starts with
// reset(seed=...), so that it depends on the random stream and the actions alone
// where the environment draws from its np_random.
type Env struct {
	p    *Problem
	w    *worker
	slot int
	dim  int

	next      uint32 // seed of the next episode, where drawn
	drawn     bool
	started   bool  // Step has been asked for
	step      int64 // its number among those of the worker
	place     int   // among those asked for with it
	truncated bool
	skipped   bool
}

// Start implements envs.Starter.
func (e *Env) Start(action []float64, again bool) {
	w := e.w
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.waiting || w.again != again {
		w.settle() // its error is that of those who asked
		w.again = again
	}
	e.queue(action)
	if len(w.queue) == w.live {
		w.send() // every environment has its action
	} else if !e.p.queued.Load() {
		e.p.queued.Store(true)
	}
}

func (e *Env) queue(action []float64) {
	w := e.w
	if w.mem == nil {
		return
	}
	w.actions = append(w.actions, action...)
	w.stepped[e.slot/max(e.p.together, 1)] = true
	e.place, e.step, e.started = len(w.queue), w.steps.Load()+1, true
	w.queue = append(w.queue, int32(e.slot))
}

// Await implements envs.Starter.
func (e *Env) Await() {
	if e.returned() {
		return
	}
	if e.p.queued.Swap(false) {
		// All workers get their requests before the answer of any is waited for.
		e.p.mu.Lock()
		for _, w := range e.p.workers {
			w.mu.Lock()
			w.send()
			w.mu.Unlock()
		}
		e.p.mu.Unlock()
	}
	e.w.mu.Lock()
	e.w.settle()
	e.w.mu.Unlock()
}

// returned says whether the step that the environment was last queued for has come back, and all was
// well. It takes no lock.
func (e *Env) returned() bool { return e.step <= e.w.steps.Load() }

// send asks for what is queued.
func (w *worker) send() {
	if len(w.queue) == 0 {
		return
	}
	m := w.mem
	m.head[wordCount], m.head[wordFirst], m.head[wordAgain] = int64(len(w.queue)), int64(w.queue[0]), 0
	if w.again {
		m.head[wordAgain] = 1
	}
	for i, s := range w.queue {
		if s != w.queue[0]+int32(i) {
			m.head[wordFirst] = -1
			copy(m.list, w.queue)
			break
		}
	}
	copy(m.actions, w.actions)
	w.queue, w.actions = w.queue[:0], w.actions[:0]
	if w.err == nil {
		w.err = w.turn(turnStep)
	}
	w.waiting = w.err == nil
}

// settle sends what is queued and waits for the answer. Later calls return its error again.
func (w *worker) settle() error {
	w.send()
	if !w.waiting {
		return w.err
	}
	w.waiting = false
	w.err = w.await()
	w.failed = 0
	if w.err == nil {
		w.steps.Add(1)
	}
	if _, raised := w.err.(*Exception); raised {
		w.failed = int(w.mem.head[wordFailed])
	}
	return w.err
}

// result returns why what was asked for at a place was not done.
func (w *worker) result(place int) error {
	if w.err == nil || place < w.failed {
		return nil
	}
	if _, raised := w.err.(*Exception); raised && place > w.failed {
		return fmt.Errorf("not done, since another environment of its Python process has failed: %w", w.err)
	}
	return w.err
}

// Reset implements envs.Env.
func (e *Env) Reset(r *rand.Rand, obs []float64) {
	w := e.w
	if !e.drawn {
		e.next = r.Uint32() >> 1
	}
	// One reset of a vector begins the episodes of all of its environments.
	if w.mu.Lock(); w.mem.flags[e.slot]&flagFresh == 0 {
		if err := e.reset(); err != nil {
			w.mu.Unlock()
			panic(envs.Raised{Err: err})
		}
	}
	w.mu.Unlock()
	copy(obs, w.mem.obs[e.slot*e.dim:(e.slot+1)*e.dim])
	w.mem.flags[e.slot] = 0
	e.truncated, e.skipped = false, false
	e.next, e.drawn = r.Uint32()>>1, true
	w.mem.seeds[e.slot] = e.next
}

func (e *Env) reset() error {
	w := e.w
	if err := w.settle(); err != nil {
		return err
	}
	m := w.mem
	m.seeds[e.slot] = e.next
	m.head[wordCount], m.head[wordFirst] = 1, int64(e.slot)
	if w.err = w.turn(turnReset); w.err == nil {
		w.err = w.await()
	}
	return w.err
}

// Step implements envs.Env.
func (e *Env) Step(_ *rand.Rand, action, obs []float64) (reward float64, done bool) {
	w := e.w
	if !e.started || !e.returned() {
		w.mu.Lock()
		if !e.started {
			w.settle()
			w.again = false
			e.queue(action)
		}
		w.settle()
		err := w.result(e.place)
		w.mu.Unlock()
		if err != nil {
			e.started = false
			panic(envs.Raised{Err: err})
		}
	}
	e.started = false
	m := w.mem
	flags := m.flags[e.slot]
	from := m.obs
	if done = flags&(flagTerminated|flagTruncated) != 0; done {
		from = m.final
	}
	copy(obs, from[e.slot*e.dim:(e.slot+1)*e.dim])
	e.truncated, e.skipped = flags&flagTruncated != 0, flags&flagSkipped != 0
	return m.rewards[e.slot], done
}

// Truncated implements envs.Truncator.
func (e *Env) Truncated() bool { return e.truncated }

// Skipped implements envs.Skipper.
func (e *Env) Skipped() bool { return e.skipped }

// told is a number that an environment has shown in info, summed over steps.
type told struct {
	Slot  int     `json:"slot"`
	Name  string  `json:"name"`
	Sum   float64 `json:"sum"`
	Count int     `json:"count"`
}

// Info implements envs.Informer. The first environment of a process fetches what all have.
func (e *Env) Info(add func(name string, sum float64, count int)) error {
	w := e.w
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.settle(); err != nil {
		return err
	}
	if w.mem.head[wordInfo] != 0 {
		var a struct{ Info []told }
		if err := w.ask(map[string]string{"op": "info"}, &a); err != nil {
			return err
		}
		w.told = map[int][]told{}
		for _, t := range a.Info {
			w.told[t.Slot] = append(w.told[t.Slot], t)
		}
	}
	for _, t := range w.told[e.slot] {
		add(t.Name, t.Sum, t.Count)
	}
	delete(w.told, e.slot)
	return nil
}

// Close lets another environment take the place of this one.
func (e *Env) Close() error {
	e.p.mu.Lock()
	defer e.p.mu.Unlock()
	if w := e.w; w != nil {
		w.mu.Lock()
		w.used[e.slot] = false
		w.live--
		w.mu.Unlock()
		e.w = nil
	}
	return nil
}

// Unrepeatable implements envs.Unrepeatable.
func (e *Env) Unrepeatable() string { return e.p.Unrepeatable() }

// limiter is of an environment whose limits follow the state.
type limiter struct {
	env *Env
	now *lp.Limits // of the next action: once that is taken, the memory has those of the one after
}

// Limits implements envs.Limiter.
func (l limiter) Limits(lim *lp.Limits) {
	e := l.env
	row := func(to *[]float64, rows []float64, width int) []float64 {
		if rows == nil {
			return nil
		}
		*to = append((*to)[:0], rows[e.slot*width:(e.slot+1)*width]...)
		return *to
	}
	m, f, now := e.w.mem, e.p.follow, l.now
	lim.B, lim.F = row(&now.B, m.b, f["b"]), row(&now.F, m.total, f["total"])
	lim.Lower, lim.Upper = row(&now.Lower, m.lower, f["lower"]), row(&now.Upper, m.upper, f["upper"])
}

// saver is of an environment that can be saved in the middle of an episode.
type saver struct{ env *Env }

// stateHead is the length of what is before an environment's own state: the seed of its
// next episode.
const stateHead = 4

// SaverNames implements envs.Saver.
func (s saver) SaverNames() (save, load string) { return "save_state", "load_state" }

// MarshalBinary implements encoding.BinaryMarshaler.
func (s saver) MarshalBinary() ([]byte, error) {
	e := s.env
	e.w.mu.Lock()
	defer e.w.mu.Unlock()
	if err := e.w.settle(); err != nil {
		return nil, err
	}
	var a struct{ State []byte }
	if err := e.w.ask(map[string]any{"op": "save", "slot": e.slot}, &a); err != nil {
		return nil, err
	}
	return append(binary.LittleEndian.AppendUint32(nil, e.next), a.State...), nil
}

// UnmarshalBinary implements encoding.BinaryUnmarshaler.
func (s saver) UnmarshalBinary(b []byte) error {
	if len(b) < stateHead {
		return errors.New("the state of an environment in Python is cut short")
	}
	e := s.env
	e.w.mu.Lock()
	defer e.w.mu.Unlock()
	if err := e.w.settle(); err != nil {
		return err
	}
	if err := e.w.ask(map[string]any{"op": "load", "slot": e.slot, "state": b[stateHead:]}, nil); err != nil {
		return err
	}
	e.next, e.drawn = binary.LittleEndian.Uint32(b), true
	e.w.mem.flags[e.slot] = 0
	e.w.mem.seeds[e.slot] = e.next
	return nil
}
