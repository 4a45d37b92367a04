package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"paspo/internal/run/serve"
)

func newAct() *cobra.Command {
	var from saved
	var stochastic, describe, project bool
	var seed uint64
	cmd := &cobra.Command{
		Use:   "act RUN",
		Short: "Answer observations with allocations",
		Long: `Read observations as JSON lines, [..] or {"obs":[..],"b":[..]}, and answer each
with a line {"action":[..],"entities":[..],"residual":..} (docs/serving.md).
Observations are as the environment gives them: the run's normaliser is applied, and
limits that follow the state are those of the observation where it says what they are.
In addition to obs, b replaces the right-hand sides of the inequalities, in the order of
constraints check, total those of the equalities, lower and upper the bounds of the
entities (null for none), and A, a list of rows, the coefficients of the inequalities.
An id, a string or a number, is repeated in the answer.

Every line gets a line. A line that cannot be answered gets {"error":..}, later lines are
answered all the same, and the exit status is 1. Lines that arrive together are answered
together.`,
		Args: exactly("a run folder"),
		RunE: func(cmd *cobra.Command, args []string) error {
			a, cp, err := from.open(args[0])
			if err != nil {
				return err
			}
			defer a.Close()
			if describe {
				d, err := a.Describe()
				if err != nil {
					return err
				}
				return d.Write(cmd.OutOrStdout())
			}
			actor, err := serve.NewActor(a, cp, stochastic, seed)
			if err != nil {
				return err
			}
			if actor.Repair = project; !project && !a.Config.Algo.Confined() {
				fmt.Fprintf(cmd.ErrOrStderr(), "%s can break constraints: an action that does is an error; --project repairs it\n", a.Config.Algo.Name)
			}
			err = answer(cmd, "observations", actor)
			if project {
				fmt.Fprintf(cmd.ErrOrStderr(), "actions that were repaired: %d\n", actor.Repaired.Load())
			}
			return err
		},
	}
	f := cmd.Flags()
	from.flags(cmd)
	f.BoolVar(&stochastic, "stochastic", false, "sample actions in place of taking the mean or mode of every distribution, as the run has chosen")
	f.BoolVar(&project, "project", false, "where the run's algorithm can break constraints, replace an action that does by the closest allocation, and count such actions")
	f.BoolVar(&describe, "describe", false, "print a description of observations, actions, constraints and limits as JSON, and read nothing")
	f.Uint64Var(&seed, "seed", 1, "seed of sampled actions")
	f.SortFlags = false
	return cmd
}

// answer answers lines of the input until it ends or the command is interrupted.
func answer(cmd *cobra.Command, what string, a serve.Answerer) error {
	ctx := cmd.Context()
	return orInterruption(ctx, serve.Lines(ctx, cmd.InOrStdin(), cmd.OutOrStdout(), what, a))
}
