package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
)

// measurements are the experiments on intervals, initial policies and entropy.
func measurements(folder *string) []*cobra.Command {
	var all []*cobra.Command
	add := func(use, short string, do func(context.Context, *output) error) *cobra.Command {
		c := &cobra.Command{Use: use, Short: short, Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
			out := &output{dir: filepath.Join(*folder, cmd.Name()), log: cmd.ErrOrStderr()}
			if err := os.MkdirAll(out.dir, 0o755); err != nil {
				return err
			}
			start := time.Now()
			err := do(cmd.Context(), out)
			out.progress("%s: %.0f s", cmd.Name(), time.Since(start).Seconds())
			return err
		}}
		all = append(all, c)
		return c
	}

	var sc scalingOptions
	c := add("scaling", "Measure how the closed form grows with entities, rows and caps",
		func(ctx context.Context, out *output) error { return scaling(ctx, out, sc) })
	c.Flags().IntSliceVar(&sc.entities, "entities", []int{5, 10, 20, 50, 100, 200}, "numbers of entities")
	c.Flags().IntSliceVar(&sc.rows, "rows", []int{2, 3, 4, 5, 6, 8, 10, 12, 16, 20}, "numbers of rows")
	c.Flags().DurationVar(&sc.limit, "limit", 300*time.Millisecond, "time for each rate that is measured")

	var di differentialOptions
	c = add("differential", "Compare what all solvers answer on hard polytopes with rational arithmetic",
		func(ctx context.Context, out *output) error { return differential(ctx, out, di) })
	c.Flags().IntVar(&di.queries, "queries", 1_000_000, "intervals that every method is asked for, all families together")
	c.Flags().IntVar(&di.chains, "chains", 40, "actions on each polytope")
	c.Flags().Uint64Var(&di.seed, "seed", 1, "seed of the polytopes")
	c.Flags().StringSliceVar(&di.families, "families", nil, "families of polytopes; none stands for all")
	c.Flags().IntVar(&di.polytope, "polytope", -1, "the number of the only polytope to try, of each family")

	var un uniformityOptions
	c = add("uniformity", "Compare initial policies with the uniform distribution",
		func(ctx context.Context, out *output) error { return uniformity(ctx, out, un) })
	c.Flags().IntSliceVar(&un.entities, "entities", []int{3, 5, 10, 20, 50}, "numbers of entities")
	c.Flags().IntVar(&un.rows, "rows", 5, "rows of each polytope")
	c.Flags().IntVar(&un.seeds, "seeds", 3, "polytopes for each number of entities")

	var en entropyOptions
	c = add("entropy", "Compare estimates of the entropy and its gradient with exact values",
		func(ctx context.Context, out *output) error { return entropyExperiment(ctx, out, en) })
	c.Flags().IntVar(&en.samples, "samples", 50_000, "actions that variances are taken from")
	c.Flags().IntVar(&en.nodes, "nodes", 4096, "nodes of the quadrature")
	c.Flags().Int64Var(&en.steps, "steps", 20_000, "environment steps of the policies that are trained")

	return all
}

// number writes x for a table.
func number(x float64) string {
	switch {
	case x != x:
		return ""
	case x == 0:
		return "0"
	case x >= 1000:
		return fmt.Sprintf("%.0f", x)
	}
	return fmt.Sprintf("%.3g", x)
}
