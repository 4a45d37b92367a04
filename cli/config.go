package cli

import (
	"fmt"
	"runtime"

	"github.com/spf13/cobra"

	"paspo/internal/run/config"
)

func addPreset(cmd *cobra.Command, name *string) {
	cmd.Flags().StringVar(name, "preset", config.AutoPreset, "`NAME` of the settings to begin with, which all other settings override; "+program+" presets lists them")
}

// mostThreads is the largest --threads, more than the cores of any usual machine.
const mostThreads = 1024

// addThreads adds the flag for the number of cores that a command uses. It is not a setting of a
// run, as results do not depend on it.
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
		Long: `List the presets of settings, the values of --preset. A run's config.yaml holds all
of its settings, so that the run does not depend on the preset afterwards.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return config.WritePresets(cmd.OutOrStdout()) },
	}
}
