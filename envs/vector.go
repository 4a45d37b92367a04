package envs

import (
	"encoding"
	"fmt"
	"math/rand/v2"
	"runtime"

	"paspo/internal/rng"
	"paspo/lp"
)

// VectorConfig configures a Vector.
type VectorConfig struct {
	Count   int    // environments
	Seed    uint64 // names the random streams, together with the index of an environment
	Workers int    // goroutines at most; 0 for one a core. Results do not depend on it

	// Stream, where not nil, takes the place of Seed: environment i draws from
	// its i-th child.
	Stream *rng.Stream
}

// Episode is one that has ended.
type Episode struct {
	Env    int // index of the environment
	Return float64
	Length int
}

// Vector steps many copies of an environment. A copy that is done starts anew
// at once, so that its observation is the first of the next episode. Copy i
// draws from a stream of its own: what it does depends on the seed, on i and on
// its actions alone.
//
// The slices that methods return are valid until the next Step, in which they
// are overwritten. A Vector is used by one goroutine at a time.
type Vector struct {
	envs    []Env
	streams []*rng.Stream
	rands   []*rand.Rand

	dim, n  int
	obs     []float64 // count x dim
	rewards []float64
	done    []bool
	limits  []lp.Limits
	limiter []Limiter // nil where limits do not follow the state

	returns, ended []float64
	lengths, steps []int32 // of the running episodes, of those that have ended
	finished       []Episode

	crew    *crew
	actions []float64 // of the Step in progress
}

// NewVector makes the environments and starts their episodes.
func NewVector(p Problem, c VectorConfig) (*Vector, error) {
	if c.Count < 1 {
		return nil, fmt.Errorf("envs: %d environments: at least 1 is needed", c.Count)
	}
	if c.Workers < 0 {
		return nil, fmt.Errorf("envs: %d workers: 0 or more are allowed", c.Workers)
	}
	if c.Workers == 0 {
		c.Workers = runtime.GOMAXPROCS(0)
	}
	if c.Stream == nil {
		c.Stream = rng.New(c.Seed, "env")
	}
	s := p.Spec()
	v := &Vector{
		dim: s.ObsDim, n: s.Polytope.Dim(),
		obs: make([]float64, c.Count*s.ObsDim), rewards: make([]float64, c.Count), done: make([]bool, c.Count),
		returns: make([]float64, c.Count), ended: make([]float64, c.Count),
		lengths: make([]int32, c.Count), steps: make([]int32, c.Count),
		finished: make([]Episode, 0, c.Count),
	}
	for i := range c.Count {
		e, stream := p.New(), c.Stream.Split(uint64(i))
		v.envs = append(v.envs, e)
		v.streams = append(v.streams, stream)
		v.rands = append(v.rands, rand.New(stream))
		if l, ok := e.(Limiter); ok {
			v.limiter = append(v.limiter, l)
		}
		e.Reset(v.rands[i], v.row(i))
	}
	if v.limiter != nil {
		v.limits = make([]lp.Limits, c.Count)
		for i := range v.limits {
			v.readLimits(i)
		}
	}
	v.crew = newCrew(c.Workers, c.Count, v.stepOne)
	return v, nil
}

// Len returns the number of environments.
func (v *Vector) Len() int { return len(v.envs) }

// Obs returns the observations before the next action, count x dim.
func (v *Vector) Obs() []float64 { return v.obs }

// Limits returns the limits of the next action, one an environment, nil where
// limits do not follow the state.
func (v *Vector) Limits() []lp.Limits { return v.limits }

// Widened returns how many environments are in a state whose limits were widened
// because they left nothing (see Widener).
func (v *Vector) Widened() int {
	count := 0
	for _, l := range v.limiter {
		if w, ok := l.(Widener); ok && w.Widening() > 0 {
			count++
		}
	}
	return count
}

// Rewards returns the rewards of the last Step.
func (v *Vector) Rewards() []float64 { return v.rewards }

// Done says for every environment whether the last Step ended its episode.
func (v *Vector) Done() []bool { return v.done }

// Finished returns the episodes that the last Step ended, in the order of their
// environments.
func (v *Vector) Finished() []Episode { return v.finished }

