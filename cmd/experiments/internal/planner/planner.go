package planner

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"

	"golang.org/x/sync/errgroup"

	"paspo/envs"
	"paspo/envs/compute"
	"paspo/internal/rng"
	"paspo/internal/stats"
	"paspo/lp"
)

// Options say how far a planner looks.
type Options struct {
	Futures int       // that every candidate is valued on
	Ahead   []float64 // candidates level the work at hand and so many seconds of arrivals (see compute.Problem.LevelAhead)
	Nearby  int       // candidates around the best so far, in each of Rounds
	Rounds  int
	Spread  float64 // deviation of a share in the first of these, half as much in each that follows
	Sure    float64 // standard errors that a candidate has to be ahead of the base policy
	Seed    uint64
	Jobs    int // decisions at a time
}

// Validate returns an error that names the option.
func (o Options) Validate() error {
	switch {
	case o.Futures < 2:
		return fmt.Errorf("--futures is %d: at least 2 is allowed", o.Futures)
	case o.Jobs < 1:
		return fmt.Errorf("--jobs is %d: at least 1 is allowed", o.Jobs)
	case o.Nearby < 0 || o.Rounds < 0:
		return fmt.Errorf("--nearby is %d and --rounds %d: at least 0 is allowed", o.Nearby, o.Rounds)
	case !(o.Spread > 0 && o.Spread <= 1):
		return fmt.Errorf("--spread is %g: above 0 and at most 1 is allowed", o.Spread)
	case !(o.Sure >= 0):
		return fmt.Errorf("--sure is %g: at least 0 is allowed", o.Sure)
	case slices.ContainsFunc(o.Ahead, func(s float64) bool { return !(s >= 0 && s <= 1e9) }):
		return fmt.Errorf("--ahead is %v: numbers from 0 to 1e9 are allowed", o.Ahead)
	}
	return nil
}

// planner is the rollout algorithm (Bertsekas, Tsitsiklis and Wu, 1997): of candidates it takes the
// one after which the base policy, a constant split, does most tasks in time, in the mean of drawn futures.
type planner struct {
	Options
	p         *compute.Problem
	law       *compute.Law
	base      []float64
	projector *lp.Projector
	parts     [][]compute.Part // of each user's tasks, by the base policy
	futures   [][]compute.Arrival

	done, busy []float64
	at         []compute.Part
	values     []float64 // of a candidate, one a future
	based      []float64 // of the base policy
}

// New returns the planner as an allocator of the problem, whose observation is to be the relative one:
// it has all that the planner needs.
func New(p *compute.Problem, base []float64, o Options) (envs.Allocator, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	all, err := planners(p, base, o)
	if err != nil {
		return nil, err
	}
	n := len(base)
	stream := rng.New(o.Seed, "experiments", "planner")
	return func(s *envs.States, actions []float64) error {
		var g errgroup.Group
		for k, w := range all {
			g.Go(func() error {
				for row := k; row < s.Rows; row += len(all) {
					draws := rand.New(stream.Split(uint64(row)).Split(uint64(s.Step)))
					if err := w.choose(draws, s.Observation(row), actions[row*n:(row+1)*n]); err != nil {
						return err
					}
				}
				return nil
			})
		}
		return g.Wait()
	}, nil
}

// planners returns as many as decide at a time.
func planners(p *compute.Problem, base []float64, o Options) ([]*planner, error) {
	law, err := p.Law()
	if err != nil {
		return nil, err
	}
	n, names := p.Spec().Polytope.Dim(), p.Spec().ObsNames
	if _, capped := p.New().(*compute.Capped); capped || len(base) != n || names[len(names)-1] != "arrival (ms)" {
		return nil, errors.New("planner: the base policy has to split over the servers of the problem, without caps, which is to show the time")
	}
	var parts [][]compute.Part
	for _, u := range law.Users {
		parts = append(parts, make([]compute.Part, n))
		p.Parts(parts[len(parts)-1], u, base)
	}
	all := make([]*planner, o.Jobs)
	for k := range all {
		all[k] = &planner{
			Options: o, p: p, law: law, base: base, projector: lp.NewProjector(p.Spec().Polytope), parts: parts,
			futures: make([][]compute.Arrival, o.Futures), done: make([]float64, n), busy: make([]float64, n),
			at: make([]compute.Part, n), values: make([]float64, o.Futures), based: make([]float64, o.Futures),
		}
	}
	return all, nil
}

