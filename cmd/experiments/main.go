// Command experiments regenerates docs/experiments: trainings over several
// seeds, with tables, plots and learning curves.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"

	"github.com/spf13/cobra"

	"paspo/envs/benchmarks"
)

// options are what all experiments take.
type options struct {
	seeds int
	steps int64
}

func main() {
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

	add := func(use, short string, seeds int, steps int64, do func(context.Context, *output, options, []string) error) *cobra.Command {
		var o options
		c := &cobra.Command{Use: use, Short: short, RunE: func(cmd *cobra.Command, args []string) error {
			out := &output{dir: filepath.Join(folder, cmd.Name()), log: cmd.ErrOrStderr()}
			if err := os.MkdirAll(out.dir, 0o755); err != nil {
				return err
			}
			return do(cmd.Context(), out, o, args)
		}}
		c.Flags().IntVar(&o.seeds, "seeds", seeds, "number of seeds")
		c.Flags().Int64Var(&o.steps, "steps", steps, "environment steps of a training")
		root.AddCommand(c)
		return c
	}

	var ablate bool
	var only string
	var further []string
	c := add("learning [ENV...]", "Train the benchmarks against their optima", 5, 150_000,
		func(ctx context.Context, out *output, o options, envs []string) error {
			names, err := regexp.Compile(only)
			if err != nil {
				return fmt.Errorf("--settings %q: %w", only, err)
			}
			for _, env := range envs {
				settings, err := settingsOf(env, ablate, further)
				if err != nil {
					return err
				}
				settings = slices.DeleteFunc(settings, func(s setting) bool { return !names.MatchString(s.name) })
				if len(settings) == 0 {
					return fmt.Errorf("--settings %q names no setting of %s", only, env)
				}
				if err := learning(ctx, out, o, env, settings); err != nil {
					return err
				}
			}
			return nil
		})
	c.Flags().BoolVar(&ablate, "ablate", false, "also change one setting at a time")
	c.Flags().StringArrayVar(&further, "with", nil, "also the paper's settings with these changes, \"key=value key=value\"; repeatable")
	c.Flags().StringVar(&only, "settings", "", "only the settings whose names match this regular expression")
	c.Args = cobra.MinimumNArgs(1)
	c.ValidArgs = benchmarks.Names()

	root.AddCommand(&cobra.Command{
		Use: "readme FILE", Short: "Write the results of learning into the table of a README", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return readme(&output{dir: filepath.Join(folder, "learning")}, args[0], benchmarks.Names())
		},
	})

	root.AddCommand(&cobra.Command{
		Use: "redraw EXPERIMENT...", Short: "Write tables and plots again from an experiment's files", Args: cobra.MinimumNArgs(1), ValidArgs: redrawable,
		RunE: func(cmd *cobra.Command, args []string) error {
			for _, name := range args {
				if err := redraw(folder, cmd.ErrOrStderr(), name); err != nil {
					return err
				}
			}
			return nil
		},
	})

	add("debias", "Compare de-biased with plain initialisation on three entities", 10, 20_000,
		func(ctx context.Context, out *output, o options, _ []string) error { return debiasing(ctx, out, o) }).Args = cobra.NoArgs
	var li limitedOptions
	c = add("limited [ENV...]", "Train with limits that follow the state, beside the static versions", 5, 0,
		func(ctx context.Context, out *output, o options, names []string) error {
			li.seeds, li.steps = o.seeds, o.steps
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
	c.Flags().Lookup("steps").Usage += "; 0 for those of the preset"
	c.Flags().IntVar(&li.episodes, "episodes", 500, "episodes that policies are compared on")
	c.Flags().StringArrayVar(&li.further, "with", nil, "also the tuned settings with these changes, \"key=value key=value\"; repeatable")
	c.ValidArgs = benchmarks.Variants()
	root.AddCommand(measurements(&folder)...)
	return root
}
