package envs

import (
	"fmt"
	"math/rand/v2"
	"sync"

	"paspo/internal/rng"
	"paspo/lp"
	"paspo/lp/uniform"
)

// States are those of episodes that run side by side, all at the same step.
type States struct {
	Step   int         // 0 is the first decision
	Rows   int         // episodes
	Obs    []float64   // rows x dim
	Limits []lp.Limits // one a row, nil where limits do not follow the state
}

// Limit returns the limits of a row, nil where they do not follow the state.
func (s *States) Limit(row int) *lp.Limits {
	if s.Limits == nil {
		return nil
	}
	return &s.Limits[row]
}

// Allocator chooses allocations: it reads states and writes actions (rows x n). A row is
// one episode as long as that runs, and of no meaning after. An allocator with a memory
// starts it anew at step 0. It is called by one goroutine at a time and keeps nothing of s.
type Allocator func(s *States, actions []float64) error

// Observation returns the observation of a row.
func (s *States) Observation(row int) []float64 { return rowOf(s.Obs, row, len(s.Obs)/s.Rows) }

// EachRow returns the allocator that chooses the action of every row by itself.
func EachRow(choose func(s *States, row int, action []float64) error) Allocator {
	return func(s *States, actions []float64) error {
		for r := range s.Rows {
			if err := choose(s, r, rowOf(actions, r, len(actions)/s.Rows)); err != nil {
				return err
			}
		}
		return nil
	}
}

// Constant returns the allocator that always chooses a.
func Constant(a []float64) Allocator {
	return func(s *States, actions []float64) error {
		if len(actions) != s.Rows*len(a) {
			return fmt.Errorf("envs: the constant allocation has %d entities, the environment %d", len(a), len(actions)/max(s.Rows, 1))
		}
		for r := range s.Rows {
			copy(actions[r*len(a):], a)
		}
		return nil
	}
}

// EqualWeights returns the allocation of p closest to equal shares of the
// budget 1.
func EqualWeights(p *lp.Polytope) ([]float64, error) {
	a := make([]float64, p.Dim())
	for i := range a {
		a[i] = 1 / float64(len(a))
	}
	return lp.Project(p, a)
}

// Uniform returns the allocator that draws every allocation uniformly from p.
// The seed fixes what it chooses at every step and row.
func Uniform(p *lp.Polytope, seed uint64) (Allocator, error) {
	c := uniform.DefaultConfig()
	c.Seed = seed
	sampler, err := uniform.New(p, c)
	if err != nil {
		return nil, err
	}
	stream := rng.New(seed, "envs", "uniform")
	return func(s *States, actions []float64) error {
		points, _, err := sampler.Sample(s.Rows, stream.Split(uint64(s.Step)))
		if err != nil {
			return err
		}
		if len(points) != len(actions) {
			return fmt.Errorf("envs: the polytope has %d entities, the environment %d", p.Dim(), len(actions)/max(s.Rows, 1))
		}
		copy(actions, points)
		return nil
	}, nil
}

// UniformWithin names the reference policy Within of Uniform where limits follow the state: its
// allocations are drawn uniformly from the polytope, then projected.
const UniformWithin = "uniform, projected"

// Within returns the allocator that chooses, in the limits of every state, the
// allocation of p closest to that of a. Where limits do not follow the state it chooses
// what a does.
func Within(p *lp.Polytope, a Allocator) Allocator {
	n := p.Dim()
	projectors := sync.Pool{New: func() any { return lp.NewProjector(p) }} // one for every goroutine that asks
	return func(s *States, actions []float64) error {
		if err := a(s, actions); err != nil {
			return err
		}
		if len(s.Limits) == 0 {
			return nil
		}
		projector := projectors.Get().(*lp.Projector)
		defer projectors.Put(projector)
		x := make([]float64, n)
		for r := range s.Limits {
			row := rowOf(actions, r, n)
			if err := projector.Project(x, row, &s.Limits[r]); err != nil {
				return fmt.Errorf("environment %d: %w", r, err)
			}
			copy(row, x)
		}
		return nil
	}
}

// Reference is a policy that needs no training, for trained ones to be compared with.
type Reference struct {
	Name      string // as tables have it; what is named optimum or best constant is 100 % of their shares
	Allocator Allocator
}

