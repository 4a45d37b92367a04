package cli

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"paspo/cuda"
	"paspo/internal/bench"
	"paspo/internal/run/config"
)

// deviceTime is the time that each measurement of a device takes.
const deviceTime = 2 * time.Second

func newBench() *cobra.Command {
	var asJSON bool
	var device string
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Measure the speed of every stage",
		Long: fmt.Sprintf(`Measure, on %s: full chains of intervals a second by solver (every
entity of one action; also with a cap of half its range on every entity), sampled
actions a second and minibatch updates a second on one thread, and minibatch updates and
environment steps of training a second on all threads. It ends within 45 seconds.

With --device it measures a device and the processor on %s, at sizes that fill a GPU:
sampling, gradient steps, a large training and many trainings side by side. That takes
about a minute a device.`, strings.Join(bench.Names(), ", "), bench.Names()[0]),
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var results any
			var write func(io.Writer) error
			var err error
			if cmd.Flags().Changed("device") {
				var devices []*bench.DeviceResult
				devices, err = benchDevices(cmd, device)
				results, write = devices, func(w io.Writer) error { return bench.WriteDevices(w, devices...) }
			} else {
				var stages bench.Results
				stages, err = bench.Run(cmd.Context())
				results, write = stages, stages.Write
			}
			if err != nil {
				return orInterruption(cmd.Context(), err)
			}
			out := cmd.OutOrStdout()
			if !asJSON {
				return write(out)
			}
			return writeJSON(out, results)
		},
	}
	cmd.Flags().StringVar(&device, "device", "", "cpu, gpu, gpu:N or auto: measure a device in place of the stages")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	addThreads(cmd)
	return cmd
}

// benchDevices measures the processor, and the GPU that device names.
func benchDevices(cmd *cobra.Command, device string) ([]*bench.DeviceResult, error) {
	c, err := config.Load("", nil, []config.Setting{{Flag: "--device", Key: "device", Value: device}})
	if err != nil {
		return nil, err
	}
	makers := []bench.Maker{bench.CPUs}
	if ordinal, may, must := c.GPU(); may {
		gpu, err := cuda.Open(ordinal)
		switch {
		case err == nil:
			defer gpu.Close()
			makers = append(makers, bench.GPUs(gpu))
		case must:
			return nil, fmt.Errorf("device %s: %w", device, err)
		default:
			fmt.Fprintf(cmd.ErrOrStderr(), "no GPU: %v\n", err)
		}
	}
	var all []*bench.DeviceResult
	for _, m := range makers {
		r, err := bench.Device(cmd.Context(), m, deviceTime)
		if err != nil {
			return nil, err
		}
		all = append(all, r)
	}
	return all, nil
}
