package envs

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"

	"paspo/envs/internal/snapshot"
	"paspo/internal/rng"
	"paspo/lp"
)

// VectorConfig configures a Vector.
type VectorConfig struct {
	Count   int    // environments
	Seed    uint64 // names the random streams, together with the index of an environment
	Workers int    // goroutines at most; 0 for one a core. Results do not depend on it

	// Audit is k where the residual of one action in k is measured, those of each environment in
	// turn; 0 or 1 for all. It saves time where constraints are many and residuals are known from
	// elsewhere.
	Audit int

	// Stream, where not nil, takes the place of Seed: environment i draws from
	// its i-th child.
	Stream *rng.Stream

	// Group is how many environments in a row draw the same random numbers; 0 or 1
	// for none. Environments 0 to Group-1 draw from child 0 of the stream, the next
	// Group from child 1, and so on.
	Group int
}

// Episode is one that has ended.
type Episode struct {
	Env    int     // index of the environment
	Return float64 // sum of its rewards
	Length int     // steps
}

// Vector steps many copies of an environment. A copy that is done starts anew
// at once, so that its observation is the first of the next episode. Copy i
// draws from a stream of its own, or its group's: what it does depends on the seed,
// on i and on its actions alone.
//
// The slices that methods return are valid until the next Step, in which they
// are overwritten. A Vector is used by one goroutine at a time.
//
// An environment that fails gives a *Fault, that of the lowest index where several
// do. Only UnmarshalBinary and Close are of use then.
type Vector struct {
	copies  []Copy
	streams []*rng.Stream

	dim, n    int
	obs       []float64 // count x dim
	rewards   []float64
	residuals []float64
	done      []bool
	truncated []bool
	skipped   []bool
	final     []float64   // count x dim, of truncated episodes
	limits    []lp.Limits // nil where limits do not follow the state

	returns, ended []float64 // of the running episodes, of those that have ended
	steps          []int32   // of episodes that have ended
	finished       []Episode

	audit, turn int

	known map[string]bool // names of what Informers measure

	pool     *pool
	measures *pool     // of actions, while environments are stepped elsewhere
	actions  []float64 // of the Step in progress
}

// NewVector makes the environments and starts their episodes.
func NewVector(p Problem, c VectorConfig) (*Vector, error) {
	if c.Count < 1 {
		return nil, fmt.Errorf("envs: %d environments: at least 1 is needed", c.Count)
	}
	if c.Workers < 0 {
		return nil, fmt.Errorf("envs: %d workers: 0 or more are allowed", c.Workers)
	}
	if c.Audit < 0 {
		return nil, fmt.Errorf("envs: an audit of one in %d actions: 0 or more are allowed", c.Audit)
	}
	c.Group = max(c.Group, 1)
	if c.Count%c.Group != 0 {
		return nil, fmt.Errorf("envs: group is %d: a divisor of the number of environments, %d, is allowed", c.Group, c.Count)
	}
	if c.Workers == 0 {
		c.Workers = runtime.GOMAXPROCS(0)
	}
	if c.Stream == nil {
		c.Stream = rng.New(c.Seed, "env")
	}
	s := p.Spec()
	if err := s.Validate(); err != nil {
		return nil, err
	}
	v := &Vector{
		copies: make([]Copy, c.Count),
		dim:    s.ObsDim, n: s.Polytope.Dim(), audit: max(c.Audit, 1),
		obs: make([]float64, c.Count*s.ObsDim), done: make([]bool, c.Count),
		truncated: make([]bool, c.Count), skipped: make([]bool, c.Count), final: make([]float64, c.Count*s.ObsDim),
		rewards: make([]float64, c.Count), residuals: make([]float64, c.Count),
		returns: make([]float64, c.Count), ended: make([]float64, c.Count), steps: make([]int32, c.Count),
		finished: make([]Episode, 0, c.Count), known: map[string]bool{},
	}
	limits, actions := make([]lp.Limits, c.Count), make([]float64, c.Count*v.n)
	for i := range v.copies {
		stream := c.Stream.Split(uint64(i / c.Group))
		v.streams = append(v.streams, stream)
		e := &v.copies[i]
		e.obs, e.action, e.limits = v.row(i), rowOf(actions, i, v.n), &limits[i]
		if err := e.start(p, &s, i, rand.New(stream)); err != nil {
			return nil, err
		}
		if (e.limiter == nil) != (v.copies[0].limiter == nil) {
			return nil, fmt.Errorf("envs: of the environments of %s some are Limiters and some are not", s.Name)
		}
		if c.Group == 1 {
			continue
		}
		switch why, err := e.unrepeatable(); {
		case err != nil:
			return nil, err
		case why != "":
			return nil, fmt.Errorf("envs: group is %d: 1 is allowed, since the environment of %s (%T) cannot repeat its draws: %s",
				c.Group, s.Name, e.env, why)
		}
	}
	if v.copies[0].limiter != nil {
		v.limits = limits
	}
	v.pool, v.measures = newPool(c.Workers, c.Count, v.stepOne), newPool(c.Workers, c.Count, v.measure)
	return v, nil
}

