package cli

import (
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"paspo/internal/page"
	"paspo/internal/run/runfolder"
	"paspo/internal/walkforward"
)

func newReport() *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use:   "report FOLDER...",
		Short: "Write one HTML file about runs and sweeps",
		Long: `Write one HTML file about runs and sweeps, which loads nothing from the network: the best
settings with intervals, the effect of each setting, every seed's curve behind the mean,
violations and cost.`,
		Example: fmt.Sprintf("  %[1]s report sweeps/a --out a.html\n  %[1]s report runs/*", program),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return fmt.Errorf("%s takes folders of runs and of sweeps; none given", cmd.CommandPath())
			}
			p := &page.Page{Origin: runfolder.This()}
			if err := p.Add(cmd.Context(), args); err != nil {
				if _, e := walkforward.ReadSettings(args[0]); e == nil && len(args) == 1 {
					err = fmt.Errorf("%s is a portfolio: %s is its report", args[0], filepath.Join(args[0], walkforward.ReportFile))
				}
				return err
			}
			if err := p.WriteFile(out); err != nil {
				return err
			}
			_, err := fmt.Fprintln(cmd.OutOrStdout(), out)
			return err
		},
	}
	cmd.Flags().StringVar(&out, "out", "report.html", "`FILE` to write")
	return cmd
}
