package main

import (
	"github.com/spf13/cobra"

	"paspo/internal/run/config"
)

func newConfig() *cobra.Command {
	return &cobra.Command{
		Use:   "config",
		Short: "Print the default configuration",
		Long:  "Print the full default configuration as YAML with comments, to edit and to give to train --config.",
		Args:  noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return config.Default().Write(cmd.OutOrStdout())
		},
	}
}
