package cli

import (
	"github.com/spf13/cobra"

	"paspo/internal/run/config"
)

func addPreset(cmd *cobra.Command, name *string) {
	cmd.Flags().StringVar(name, "preset", config.AutoPreset, "settings by `NAME` that all others go over; "+program+" presets lists them")
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
