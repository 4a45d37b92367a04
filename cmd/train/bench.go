package main

import (
	"errors"

	"github.com/spf13/cobra"

	"paspo/internal/bench"
)

func newBench() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Measure the speed of every stage",
		Long: `Measure, for the three presets: full chains of intervals a second by solver (every
entity of one action), sampled actions a second and minibatch updates a second on
one thread, and environment steps a second of training on all threads. It ends
within 45 seconds.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			results, err := bench.Run(cmd.Context())
			if err != nil {
				if ctx := cmd.Context(); ctx.Err() != nil && errors.Is(err, ctx.Err()) {
					return &exitError{130, errors.New("interrupted")}
				}
				return err
			}
			out := cmd.OutOrStdout()
			if !asJSON {
				return results.Write(out)
			}
			return writeJSON(out, results)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}
