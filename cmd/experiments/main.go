package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"

	"github.com/spf13/cobra"

	"paspo/baselines"
	"paspo/cli"
	"paspo/cmd/experiments/internal/measure"
	"paspo/cmd/experiments/internal/output"
	"paspo/cmd/experiments/internal/planner"
	"paspo/envs/benchmarks"
	"paspo/internal/sweep/spec"
)

// options are what all trainings take.
type options struct {
	seeds spec.Seeds
	steps int64
	jobs  int    // trainings at a time
	dir   string // of the sweeps that trainings are

	given bool // the seeds are those of the command line
}

func main() {
	if len(os.Args) > 1 && os.Args[1] == sweepCommand {
		cli.Main(nil) // a sweep of trainings, or one of its workers
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := command().ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "experiments:", err)
		os.Exit(1)
	}
}

func command() *cobra.Command {
	var folder string
	root := &cobra.Command{
		Use:           "experiments",
		Short:         "Regenerate docs/experiments",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.PersistentFlags().StringVar(&folder, "out", "docs/experiments", "folder to write to, one below it for each experiment")

	add := func(use, short, seeds string, steps int64, do func(context.Context, *output.Folder, options, []string) error) *cobra.Command {
		o := options{seeds: seedsOf(seeds)}
		c := &cobra.Command{Use: use, Short: short, RunE: func(cmd *cobra.Command, args []string) error {
			if o.jobs < 1 {
				return fmt.Errorf("--jobs is %d: an integer of at least 1 is allowed", o.jobs)
			}
			o.given = cmd.Flags().Changed("seeds")
			return do(cmd.Context(), &output.Folder{Dir: filepath.Join(folder, cmd.Name()), Log: cmd.ErrOrStderr(), Answer: cmd.OutOrStdout()}, o, args)
		}}
		c.Flags().Var(&o.seeds, "seeds", "seeds, for example 1..10 or 3,5,7..9; results are reported on other seeds than settings were chosen on")
		c.Flags().Int64Var(&o.steps, "steps", steps, "environment steps of a training; 0 for those of the configuration")
		c.Flags().IntVar(&o.jobs, "jobs", runtime.GOMAXPROCS(0), "trainings at a time")
		c.Flags().StringVar(&o.dir, "keep", "runs/experiments", "`FOLDER` of the sweeps that trainings are, so that the same command goes on where it was")
		root.AddCommand(c)
		return c
	}

	var lo learningOptions
	c := add("learning", "Train the benchmarks against their optima", reportSeeds, 150_000,
		func(ctx context.Context, out *output.Folder, o options, _ []string) error {
			lo.options = o
			return lo.run(ctx, out)
		})
	c.Long = `Train the benchmarks against their optima with the presets paper, auto and
tuned, and write tables and plots.

With --ablate it trains the paper's settings and single changes to them instead,
and writes one table of what each does.

With --set or --config it tries those settings instead: a line for each on
standard output, nothing in --out, and by default the seeds ` + tuningSeeds + `, which
results are not reported on.`
	c.Example = `  experiments learning --ablate --seeds 101..110
  experiments learning --env portfolio --set ppo.group=4
  experiments learning --env compute --config paper --with ppo.gamma=0.9 --with "ppo.gamma=0.9 ppo.lr=3e-4"`
	c.Args = cobra.NoArgs
	c.Flags().StringSliceVar(&lo.envs, "env", benchmarks.Names(), "what to train on")
	c.Flags().StringArrayVar(&lo.changes, "set", nil, "try this change, KEY=VALUE; repeatable")
	c.Flags().StringVar(&lo.base, "config", "", "try changes to these settings: tuned (the default with --set), auto, paper or a `FILE`, which goes over auto")
	c.Flags().StringArrayVar(&lo.further, "with", nil, "one more row with these changes, \"KEY=VALUE KEY=VALUE\"; repeatable")
	c.Flags().BoolVar(&lo.ablate, "ablate", false, "train a list of single changes to the paper's settings instead")
	c.Flags().StringVar(&lo.only, "settings", "", "only the settings whose names match this regular expression")

	root.AddCommand(&cobra.Command{
		Use: "readme FILE", Short: "Write the results of learning into the table of a README", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return readme(&output.Folder{Dir: filepath.Join(folder, "learning")}, args[0], benchmarks.Names())
		},
	})

	root.AddCommand(&cobra.Command{
		Use: "redraw EXPERIMENT...", Short: "Write tables and plots again from an experiment's files", Args: cobra.MinimumNArgs(1), ValidArgs: redrawable,
		RunE: func(cmd *cobra.Command, args []string) error {
			for _, name := range args {
				if err := redraw(cmd.Context(), folder, cmd.ErrOrStderr(), name); err != nil {
					return err
				}
			}
			return nil
		},
	})

	add("debias", "Compare de-biased with plain initialisation on three entities", tuningSeeds, 20_000,
		func(ctx context.Context, out *output.Folder, o options, _ []string) error {
			return debiasing(ctx, out, o)
		}).Args = cobra.NoArgs
	var li limitedOptions
	c = add("limited [ENV...]", "Train with limits that follow the state, beside the static versions", reportSeeds, 0,
		func(ctx context.Context, out *output.Folder, o options, names []string) error {
			li.options = o
			if len(names) == 0 {
				names = benchmarks.Variants()
			}
			for _, env := range names {
				if err := limited(ctx, out, li, env); err != nil {
					return fmt.Errorf("%s: %w", env, err)
				}
			}
			return nil
		})
	c.Flags().IntVar(&li.episodes, "episodes", 500, "episodes that policies are compared on")
	c.Flags().StringArrayVar(&li.further, "with", nil, "also the tuned settings with these changes, \"key=value key=value\"; repeatable")
	c.ValidArgs = benchmarks.Variants()
	c = add("goals [GOAL...]", "Train what the tables of goals and of problems that nobody tuned have beside learning", reportSeeds, 0, reach)
	for _, g := range goals {
		c.ValidArgs = append(c.ValidArgs, g.name)
	}
	c.Args = cobra.OnlyValidArgs
	tu := tunedOptions{report: seedsOf(reportSeeds)}
	c = add("tuned [ENV...]", "Search the settings of all algorithms with equal budgets, and compare them on other seeds", "1..2", 150_000,
		func(ctx context.Context, out *output.Folder, o options, names []string) error {
			tu.options = o
			return tune(ctx, out, tu, names)
		})
	c.ValidArgs, c.Args = benchmarks.Names(), cobra.OnlyValidArgs
	c.Flags().StringSliceVar(&tu.algos, "algos", baselines.Names(), "algorithms")
	c.Flags().IntVar(&tu.trials, "trials", 32, "settings of each algorithm on each environment")
	c.Flags().Var(&tu.report, "report", "seeds that the best settings are trained again on")
	var fi fiftyOptions
	c = add("fifty", "Train on 50 entities, from de-biased and from plain weights", reportSeeds, 50_000,
		func(ctx context.Context, out *output.Folder, o options, _ []string) error {
			fi.options = o
			return fifty(ctx, out, fi)
		})
	c.Args = cobra.NoArgs
	c.Flags().IntVar(&fi.entities, "entities", 50, "number of entities")
	c.Flags().IntSliceVar(&fi.rows, "rows", []int{5, 8}, "numbers of rows")
	var co convergenceOptions
	var grid convergenceGrid
	c = add("convergence", "Measure the steps to shares of the optimum by the numbers of entities and rows", tuningSeeds, 30_000,
		func(ctx context.Context, out *output.Folder, o options, _ []string) error {
			co.options, co.grids = o, convergencePage
			if o.given || len(grid.entities) > 0 || len(grid.rows) > 0 || grid.only != "" {
				if len(grid.entities) == 0 || len(grid.rows) == 0 {
					return errors.New("--entities and --rows say which sizes are measured, with --seeds and --settings too: give both, or none of the four for the sizes of the page")
				}
				grid.seeds = o.seeds
				co.grids = []convergenceGrid{grid}
			}
			return converge(ctx, out, co)
		})
	c.Long = `Measure the steps to shares of the optimum by the numbers of entities and rows.

Without --entities, --rows, --seeds and --settings it measures all that its page
shows, which takes hours.`
	c.Args = cobra.NoArgs
	c.Flags().IntSliceVar(&grid.entities, "entities", nil, "numbers of entities")
	c.Flags().IntSliceVar(&grid.rows, "rows", nil, "numbers of rows; 0 for the bare simplex")
	c.Flags().Float64SliceVar(&co.shares, "shares", []float64{0.8, 0.95}, "shares of the way from uniform actions to the best found that are to be reached")
	c.Flags().StringVar(&grid.only, "settings", "", "only the settings whose names match this regular expression")
	var cs constantOptions
	c = &cobra.Command{
		Use: "constant", Short: "Search for the best constant split of the compute benchmark", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return constant(cmd.Context(), &output.Folder{Log: cmd.ErrOrStderr(), Answer: cmd.OutOrStdout()}, cs)
		},
	}
	c.Flags().IntVar(&cs.rounds, "rounds", 25, "rounds of the search")
	c.Flags().IntVar(&cs.splits, "splits", 60, "splits that a round tries")
	c.Flags().IntVar(&cs.episodes, "episodes", 3000, "episodes that each plays")
	// Deadlines are missed by much where a split is off by 0.01: from there the search narrows
	// before it has arrived.
	c.Flags().Float64Var(&cs.deviation, "deviation", 0.001, "first deviation of a share")
	c.Flags().Uint64Var(&cs.seed, "seed", 1, "seed of the search and of its episodes")
	root.AddCommand(c)
	root.AddCommand(planner.Command())
	root.AddCommand(measure.Commands(&folder)...)
	return root
}
