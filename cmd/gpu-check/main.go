package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"paspo/cuda"
	"paspo/internal/atomicfile"
	"paspo/internal/bench"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := newCommand().ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "gpu-check:", err)
		os.Exit(1)
	}
}

type options struct {
	out   string
	gpu   int
	seeds int
	steps int64
	each  time.Duration
	small bool
}

func newCommand() *cobra.Command {
	var o options
	cmd := &cobra.Command{
		Use:   "gpu-check",
		Short: "Check this machine's GPU and measure it",
		Args:  cobra.NoArgs,

		SilenceUsage: true, SilenceErrors: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.seeds < 2 || o.steps < 1 || o.each <= 0 {
				return fmt.Errorf("--seeds is %d, --steps %d, --each %v: at least 2, 1 and more than 0 are allowed", o.seeds, o.steps, o.each)
			}
			if o.small {
				bench.DeviceRows, bench.DeviceMinibatches, bench.DevicePolicies = []int{256}, []int{64}, []int{1, 2}
				bench.DeviceTraining = bench.Size{Envs: 64, Steps: 4, Minibatch: 256}
			}
			return o.run(cmd.Context(), cmd.OutOrStdout())
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.out, "out", "gpu-check.md", "`FILE` to write what was found to")
	f.IntVar(&o.gpu, "gpu", 0, "number of the GPU")
	f.IntVar(&o.seeds, "seeds", 5, "seeds of the learning curves")
	f.Int64Var(&o.steps, "steps", 150_000, "environment steps of every training")
	f.BoolVar(&o.small, "small", false, "small sizes: to try this program itself, as behind a driver that simulates")
	f.DurationVar(&o.each, "each", 2*time.Second, "time for every timing")
	return cmd
}

// run does all parts, writes what they found as far as they came, and fails
// where one of them did.
func (o *options) run(ctx context.Context, stdout io.Writer) error {
	devices, err := cuda.Devices()
	if err != nil {
		return err
	}
	if o.gpu < 0 || o.gpu >= len(devices) {
		return fmt.Errorf("--gpu is %d: this machine has %d", o.gpu, len(devices))
	}
	file, err := os.Create(o.out)
	if err != nil {
		return fmt.Errorf("cannot write %s: %w", o.out, atomicfile.Cause(err))
	}
	defer file.Close()
	w := io.MultiWriter(stdout, file)
	d := devices[o.gpu]
	fmt.Fprintf(w, "# What a GPU did\n\n- card: %s, compute capability %d.%d, %d multiprocessors, %.1f GiB\n", d.Name, d.Major, d.Minor, d.SMs, float64(d.Memory)/(1<<30))
	if version, err := cuda.DriverVersion(); err == nil {
		fmt.Fprintf(w, "- driver: serves CUDA %s\n", version)
	}
	fmt.Fprintf(w, "- host: %d threads; %s\n- commit: %s\n- time: %s\n", runtime.GOMAXPROCS(0), runtime.Version(), commit(), time.Now().UTC().Format(time.RFC3339))

	exe, err := os.Executable()
	if err != nil {
		return err
	}
	var failed []string
	for _, part := range []struct {
		title string
		run   func(context.Context, io.Writer) error
	}{
		{"Kernels and training path against references", func(ctx context.Context, w io.Writer) error { return tests(ctx, w, filepath.Dir(exe), o.gpu) }},
		{"compute-sanitizer", func(ctx context.Context, w io.Writer) error { return sanitize(ctx, w, filepath.Dir(exe), o.gpu) }},
		{"Learning, CPU and GPU", o.learning},
		{"Many policies side by side", o.sweep},
		{"A sweep", o.whole},
		{"Timings", o.timings},
	} {
		fmt.Fprintf(w, "\n## %s\n\n", part.title)
		if err := part.run(ctx, w); err != nil {
			fmt.Fprintf(w, "FAILED: %v\n", err)
			failed = append(failed, part.title)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	if err := file.Close(); err != nil {
		return err
	}
	if len(failed) > 0 {
		return fmt.Errorf("%d parts failed: %q; see %s", len(failed), failed, o.out)
	}
	return nil
}

// commit names the sources that this was built from.
func commit() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	revision, changed := "unknown", ""
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			revision = s.Value
		case s.Key == "vcs.modified" && s.Value == "true":
			changed = ", with changes"
		}
	}
	return revision + changed
}
