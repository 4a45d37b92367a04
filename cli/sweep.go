package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"paspo/cuda"
	"paspo/internal/count"
	"paspo/internal/run/progress"
	"paspo/internal/run/runfolder"
	"paspo/internal/sweep"
	"paspo/internal/sweep/cluster"
	"paspo/internal/sweep/plan"
	"paspo/internal/sweep/spec"
)

func newSweep() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "sweep",
		Short: "Train many settings over seeds, and compare them",
		Long: `Train many settings over seeds, and compare them: on the cores of one machine, or by any
number of workers on any machines that mount the folder. docs/sweeps.md describes the file.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newSweepRun(), newSweepWork(), newSweepStatus(), newSweepBest(), newSweepExport(), newSweepSlurm(), newSweepKubernetes())
	return cmd
}

func newSweepRun() *cobra.Command {
	var out, resume string
	var jobs int
	var dry, retry bool
	cmd := &cobra.Command{
		Use:     "run [SWEEP.yaml]",
		Short:   "Train a sweep on all cores",
		Example: fmt.Sprintf("  %[1]s sweep run sweep.yaml --out sweeps/a\n  %[1]s sweep run --resume sweeps/a", program),
		RunE: func(cmd *cobra.Command, args []string) error {
			if jobs < 0 {
				return fmt.Errorf("--jobs is %d: an integer of at least 0 is allowed", jobs)
			}
			if retry && resume == "" {
				return errors.New("--retry tries what failed in a sweep again: name its folder by --resume")
			}
			w, err := openSweep(cmd, args, out, resume, jobs, dry)
			if err != nil || dry {
				return err
			}
			if retry {
				n, err := w.Retry(cmd.Context())
				if err != nil {
					return err
				}
				fmt.Fprintf(cmd.ErrOrStderr(), "%s that failed: tried again from the last checkpoint\n", count.Of(n, "training"))
			}
			if jobs == 0 {
				return nil
			}
			if fit := sweep.Fitting(jobs); fit < jobs {
				fmt.Fprintf(cmd.ErrOrStderr(), "memory is left for %d of %d workers: %d are started\n", fit, jobs, fit)
				jobs = fit
			}
			return runSweep(cmd, w, jobs)
		},
	}
	f := cmd.Flags()
	f.StringVar(&out, "out", "", "`FOLDER` of the sweep, new")
	f.StringVar(&resume, "resume", "", "go on with the sweep in this `FOLDER`")
	f.BoolVar(&retry, "retry", false, "with --resume, try trainings that failed once more, from their last checkpoints")
	f.IntVar(&jobs, "jobs", runtime.GOMAXPROCS(0), "trainings at a time, each on one core; 0 makes the folder and leaves training to other workers")
	f.BoolVar(&dry, "dry-run", false, "print what would be trained, and train nothing")
	f.SortFlags = false
	return cmd
}

func openSweep(cmd *cobra.Command, args []string, out, resume string, jobs int, dry bool) (*sweep.Sweep, error) {
	if resume != "" {
		if len(args) > 0 || out != "" || dry {
			return nil, errors.New("--resume goes on with the sweep as it is: neither a file nor --out nor --dry-run can be given with it")
		}
		return sweep.Open(resume)
	}
	if len(args) != 1 {
		return nil, fmt.Errorf("%s takes the file of a sweep, or --resume with the folder of one; %d files given", cmd.CommandPath(), len(args))
	}
	s, err := spec.Read(args[0])
	if err != nil {
		return nil, err
	}
	if dry {
		return nil, plan.Print(s, cmd.OutOrStdout(), max(jobs, 1))
	}
	if out == "" {
		return nil, errors.New("--out is missing: name the folder of the sweep")
	}
	return sweep.Create(cmd.Context(), s, out, origin())
}

// origin returns the command and the version that a sweep is made by, for its folder.
func origin() map[string]string {
	this := runfolder.This()
	return map[string]string{"command": this.Command, "version": this.Version}
}

// syncWriter is a writer that several goroutines may write to.
type syncWriter struct {
	sync.Mutex
	io.Writer
}

func (w *syncWriter) Write(b []byte) (int, error) {
	w.Lock()
	defer w.Unlock()
	return w.Writer.Write(b)
}

func runSweep(cmd *cobra.Command, w *sweep.Sweep, jobs int) error {
	program, err := os.Executable()
	if err != nil {
		return err
	}
	errs := cmd.ErrOrStderr()
	var line *progress.Line
	if f, ok := errs.(*os.File); ok {
		line = progress.NewLine(f)
	}
	command := func(flags ...string) []string {
		return slices.Concat([]string{program, "sweep", "work"}, flags, []string{"--", w.Dir})
	}
	o := sweep.Workers{
		Count: jobs, Cores: 1, Command: func(int) []string { return command() }, Parent: parentVariable, Errs: errs,
		Show: w.Progress(line.Show),
	}
	if w.OnGPU() {
		cards, err := cuda.Devices()
		if err != nil || len(cards) == 0 {
			return fmt.Errorf("the base of the sweep has a GPU as its device, and there is none: %w", cmp.Or(err, errors.New("no CUDA device")))
		}
		o.Count, o.Cores = len(cards), max(1, runtime.GOMAXPROCS(0)/len(cards))
		// Trainings are divided evenly, so that no card is idle while another has many.
		share := strconv.Itoa((w.Spec.Search.Trials*len(w.Spec.Seeds) + len(cards) - 1) / len(cards))
		o.Command = func(i int) []string {
			return command("--gpu", strconv.Itoa(i), "--together", share)
		}
	}
	if line != nil {
		o.Errs = line
	} else {
		o.Errs = &syncWriter{Writer: errs}
		o.Show = w.Progress(atMostEvery(time.Minute, func(text string) { fmt.Fprintln(o.Errs, text) }))
	}
	ctx := cmd.Context()
	saving.Add(1) // by the workers
	err = w.Run(ctx, o)
	saving.Add(-1)
	line.Close()
	resume := fmt.Sprintf("%s sweep run --resume %s", runfolder.Quote(os.Args[0]), runfolder.Quote(w.Dir))
	if err != nil {
		if interrupts(ctx, err) {
			return &exitError{interruption(ctx).code, fmt.Errorf("interrupted; go on with: %s", resume)}
		}
		return fmt.Errorf("%w; go on with: %s", err, resume)
	}
	s, err := w.Status()
	if err == nil {
		err = w.Write(cmd.OutOrStdout(), s, shownSettings)
	}
	if err == nil {
		if s.Failed > 0 {
			fmt.Fprintf(errs, "once their cause is mended, trainings that failed are tried again by: %s --retry\n", resume)
		}
		err = s.Err()
	}
	return err
}

// atMostEvery returns a function that calls show, and skips calls that come too soon after the last.
func atMostEvery(every time.Duration, show func(string)) func(string) {
	last := time.Now()
	return func(text string) {
		if time.Since(last) >= every {
			last = time.Now()
			show(text)
		}
	}
}

func newSweepWork() *cobra.Command {
	gpu, together := -1, 0
	cmd := &cobra.Command{
		Use:   "work SWEEP",
		Short: "Train for a sweep as one more worker, on any machine that mounts its folder",
		Args:  exactly("the folder of a sweep"),
		RunE: func(cmd *cobra.Command, args []string) error {
			w, err := sweep.Open(args[0])
			if err == nil && gpu >= 0 && !w.OnGPU() {
				err = errors.New("--gpu is for a sweep whose base has device: gpu, so that all its trainings are on one")
			}
			if err != nil {
				return &exitError{cluster.ConfigurationStatus, err}
			}
			if gpu >= 0 {
				w.Device = fmt.Sprintf("gpu:%d", gpu)
			}
			w.Together = max(0, together)
			if os.Getenv("GOMAXPROCS") == "" && !w.OnGPU() {
				runtime.GOMAXPROCS(1) // other cores are for other workers
			}
			ctx := cmd.Context()
			saving.Add(1)
			err = w.Work(ctx)
			saving.Add(-1)
			if interrupts(ctx, err) {
				return &exitError{interruption(ctx).code, nil}
			}
			return err
		},
	}
	cmd.Flags().IntVar(&gpu, "gpu", -1, "`NUMBER` of the card, for a sweep on GPUs; -1 takes that of its base")
	cmd.Flags().IntVar(&together, "together", 256, "trainings at a time on a card, at most; its memory may take fewer")
	return cmd
}

func newSweepStatus() *cobra.Command {
	var asJSON bool
	cmd := sweepCommand("status", "Show how far a sweep is, again and again on a terminal", func(cmd *cobra.Command, w *sweep.Sweep) error {
		out := cmd.OutOrStdout()
		if screen := progress.NewScreen(out); screen != nil && !asJSON {
			return watchStatus(cmd.Context(), screen, w)
		}
		s, err := w.Status()
		switch {
		case err != nil:
			return err
		case asJSON:
			return w.WriteJSON(out, s)
		}
		return w.Write(out, s, shownSettings)
	})
	cmd.Flags().BoolVar(&asJSON, "json", false, "print all settings and trainings as JSON")
	return cmd
}

// watchStatus shows the status every second until the sweep has ended or the command is stopped.
func watchStatus(ctx context.Context, screen *progress.Screen, w *sweep.Sweep) error {
	var line string
	show := w.Progress(func(text string) { line = text })
	for {
		var b strings.Builder
		s, err := w.Status()
		if err == nil {
			err = w.Write(&b, s, shownSettings)
		}
		if err != nil {
			return err
		}
		if s.Ended() {
			screen.Show(b.String())
			return nil
		}
		show(s)
		screen.Show(b.String() + line)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(time.Second):
		}
	}
}

func newSweepBest() *cobra.Command {
	return sweepCommand("best", "Print the configuration of the best setting, as train --config takes it",
		func(cmd *cobra.Command, w *sweep.Sweep) error { return w.Best(cmd.OutOrStdout()) })
}

func newSweepExport() *cobra.Command {
	var format string
	cmd := sweepCommand("export", "Print all trainings as a table", func(cmd *cobra.Command, w *sweep.Sweep) error {
		return w.Export(cmd.OutOrStdout(), format)
	})
	cmd.Flags().StringVar(&format, "format", "csv", "csv or parquet")
	return cmd
}

// addWorkers adds the flag for the number of workers that a cluster starts.
func addWorkers(cmd *cobra.Command, n *int) {
	cmd.Flags().IntVar(n, "max", 10, "workers, at most")
	cmd.PreRunE = func(*cobra.Command, []string) error {
		if *n < 1 || *n > 100_000 {
			return fmt.Errorf("--max is %d: an integer from 1 to 100000 is allowed", *n)
		}
		return nil
	}
}

func newSweepSlurm() *cobra.Command {
	var o cluster.Slurm
	var printed bool
	cmd := sweepCommand("slurm", "Submit an array of workers to Slurm", func(cmd *cobra.Command, w *sweep.Sweep) (err error) {
		if o.Program, err = os.Executable(); err != nil {
			return err
		}
		out := cmd.OutOrStdout()
		if printed {
			text, err := o.Script(w.Dir)
			if err == nil {
				_, err = io.WriteString(out, text)
			}
			return err
		}
		job, err := o.Submit(cmd.Context(), w.Dir)
		if err == nil {
			_, err = fmt.Fprintf(out, "job %s: %d workers, by %s\n", job, o.Workers, filepath.Join(w.Dir, cluster.SlurmScript))
		}
		return err
	})
	cmd.Example = "  " + program + " sweep slurm sweeps/a --partition p --time 2:00:00 --max 50"
	f := cmd.Flags()
	f.BoolVar(&printed, "print", false, "print the batch script, and submit nothing")
	f.StringVar(&o.Partition, "partition", "", "partition of the jobs")
	f.StringVar(&o.Time, "time", "", "limit of a job, as sbatch has it; ninety seconds before, its worker saves and is queued again")
	f.StringVar(&o.Gres, "gres", "", "resources of a job in addition to a core, such as gpu:1")
	addWorkers(cmd, &o.Workers)
	f.SortFlags = false
	return cmd
}

func newSweepKubernetes() *cobra.Command {
	var o cluster.Kubernetes
	cmd := sweepCommand("kubernetes", "Print an Indexed Job of Kubernetes: a worker an index", func(cmd *cobra.Command, w *sweep.Sweep) error {
		text, err := o.Job(w.Dir)
		if err == nil {
			_, err = io.WriteString(cmd.OutOrStdout(), text)
		}
		return err
	})
	cmd.Example = "  " + program + " sweep kubernetes sweeps/a --image IMAGE --pvc CLAIM --max 50 | kubectl apply -f -"
	f := cmd.Flags()
	f.StringVar(&o.Image, "image", "", "image whose entry point is this program")
	f.StringVar(&o.PVC, "pvc", "", "claim of the volume that holds the folder of the sweep at its top")
	f.IntVar(&o.GPUs, "gpus", 0, "GPUs of a worker")
	f.StringVar(&o.Memory, "memory", "1Gi", "memory of a worker")
	addWorkers(cmd, &o.Workers)
	f.SortFlags = false
	return cmd
}

// sweepCommand returns a command that takes the folder of a sweep.
func sweepCommand(name, short string, do func(*cobra.Command, *sweep.Sweep) error) *cobra.Command {
	return &cobra.Command{
		Use:   name + " SWEEP",
		Short: short,
		Args:  exactly("the folder of a sweep"),
		RunE: func(cmd *cobra.Command, args []string) error {
			w, err := sweep.Open(args[0])
			if err != nil {
				return err
			}
			return do(cmd, w)
		},
	}
}

// shownSettings is the largest number of settings in a table.
const shownSettings = 20
