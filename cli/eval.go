package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"paspo/internal/run/agent"
	"paspo/internal/run/config"
	"paspo/rl"
)

func newEval() *cobra.Command {
	var o agent.CompareOptions
	var asJSON bool
	var from saved
	cmd := &cobra.Command{
		Use:   "eval RUN",
		Short: "Compare the policy of a run with others",
		Long: `Compare the policy of a run with the policy it started from, with the uniform
distribution over the polytope and with the other policies that need no
training. All play the same episodes.`,
		Args: exactly("a run folder"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if cmd.Flags().Changed("episodes") {
				if err := config.CheckEpisodes("--episodes", o.Episodes); err != nil {
					return err
				}
			}
			a, cp, err := from.open(args[0])
			if err != nil {
				return err
			}
			defer a.Close()
			fmt.Fprintf(cmd.ErrOrStderr(), "device: %s; intervals: %s\n", a.Device(), a.Intervals())
			o.Simulated = !o.Backtest
			tables, err := a.Compare(cmd.Context(), args[0], cp, o)
			if err != nil {
				return orInterruption(cmd.Context(), err)
			}
			out := cmd.OutOrStdout()
			if asJSON {
				return writeJSON(out, struct {
					Run        string `json:"run"`
					Checkpoint string `json:"checkpoint"`
					Step       int64  `json:"step"`
					Action     string `json:"action"` // mean or mode
					Tables     any    `json:"tables"`
				}{args[0], cp.Path, cp.Step, a.Rule(cp).String(), tables})
			}
			fmt.Fprintf(out, "%s, step %d; actions that are not sampled take the %v of every distribution\n", cp.Path, cp.Step, a.Rule(cp))
			for _, t := range tables {
				if err := t.Write(out); err != nil {
					return err
				}
			}
			return nil
		},
	}
	f := cmd.Flags()
	f.IntVar(&o.Episodes, "episodes", 0, "episodes that every policy plays (default: those of the run's configuration)")
	f.BoolVar(&o.Backtest, "backtest", false, "portfolio: play the real monthly returns")
	f.BoolVar(&o.SampledOnly, "stochastic", false, "sample actions in place of taking the mean or mode of every distribution, as the run has chosen")
	f.BoolVar(&asJSON, "json", false, "print JSON")
	addThreads(cmd)
	from.flags(cmd)
	f.SortFlags = false
	return cmd
}

// saved holds the flags that choose a checkpoint of a run and the device to run its policy on.
type saved struct{ checkpoint, device string }

func (s *saved) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&s.checkpoint, "checkpoint", agent.Latest, "which checkpoint of the run: latest, best or initial")
	f.StringVar(&s.device, "device", config.DeviceCPU, "auto, cpu, gpu or gpu:N, whatever the run was trained on")
}

func (s *saved) open(dir string) (*agent.Agent, *rl.Checkpoint, error) {
	return agent.OpenRun(dir, s.checkpoint, s.device)
}
