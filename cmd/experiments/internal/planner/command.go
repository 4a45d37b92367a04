package planner

import (
	"fmt"
	"runtime"
	"strings"

	"github.com/spf13/cobra"

	"paspo/envs"
	"paspo/envs/compute"
	"paspo/internal/stats"
)

// maxSteps bounds an episode.
const maxSteps = 10_000

// Command plays a planner beside its base policy, the best constant split.
func Command() *cobra.Command {
	var o Options
	var episodes int
	var seed uint64
	c := &cobra.Command{
		Use: "planner", Short: "Play the compute benchmark by looking ahead, with the law of arrivals", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			text, err := played(o, episodes, seed)
			if err == nil {
				_, err = fmt.Fprint(cmd.OutOrStdout(), text)
			}
			return err
		},
	}
	c.Flags().IntVar(&o.Futures, "futures", 100, "futures that every candidate is valued on")
	c.Flags().Float64SliceVar(&o.Ahead, "ahead", []float64{0, 1e-4, 3e-4, 1e-3, 3e-3}, "seconds of arrivals that candidates level beside the task at hand")
	c.Flags().IntVar(&o.Nearby, "nearby", 20, "candidates around the best so far, in each round")
	c.Flags().IntVar(&o.Rounds, "rounds", 3, "rounds of candidates around the best so far")
	c.Flags().Float64Var(&o.Spread, "spread", 0.05, "deviation of a share in the first round; each round halves it")
	c.Flags().Float64Var(&o.Sure, "sure", 0, "standard errors that a candidate has to be ahead of the base policy")
	c.Flags().IntVar(&o.Jobs, "jobs", runtime.GOMAXPROCS(0), "decisions at a time")
	c.Flags().IntVar(&episodes, "episodes", 200, "episodes that are played")
	c.Flags().Uint64Var(&seed, "seed", 2000, "seed of the episodes and of the futures")
	return c
}

// played says what the planner and its references do on the same episodes.
func played(o Options, episodes int, seed uint64) (string, error) {
	c := compute.DefaultConfig()
	c.Observation = compute.ObservationRelative
	p, err := compute.New(c)
	if err != nil {
		return "", err
	}
	base, err := p.BestConstant()
	if err != nil {
		return "", err
	}
	o.Seed = seed
	plan, err := New(p, base, o)
	if err != nil {
		return "", err
	}
	level, _, err := p.LevelLoad()
	if err != nil {
		return "", err
	}
	bounds, err := p.Bounds(episodes, seed)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	var first []float64
	say := func(name string, returns []float64) {
		if first == nil {
			first = returns
		}
		of, more := stats.Of(returns), stats.Running{}
		for i, x := range returns {
			more.Add(x - first[i])
		}
		fmt.Fprintf(&b, "%-14s %.2f tasks in time (standard error %.2f), %+.2f (%.2f) beside the best constant\n", name, of.Mean, of.StdErr(), more.Mean, more.StdErr())
	}
	for _, x := range []envs.Reference{{Name: "best constant", Allocator: envs.Constant(base)}, {Name: "level load", Allocator: envs.Constant(level)}, {Name: "planner", Allocator: plan}} {
		out, err := envs.Play(p, x.Allocator, episodes, maxSteps, seed)
		if err != nil {
			return "", fmt.Errorf("%s: %w", x.Name, err)
		}
		say(x.Name, out.Estimates())
	}
	say("bound", bounds)
	return b.String(), nil
}