// choose writes the best of the candidates.
func (w *planner) choose(draws *rand.Rand, obs, action []float64) error {
	copy(action, w.base)
	shown, task, err := w.see(obs)
	if err != nil || task.Cycles == 0 {
		return err
	}
	for i := range w.futures {
		w.futures[i] = w.law.Draw(draws, task.Time, shown, w.futures[i][:0])
	}
	w.value(task, w.base)
	copy(w.based, w.values)
	best := stats.Mean(w.based)
	consider := func(a []float64) {
		w.value(task, a)
		mean := stats.Mean(w.values)
		if mean <= best {
			return
		}
		var more stats.Running
		for i, x := range w.values {
			more.Add(x - w.based[i])
		}
		if more.Mean > w.Sure*more.StdErr() {
			best = mean
			copy(action, a)
		}
	}
	a := make([]float64, len(action))
	for _, seconds := range w.Ahead {
		level, err := w.p.LevelAhead(w.busy, task, w.law.Cycles(seconds))
		if err != nil {
			return err
		}
		consider(level)
		for _, part := range []float64{0.25, 0.5, 0.75} {
			for i := range a {
				a[i] = w.base[i] + part*(level[i]-w.base[i])
			}
			consider(a)
		}
	}
	x, centre, spread := make([]float64, len(action)), make([]float64, len(action)), w.Spread
	for range w.Rounds {
		copy(centre, action)
		for range w.Nearby {
			for i := range x {
				x[i] = centre[i] + spread*draws.NormFloat64()
			}
			if err := w.projector.Project(a, x, nil); err != nil {
				return err
			}
			consider(a)
		}
		spread /= 2
	}
	return nil
}

// see reads an observation: the task at hand, how busy servers are when it arrives, and the users of the tasks that follow.
func (w *planner) see(obs []float64) (shown []int, task compute.Task, err error) {
	n := len(w.base)
	sizes := obs[n : len(obs)-1]
	k := len(sizes) / 3
	for j := range k {
		if sizes[k+j] == 0 {
			break
		}
		user := slices.IndexFunc(w.law.Users, func(u compute.Task) bool { return u.Bits == sizes[j] && u.Cycles == sizes[k+j] })
		if user < 0 {
			return nil, task, fmt.Errorf("planner: no user has tasks of %g bits and %g cycles", sizes[j], sizes[k+j])
		}
		if j == 0 {
			task = w.law.Users[user]
		} else {
			shown = append(shown, user)
		}
	}
	const millisecond = 1e-3
	task.Time = obs[len(obs)-1] * millisecond
	for i := range w.busy {
		w.busy[i] = obs[i] * millisecond
	}
	return shown, task, nil
}

// value writes how many tasks are done in time after an action, in every future, by the base policy.
func (w *planner) value(task compute.Task, action []float64) {
	w.p.Parts(w.at, task, action)
	for k, future := range w.futures {
		for i, b := range w.busy {
			w.done[i] = task.Time + b
		}
		inTime := 0
		if compute.Serve(w.done, task.Time, w.at) < task.Time+task.Limit {
			inTime++
		}
		for _, a := range future {
			if compute.Serve(w.done, a.Time, w.parts[a.User]) < a.Time+w.law.Users[a.User].Limit {
				inTime++
			}
		}
		w.values[k] = float64(inTime)
	}
}
