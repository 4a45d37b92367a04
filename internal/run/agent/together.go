package agent

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"

	"paspo/internal/blas"
	"paspo/internal/run/config"
	"paspo/lp"
	"paspo/lp/interval"
	"paspo/rl"
)

// Trained is the result of Together for one configuration.
type Trained struct {
	Device     string
	Checkpoint *rl.Checkpoint // the state at the end, or after the last whole iteration
	Metrics    []rl.Metrics   // of every iteration
	Err        error
}

// Together trains several configurations side by side, on a GPU in shared launches where their
// sizes are equal, and writes no files. Each gives the results of a run of its own on the same
// device, bit for bit. An error of one is its Err; where Together returns an error, none was
// trained.
func Together(ctx context.Context, configs []*config.Config) ([]Trained, error) {
	out := make([]Trained, len(configs))
	agents, err := newAgents(configs)
	defer func() {
		for _, a := range agents {
			if a.Backend != nil {
				a.Backend.Close()
			}
		}
		for _, s := range solversOf(agents) {
			s.Close()
		}
	}()
	if err != nil {
		return nil, err
	}
	if err := makeBackends(agents); err != nil {
		return nil, err
	}
	trainers, hooks := make([]*rl.Trainer, len(agents)), make([]rl.Hooks, len(agents))
	defer func() {
		for _, t := range trainers {
			if t != nil {
				t.Close()
			}
		}
	}()
	for i, a := range agents {
		if trainers[i], err = a.newTrainer(); err != nil {
			return nil, named(i, err)
		}
		if a.Config.From != "" {
			_, err = a.warmStart(trainers[i])
		} else {
			err = a.startAround(trainers[i])
		}
		if err != nil {
			return nil, named(i, err)
		}
		hooks[i].Iteration = func(m rl.Metrics) error {
			out[i].Metrics = append(out[i].Metrics, m)
			return nil
		}
	}
	for i, err := range rl.Together(ctx, trainers, hooks) {
		out[i].Device, out[i].Checkpoint, out[i].Err = agents[i].Device(), trainers[i].Checkpoint(), err
	}
	return out, nil
}

func named(i int, err error) error { return fmt.Errorf("configuration %d: %w", i+1, err) }

// newAgents makes agents with their de-biased fits and without backends. Agents with equal
// polytopes share a solver.
func newAgents(configs []*config.Config) ([]*Agent, error) {
	type key struct {
		hash string
		lp   interval.Config
	}
	solvers := map[key]lp.Solver{}
	agents := make([]*Agent, 0, len(configs))
	for i, c := range configs {
		if c.Kernels != configs[0].Kernels {
			return agents, named(i, fmt.Errorf("kernels is %q, that of configuration 1 %q: one process has one", c.Kernels, configs[0].Kernels))
		}
		if err := blas.Use(c.Kernels); err != nil {
			return agents, named(i, fmt.Errorf("kernels is %q: %w", c.Kernels, err))
		}
		p, err := problem(c, "")
		if err != nil {
			return agents, named(i, err)
		}
		f, err := facts(c)
		if err != nil {
			return agents, named(i, err)
		}
		polytope := p.Spec().Polytope
		k := key{polytope.Hash(), c.LP}
		if solvers[k] == nil {
			if solvers[k], err = solver(polytope, c.LP, ""); err != nil {
				return agents, named(i, err)
			}
		}
		agents = append(agents, &Agent{Config: c, Problem: p, Solver: solvers[k], facts: f})
	}

	errs := make([]error, len(agents))
	slots := make(chan struct{}, runtime.GOMAXPROCS(0))
	var group sync.WaitGroup
	for i, a := range agents {
		group.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			if err := a.debias(); err != nil {
				errs[i] = named(i, err)
			}
		})
	}
	group.Wait()
	return agents, errors.Join(errs...)
}

func solversOf(agents []*Agent) map[lp.Solver]lp.Solver {
	all := map[lp.Solver]lp.Solver{}
	for _, a := range agents {
		all[a.Solver] = a.Solver
	}
	return all
}