// UniformAndEqual returns the two reference policies that every polytope has, within the limits of every
// state: uniform allocations, drawn by the seed, and equal shares, whose name is equal. followed
// says whether limits follow the state, which the name of the first tells then.
func UniformAndEqual(p *lp.Polytope, seed uint64, followed bool, equal string) ([]Reference, error) {
	drawn, err := Uniform(p, seed)
	if err != nil {
		return nil, err
	}
	shares, err := EqualWeights(p)
	if err != nil {
		return nil, err
	}
	name := "uniform"
	if followed {
		name = UniformWithin
	}
	return []Reference{{name, Within(p, drawn)}, {equal, Within(p, Constant(shares))}}, nil
}

// Constantly is implemented by problems that know a good constant allocation.
type Constantly interface {
	Constantly() ([]float64, error)
}

// EpisodeStream returns the stream that the environment of an evaluated episode
// draws from: the same for every policy that is compared. Sets of episodes that
// have different names have no episode in common, whatever their seeds.
func EpisodeStream(seed uint64, episode int, set ...string) *rand.Rand {
	return rand.New(rng.New(seed, append([]string{"eval", "env"}, set...)...).Split(uint64(episode)))
}

// Violation is the scaled residual above which an action counts as a violation
// of its constraints.
const Violation = 1e-6

// Outcome is what an allocator made of a number of episodes.
type Outcome struct {
	Returns     []float64 // one an episode
	Expected    []float64 // their sums of expected rewards (see Expecter), nil where unknown
	Lengths     []int     // steps, one an episode
	MaxResidual float64   // largest scaled residual of an action
	Violations  int       // actions with a residual above Violation

	// Relaxed counts the states whose limits a Relaxer has relaxed, and MaxRelaxation is by
	// how much at most.
	Relaxed       int
	MaxRelaxation float64
}

// Estimates returns what means are taken of: Expected where it is known, else Returns.
func (o *Outcome) Estimates() []float64 {
	if o.Expected != nil {
		return o.Expected
	}
	return o.Returns
}

// Play plays episodes side by side. Episode i draws from EpisodeStream(seed, i, set...),
// so that every allocator has the same draws, of an environment whose draws do not depend on
// its actions. An episode longer than maxSteps is an error.
func Play(p Problem, a Allocator, episodes, maxSteps int, seed uint64, set ...string) (*Outcome, error) {
	if episodes < 1 {
		return nil, fmt.Errorf("envs: %d episodes to play: at least 1 is needed", episodes)
	}
	s := p.Spec()
	if err := s.Validate(); err != nil {
		return nil, err
	}
	dim, n := s.ObsDim, s.Polytope.Dim()
	out := NewOutcome(episodes)
	copies, alive := make([]*Copy, episodes), make([]int, episodes)
	obs, actions := make([]float64, episodes*dim), make([]float64, episodes*n)
	at := States{Rows: episodes, Obs: obs}
	defer func() {
		for _, e := range copies {
			if e != nil {
				e.Close()
			}
		}
	}()
	for i := range copies {
		e, err := NewCopy(p, i, EpisodeStream(seed, i, set...))
		if err != nil {
			return nil, err
		}
		copy(obs[i*dim:], e.Obs())
		copies[i], alive[i] = e, i
		if l := e.Limits(); l != nil {
			at.Limits = append(at.Limits, *l)
		}
	}
	// All rows are kept until the last episode ends: an allocator knows an
	// episode by its row.
	for step := 0; len(alive) > 0; step++ {
		if step == maxSteps {
			return nil, fmt.Errorf("envs: an episode of %s is longer than %d steps: episodes that are compared need an end, such as a time limit (in Python gymnasium.wrappers.TimeLimit)", s.Name, maxSteps)
		}
		at.Step = step
		if err := a(&at, actions); err != nil {
			return nil, fmt.Errorf("step %d: %w", step, err)
		}
		for _, i := range alive {
			copies[i].Start(rowOf(actions, i, n))
		}
		next := alive[:0]
		for _, i := range alive {
			e := copies[i]
			relaxation := e.Relaxation()
			reward, done, err := e.Step(rowOf(actions, i, n))
			if err != nil {
				return nil, err
			}
			out.Add(i, reward, e.Residual(), relaxation)
			if x, ok := e.Expected(); ok {
				out.Expect(i, x)
			}
			if !done {
				copy(obs[i*dim:], e.Obs())
				next = append(next, i)
			}
			if l := e.Limits(); l != nil && !done {
				at.Limits[i] = *l
			} else if l != nil {
				at.Limits[i] = lp.Limits{} // an episode that is over has none
			}
		}
		alive = next
	}
	return out, nil
}
