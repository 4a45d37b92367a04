package measure

import (
	"context"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"paspo/cmd/experiments/internal/output"
)

// Commands are the experiments. Each writes to a folder of its name below a folder.
func Commands(folder *string) []*cobra.Command {
	var all []*cobra.Command
	add := func(use, short string, do func(context.Context, *output.Folder) error) *cobra.Command {
		c := &cobra.Command{Use: use, Short: short, Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
			out := &output.Folder{Dir: filepath.Join(*folder, cmd.Name()), Log: cmd.ErrOrStderr()}
			start := time.Now()
			err := do(cmd.Context(), out)
			out.Progress("%s: %.0f s", cmd.Name(), time.Since(start).Seconds())
			return err
		}}
		all = append(all, c)
		return c
	}

	var sc scalingOptions
	c := add("scaling", "Measure how the closed form grows with entities, rows and caps",
		func(ctx context.Context, out *output.Folder) error { return scaling(ctx, out, sc) })
	c.Flags().IntSliceVar(&sc.entities, "entities", []int{5, 10, 20, 50, 100, 200}, "numbers of entities")
	c.Flags().IntSliceVar(&sc.rows, "rows", []int{2, 3, 4, 5, 6, 8, 10, 12, 16, 20}, "numbers of rows")
	c.Flags().DurationVar(&sc.limit, "limit", 300*time.Millisecond, "time for each rate that is measured")

	var di differentialOptions
	c = add("differential", "Compare what all solvers answer on hard polytopes with rational arithmetic",
		func(ctx context.Context, out *output.Folder) error { return differential(ctx, out, di) })
	c.Flags().IntVar(&di.queries, "queries", 1_000_000, "intervals that every method is asked for, all families together")
	c.Flags().IntVar(&di.chains, "chains", 40, "actions on each polytope")
	c.Flags().Uint64Var(&di.seed, "seed", 1, "seed of the polytopes")
	c.Flags().StringSliceVar(&di.families, "families", nil, "families of polytopes; none stands for all")
	c.Flags().IntVar(&di.polytope, "polytope", -1, "the number of the only polytope to try, of each family")

	var un uniformityOptions
	c = add("uniformity", "Compare initial policies with the uniform distribution",
		func(ctx context.Context, out *output.Folder) error { return uniformity(ctx, out, un) })
	c.Flags().IntSliceVar(&un.entities, "entities", []int{3, 5, 10, 20, 50}, "numbers of entities")
	c.Flags().IntVar(&un.rows, "rows", 5, "rows of each polytope")
	c.Flags().IntVar(&un.seeds, "seeds", 3, "polytopes for each number of entities")

	var en entropyOptions
	c = add("entropy", "Compare estimates of the entropy and its gradient with exact values",
		func(ctx context.Context, out *output.Folder) error { return entropyExperiment(ctx, out, en) })
	c.Flags().IntVar(&en.samples, "samples", 50_000, "actions that variances are taken from")
	c.Flags().IntVar(&en.nodes, "nodes", 4096, "nodes of the quadrature")
	c.Flags().Int64Var(&en.steps, "steps", 20_000, "environment steps of the policies that are trained")

	return all
}

// Redraw writes tables and plots again from the files of an experiment that is over.
var Redraw = map[string]func(*output.Folder) error{
	"scaling":      func(out *output.Folder) error { return again(out, "scaling", showScaling) },
	"differential": func(out *output.Folder) error { return again(out, "differential", showDifferential) },
	"entropy":      func(out *output.Folder) error { return again(out, "entropy", showEntropy) },
}

func again[T any](out *output.Folder, name string, show func(*output.Folder, []*T) error) error {
	var all []*T
	if err := out.Read(name, &all); err != nil {
		return err
	}
	return show(out, all)
}

const debiasSeed = 1 // of fits