// Env returns the i-th environment.
func (v *Vector) Env(i int) Env { return v.envs[i] }

// Step takes one action in every environment, count x n.
func (v *Vector) Step(actions []float64) {
	if len(actions) != len(v.envs)*v.n {
		panic(badAction)
	}
	v.actions = actions
	v.crew.run()
	v.actions = nil
	v.finished = v.finished[:0]
	for i, d := range v.done {
		if d {
			v.finished = append(v.finished, Episode{i, v.ended[i], int(v.steps[i])})
		}
	}
}

func (v *Vector) row(i int) []float64 { return v.obs[i*v.dim : (i+1)*v.dim : (i+1)*v.dim] }

func (v *Vector) readLimits(i int) {
	v.limits[i] = lp.Limits{}
	v.limiter[i].Limits(&v.limits[i])
}

func (v *Vector) stepOne(i int) {
	e, row := v.envs[i], v.row(i)
	v.rewards[i], v.done[i] = e.Step(v.rands[i], v.actions[i*v.n:(i+1)*v.n], row)
	v.returns[i] += v.rewards[i]
	v.lengths[i]++
	if v.done[i] {
		v.ended[i], v.steps[i] = v.returns[i], v.lengths[i]
		v.returns[i], v.lengths[i] = 0, 0
		e.Reset(v.rands[i], row)
	}
	if v.limiter != nil {
		v.readLimits(i)
	}
}

// Close ends the goroutines. The Vector must not be stepped afterwards.
func (v *Vector) Close() { v.crew.close() }

const vectorSnapshot = 0x76656374_00000001 // kind and version

// MarshalBinary writes streams, running returns, observations and the states of
// the environments, as far as these are Snapshotters.
func (v *Vector) MarshalBinary() ([]byte, error) {
	var w writer
	w.word(vectorSnapshot)
	w.int(len(v.envs))
	w.int(v.dim)
	for i, e := range v.envs {
		stream, err := v.streams[i].MarshalBinary()
		if err != nil {
			return nil, err
		}
		w.bytes(stream)
		w.float(v.returns[i])
		w.int(int(v.lengths[i]))
		for _, x := range v.row(i) {
			w.float(x)
		}
		s, ok := e.(encoding.BinaryMarshaler)
		if !ok {
			w.int(0)
			continue
		}
		state, err := s.MarshalBinary()
		if err != nil {
			return nil, fmt.Errorf("envs: state of environment %d: %w", i, err)
		}
		w.int(1)
		w.bytes(state)
	}
	return w.b, nil
}

// UnmarshalBinary continues from what MarshalBinary wrote for the same problem
// and number of environments. Environments that are no Snapshotters start new
// episodes. On an error the Vector must not be used.
func (v *Vector) UnmarshalBinary(b []byte) error {
	r := reader{b: b}
	r.header(vectorSnapshot, "a vector of environments")
	r.int("the number of environments", len(v.envs), len(v.envs))
	r.int("the length of an observation", v.dim, v.dim)
	for i, e := range v.envs {
		stream := r.bytes()
		v.returns[i] = r.float()
		v.lengths[i] = int32(r.int("the length of an episode", 0, 1<<31-1))
		row := v.row(i)
		for k := range row {
			row[k] = r.float()
		}
		saved := r.int("whether the state is saved", 0, 1) == 1
		var state []byte
		if saved {
			state = r.bytes()
		}
		if r.err != nil {
			return r.err
		}
		if err := v.streams[i].UnmarshalBinary(stream); err != nil {
			return err
		}
		s, ok := e.(encoding.BinaryUnmarshaler)
		switch {
		case saved && ok:
			if err := s.UnmarshalBinary(state); err != nil {
				return fmt.Errorf("envs: state of environment %d: %w", i, err)
			}
		case saved:
			return fmt.Errorf("envs: the state of environment %d is saved, but it cannot be restored: it is no Snapshotter", i)
		default:
			v.returns[i], v.lengths[i] = 0, 0
			e.Reset(v.rands[i], row)
		}
		if v.limiter != nil {
			v.readLimits(i)
		}
	}
	clear(v.rewards)
	clear(v.done)
	v.finished = v.finished[:0]
	return r.end()
}
