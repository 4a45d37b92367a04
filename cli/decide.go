package cli

import (
	"errors"

	"github.com/spf13/cobra"
)

func newDecide() *cobra.Command {
	return &cobra.Command{Use: "decide", RunE: func(*cobra.Command, []string) error { return errors.New("not yet") }}
}
