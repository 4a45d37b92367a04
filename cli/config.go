package cli

import (
	"fmt"
	"runtime"

	"github.com/spf13/cobra"

	"paspo/internal/run/config"
)

func addPreset(cmd *cobra.Command, name *string) {
	cmd.Flags().StringVar(name, "preset", config.AutoPreset, "settings by `NAME` that all others go over; "+program+" presets lists them")
}

// mostThreads is far beyond the cores of machines at hand.
const mostThreads = 1024

// addThreads adds the flag that says how many cores a command uses. It is no setting of a run: what comes
// of it is the same, on whatever machine the run goes on.
func addThreads(cmd *cobra.Command) {
	threads := cmd.Flags().Int("threads", runtime.GOMAXPROCS(0), "cores to use; results do not depend on it")
	cmd.PreRunE = func(cmd *cobra.Command, _ []string) error {
		if *threads < 1 || *threads > mostThreads {
			return fmt.Errorf("--threads is %d: an integer from 1 to %d is allowed", *threads, mostThreads)
		}
		if cmd.Flags().Changed("threads") {
			runtime.GOMAXPROCS(*threads)
		}
		return nil
	}
}

func newConfig() *cobra.Command {
	var preset string
	cmd := &cobra.Command{
		Use:   "config",
		Short: "Print the configuration of a preset",
		Long:  "Print the full configuration of a preset as YAML with comments, to edit and to give to " + program + " --config.",
		Args:  noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := config.LoadOver(preset, "", nil, given(cmd))
			if err != nil {
				return err
			}
			return c.Write(cmd.OutOrStdout())
		},
	}
	cmd.Flags().String("env", "", "what to train on")
	addPreset(cmd, &preset)
	return cmd
}

func newPresets() *cobra.Command {
	return &cobra.Command{
		Use:   "presets",
		Short: "List the presets with their settings",
		Long: `List the presets of settings: what --preset takes. A run's config.yaml holds
all settings that came of it, so that nothing else depends on the preset.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return config.WritePresets(cmd.OutOrStdout()) },
	}
}