// Len returns the number of environments.
func (v *Vector) Len() int { return len(v.copies) }

// Obs returns the observations before the next action, count x dim.
func (v *Vector) Obs() []float64 { return v.obs }

// Limits returns the limits of the next action, one an environment, nil where
// limits do not follow the state.
func (v *Vector) Limits() []lp.Limits { return v.limits }

// Relaxed returns how many environments are in a state whose limits were relaxed
// because no allocation satisfied them (see Relaxer).
func (v *Vector) Relaxed() int {
	count := 0
	for i := range v.copies {
		if v.copies[i].relaxation > 0 {
			count++
		}
	}
	return count
}

// Rewards returns the rewards of the last Step.
func (v *Vector) Rewards() []float64 { return v.rewards }

// Residuals returns the largest scaled residual of every action of the last Step,
// in the limits of its state, -Inf where it was not measured (see VectorConfig.Audit).
func (v *Vector) Residuals() []float64 { return v.residuals }

// Done says for every environment whether the last Step ended its episode.
func (v *Vector) Done() []bool { return v.done }

// Truncated says for every environment whether the last Step truncated its episode.
func (v *Vector) Truncated() []bool { return v.truncated }

// Skipped says for every environment whether the last Step took no action there (see Skipper).
func (v *Vector) Skipped() []bool { return v.skipped }

// Final returns the last observation of the episode of environment i that the last Step
// truncated.
func (v *Vector) Final(i int) []float64 { return rowOf(v.final, i, v.dim) }

// Finished returns the episodes that the last Step ended, in the order of their
// environments.
func (v *Vector) Finished() []Episode { return v.finished }

// Env returns the i-th environment.
func (v *Vector) Env(i int) Env { return v.copies[i].env }

// Refused makes a Fault of the error that limits of environment i have given (see
// Copy.Refused).
func (v *Vector) Refused(i int, err error) error { return v.copies[i].Refused(err) }

// Step takes one action in every environment, count x n.
func (v *Vector) Step(actions []float64) error {
	if len(actions) != len(v.copies)*v.n {
		panic(badAction)
	}
	v.finished = v.finished[:0]
	if err := v.Fault(); err != nil {
		return err
	}
	v.actions = actions
	if v.copies[0].starter != nil {
		for i := range v.copies {
			v.copies[i].begin(rowOf(actions, i, v.n), true)
		}
		v.measures.run()
		for i := range v.copies {
			v.copies[i].await()
		}
	}
	v.pool.run()
	v.actions = nil
	v.turn++
	if err := v.Fault(); err != nil {
		return err
	}
	for i, d := range v.done {
		if d {
			v.finished = append(v.finished, Episode{i, v.ended[i], int(v.steps[i])})
		}
	}
	return nil
}

// Mean is the mean of a number that environments measure.
type Mean struct {
	Name  string  // as reported by the environments
	Value float64 // over the steps of an iteration that measured it
}

// mostMeans is how many names of environments go into metrics.
const mostMeans = 32

// Info returns the means of what environments that are Informers have measured since it was
// last called. Of many names the first remain.
func (v *Vector) Info() ([]Mean, error) {
	var all []Mean
	var counts []int
	at := map[string]int{}
	for i := range v.copies {
		c := &v.copies[i]
		informer, ok := c.env.(Informer)
		if !ok {
			return nil, nil
		}
		err := c.guarded("Info", func() error {
			return informer.Info(func(name string, sum float64, count int) {
				if !v.known[name] {
					if len(v.known) == mostMeans {
						return
					}
					v.known[name] = true
				}
				k, seen := at[name]
				if !seen {
					k = len(all)
					at[name], all, counts = k, append(all, Mean{Name: name}), append(counts, 0)
				}
				all[k].Value += sum
				counts[k] += count
			})
		})
		if err != nil {
			return nil, err
		}
	}
	for k := range all {
		all[k].Value /= float64(counts[k])
	}
	slices.SortFunc(all, func(a, b Mean) int { return strings.Compare(a.Name, b.Name) })
	return all, nil
}

