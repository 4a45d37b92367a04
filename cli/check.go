package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"paspo/internal/check"
	"paspo/internal/run/export"
	"paspo/internal/run/progress"
	"paspo/lp"
)

func newCheck() *cobra.Command {
	var f polytopeFlags
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "check FILE|PRESET",
		Short: "Check constraints: bounding box, feasible share, redundant rows",
		Long: `Check constraints and print the entities with the range of each (by linear
programs), the rows, the share of the simplex that is feasible, the rows that
could be left out, and the closed form of the intervals: how many pieces the lower
and the upper endpoint of each entity have, how many of them the polytope's own limits
need, how they were found, and whether limits may follow the state; and whether policies
can be exported to ONNX, or which rows are in the way. Constraints that
exclude one another are named, and the exit status is 1. The text shortens long lists;
--json prints all, and the least amount to relax all limits but the total by.
Progress is shown on standard error after two seconds.`,
		Args: exactly("a constraints file or a preset"),
		RunE: func(cmd *cobra.Command, args []string) error {
			out := cmd.OutOrStdout()
			stages := progress.NewStages(cmd.ErrOrStderr(), "check")
			c, err := await(lp.WithProgress(cmd.Context(), stages.Show), func(ctx context.Context) (*check.Report, error) {
				stages.Show("reading", 0, 0)
				p, err := f.read(args[0])
				if err != nil {
					return nil, err
				}
				c, err := check.Polytope(ctx, args[0], p)
				if err == nil {
					c.Export = check.NewExport(export.Obstacle(ctx, p))
				}
				return c, err
			})
			stages.Close()
			var empty *lp.EmptyError
			if errors.As(err, &empty) {
				if asJSON {
					writeJSON(out, check.NewEmpty(args[0], empty))
				}
				writeConflict(cmd.ErrOrStderr(), args[0], empty.Conflict)
				if empty.Barely() {
					fmt.Fprintf(cmd.ErrOrStderr(), "They exclude one another by a scaled %.2g only: do the numbers have too few digits?\n", empty.Amount)
				}
				return &exitError{code: 1}
			}
			if err != nil {
				return err
			}
			if asJSON {
				return writeJSON(out, c)
			}
			return c.Write(out)
		},
	}
	f.add(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func writeJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// writeConflict names constraints that exclude one another, none of which can be left out.
func writeConflict(w io.Writer, name string, conflict []string) {
	fmt.Fprintf(w, "%s: the limits of %s leave nothing: no allocation satisfies all of:\n", program, name)
	for i, c := range conflict {
		if i == check.MostRows {
			fmt.Fprintf(w, "  and %d more; --json has all\n", len(conflict)-i)
			return
		}
		fmt.Fprintf(w, "  %s\n", c)
	}
}
