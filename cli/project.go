package cli

import (
	"bufio"
	"context"

	"github.com/spf13/cobra"

	"paspo/internal/run/serve"
	"paspo/lp"
)

func newProject() *cobra.Command {
	var f polytopeFlags
	cmd := &cobra.Command{
		Use:   "project FILE|PRESET",
		Short: "Answer points with the closest allocations",
		Long: `Read points and answer each with the allocation that is closest to it in the Euclidean norm.
It satisfies the constraints to a scaled 1e-9.

Points are JSON lines, [0.1, 0.2, 0.7], or CSV with a first line of names that has every
entity, in any order. Other columns are copied. A JSON line that is no point gets {"error":..},
and then the exit status is 1. A faulty row of CSV ends the command.`,
		Args: exactly("a constraints file or a preset"),
		RunE: func(cmd *cobra.Command, args []string) error {
			p, err := f.read(args[0])
			if err != nil {
				return err
			}
			projector := lp.NewProjector(p)
			in := bufio.NewReader(cmd.InOrStdin())
			csv, err := await(cmd.Context(), func(context.Context) (bool, error) { return serve.StartsCSV(in) })
			if err != nil {
				return err
			}
			if csv {
				_, err := await(cmd.Context(), func(context.Context) (struct{}, error) {
					return struct{}{}, serve.ProjectCSV(projector, p.Entities(), in, cmd.OutOrStdout())
				})
				return err
			}
			cmd.SetIn(in)
			return answer(cmd, "points", serve.Each(func(line []byte) (any, error) {
				x, err := serve.Numbers("the point", line)
				if err != nil {
					return nil, err
				}
				y := make([]float64, p.Dim())
				return y, projector.Project(y, x, nil)
			}))
		},
	}
	f.add(cmd)
	return cmd
}