// Fault returns the *Fault of the lowest environment that has failed, or nil.
func (v *Vector) Fault() error {
	for i := range v.copies {
		if f := v.copies[i].fault; f != nil {
			return f
		}
	}
	return nil
}

func (v *Vector) row(i int) []float64 { return rowOf(v.obs, i, v.dim) }

const badAction = "envs: the length of the actions is not the number of entities"

// rowOf returns row i of v, which cannot be appended to without a copy.
func rowOf(v []float64, i, width int) []float64 { return v[i*width : (i+1)*width : (i+1)*width] }

// measure measures the residual of the action of environment i.
func (v *Vector) measure(i int) {
	e := &v.copies[i]
	e.residual = math.Inf(-1)
	if e.charge != nil || (i+v.turn)%v.audit == 0 {
		e.measure(rowOf(v.actions, i, v.n))
	}
}

// stepOne steps environment i. Its error is the fault of the copy.
func (v *Vector) stepOne(i int) {
	e := &v.copies[i]
	if v.copies[0].starter == nil {
		v.measure(i)
	}
	reward, done, err := e.take(rowOf(v.actions, i, v.n))
	if err != nil {
		return
	}
	v.rewards[i], v.done[i], v.residuals[i] = reward, done, e.residual
	v.truncated[i], v.skipped[i] = e.truncated, e.skipped
	v.returns[i] += reward
	if e.truncated {
		copy(v.Final(i), e.obs)
	}
	if done {
		v.ended[i], v.steps[i] = v.returns[i], int32(e.length)
		v.returns[i] = 0
		_ = e.Reset()
	}
}

// Close ends the goroutines and closes the environments. The Vector must not be stepped
// afterwards.
func (v *Vector) Close() {
	v.pool.close()
	v.measures.close()
	for i := range v.copies {
		v.copies[i].Close()
	}
}

const vectorSnapshot = 0x76656374_00000001 // kind and version

// MarshalBinary writes streams, running returns, observations and the states of
// the environments, as far as these are Snapshotters.
func (v *Vector) MarshalBinary() ([]byte, error) {
	var w snapshot.Writer
	w.Word(vectorSnapshot)
	w.Int(len(v.copies))
	w.Int(v.dim)
	for i := range v.copies {
		e := &v.copies[i]
		stream, err := v.streams[i].MarshalBinary()
		if err != nil {
			return nil, err
		}
		w.Bytes(stream)
		w.Float(v.returns[i])
		w.Int(e.length)
		for _, x := range v.row(i) {
			w.Float(x)
		}
		s, ok := e.env.(Snapshotter)
		if !ok {
			w.Int(0)
			continue
		}
		var state []byte
		save, _ := saverNames(e.env)
		if err := e.guarded(save, func() (err error) {
			state, err = s.MarshalBinary()
			return err
		}); err != nil {
			return nil, err
		}
		w.Int(1)
		w.Bytes(state)
	}
	return w.B, nil
}

// UnmarshalBinary continues from what MarshalBinary wrote for the same problem
// and number of environments. Environments that are no Snapshotters start new
// episodes. On an error the Vector must not be used.
func (v *Vector) UnmarshalBinary(b []byte) error {
	r := snapshot.Reader{B: b}
	r.Header(vectorSnapshot, "a vector of environments")
	r.Int("the number of environments", len(v.copies), len(v.copies))
	r.Int("the length of an observation", v.dim, v.dim)
	for i := range v.copies {
		e := &v.copies[i]
		e.fault = nil
		stream := r.Bytes()
		v.returns[i] = r.Float()
		e.length = r.Int("the length of an episode", 0, 1<<31-1)
		row := v.row(i)
		for k := range row {
			row[k] = r.Float()
		}
		saved := r.Int("whether the state is saved", 0, 1) == 1
		var state []byte
		if saved {
			state = r.Bytes()
		}
		if r.Err != nil {
			return r.Err
		}
		if err := v.streams[i].UnmarshalBinary(stream); err != nil {
			return err
		}
		s, ok := e.env.(Snapshotter)
		var err error
		switch {
		case saved && ok:
			_, load := saverNames(e.env)
			err = e.guarded(load, func() error { return s.UnmarshalBinary(state) })
			if err == nil {
				err = e.lookAtLimits()
			}
		case saved:
			return fmt.Errorf("envs: the state of environment %d is saved, but it cannot be restored: it is no Snapshotter", i)
		default:
			v.returns[i] = 0
			err = e.Reset()
		}
		if err != nil {
			return err
		}
	}
	clear(v.rewards)
	clear(v.done)
	clear(v.truncated)
	clear(v.skipped)
	v.finished = v.finished[:0]
	return r.End()
}
