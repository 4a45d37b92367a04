package cli

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"paspo/internal/atomicfile"
	"paspo/internal/run/export"
	"paspo/internal/run/runfolder"
)

func newExport() *cobra.Command {
	var from saved
	var to string
	o := export.Options{Version: runfolder.Version()}
	cmd := &cobra.Command{
		Use:   "export RUN",
		Short: "Write the policy of a run for use without this program",
		Long: `Write the policy of a run as one ONNX graph (docs/serving.md): from an observation,
and limits where they follow the state, to the action, its intervals and its residual.
The action is the one that act gives: the mean or mode of every distribution, as the
run has chosen. An action with a residual above 1e-9 must not be used.`,
		Args: exactly("a run folder"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if to == "" {
				return errors.New("--onnx is empty: name the file to write")
			}
			a, cp, err := from.open(args[0])
			if err != nil {
				return err
			}
			defer a.Close()
			m, err := export.ONNX(args[0], a, cp, o)
			if err != nil {
				return fmt.Errorf("%s cannot be exported: %w", args[0], err)
			}
			data := m.Marshal()
			if err := atomicfile.Write(to, data); err != nil {
				return fmt.Errorf("cannot write %s: %w", to, atomicfile.Cause(err))
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s: %d nodes, %d bytes, step %d\n", to, len(m.Nodes), len(data), cp.Step)
			return err
		},
	}
	f := cmd.Flags()
	f.StringVar(&to, "onnx", "", "`FILE` to write")
	f.StringSliceVar(&o.Limits, "limits", nil, "limits that come with every observation, in addition to those that the environment sets: b, total, lower, upper, holdings")
	from.flags(cmd)
	f.SortFlags = false
	return cmd
}
