package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"

	"paspo/cmd/experiments/internal/output"
	"paspo/envs"
	"paspo/envs/compute"
	"paspo/internal/rng"
	"paspo/internal/stats"
	"paspo/lp"
)

// constantOptions are the budget of the search for the best constant split.
type constantOptions struct {
	rounds, splits, episodes int
	deviation                float64 // the first one of a share
	seed                     uint64
}

// constant searches for the best constant split of the compute benchmark by the cross-entropy
// method (Rubinstein, 1999), from the split of LevelLoad; the best quarter of a round makes the
// next. It writes the split that it ends at as a JSON array and says what both do on the episodes
// of the tables. Splits of a round play the same episodes; those of one round are in no other, nor
// in any table.
func constant(ctx context.Context, out *output.Folder, o constantOptions) error {
	if o.rounds < 1 || o.splits < 4 || o.episodes < 1 || !(o.deviation > 0 && o.deviation <= 1) {
		return fmt.Errorf("--rounds %d, --splits %d, --episodes %d and --deviation %g: at least 1, 4 and 1 are allowed, and above 0 up to 1", o.rounds, o.splits, o.episodes, o.deviation)
	}
	elite := o.splits / 4
	p, err := compute.New(compute.DefaultConfig())
	if err != nil {
		return err
	}
	level, _, err := p.LevelLoad()
	if err != nil {
		return err
	}
	n := len(level)
	projector := lp.NewProjector(p.Spec().Polytope)
	centre, deviation := slices.Clone(level), slices.Repeat([]float64{o.deviation}, n)
	draws := rand.New(rng.New(o.seed, "experiments", "constant"))
	type tried struct {
		split []float64
		tasks float64
	}
	all := make([]tried, o.splits)
	for i := range all {
		all[i].split = make([]float64, n)
	}
	for round := range o.rounds {
		if err := ctx.Err(); err != nil {
			return err
		}
		played := spawned(p, o.episodes, o.seed, fmt.Sprint("constant ", round))
		x := make([]float64, n)
		for i, a := range all {
			for j := range x {
				x[j] = centre[j] + deviation[j]*draws.NormFloat64()
			}
			if err := projector.Project(a.split, x, nil); err != nil {
				return err
			}
			all[i].tasks = inTime(p, a.split, played)
		}
		slices.SortFunc(all, func(a, b tried) int { return cmp.Compare(b.tasks, a.tasks) })
		for j := range n {
			var m stats.Running
			for _, a := range all[:elite] {
				m.Add(a.split[j])
			}
			centre[j], deviation[j] = m.Mean, m.Deviation()
		}
		out.Progress("round %2d: the best %.3f tasks in time, the last of the elite %.3f", round+1, all[0].tasks, all[elite-1].tasks)
	}
	if err := projector.Project(centre, slices.Clone(centre), nil); err != nil {
		return err
	}
	text, err := json.Marshal(centre)
	if err != nil {
		return err
	}
	final := spawned(p, finalEpisodes, finalSeed)
	_, err = fmt.Fprintf(out.Answer, "%s\n%d episodes: %.3f tasks in time, level load %.3f\n", text, finalEpisodes, inTime(p, centre, final), inTime(p, level, final))
	return err
}

// spawned returns the tasks of evaluated episodes (see envs.EpisodeStream).
func spawned(p *compute.Problem, episodes int, seed uint64, set ...string) [][]compute.Task {
	e, obs := p.NewEnv(), make([]float64, p.Spec().ObsDim)
	all := make([][]compute.Task, episodes)
	for i := range all {
		e.Reset(envs.EpisodeStream(seed, i, set...), obs)
		all[i] = slices.Clone(e.Tasks())
	}
	return all
}

// inTime returns how many tasks of an episode a constant split does in time, in the mean.
func inTime(p *compute.Problem, split []float64, episodes [][]compute.Task) float64 {
	e, obs := p.NewEnv(), make([]float64, p.Spec().ObsDim)
	var sum float64
	for _, tasks := range episodes {
		e.ResetTo(tasks, obs)
		for done := false; !done; {
			var reward float64
			reward, done = e.Step(nil, split, obs)
			sum += reward
		}
	}
	return sum / float64(len(episodes))
}
