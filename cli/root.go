package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"paspo/baselines"
	"paspo/cuda"
	"paspo/envs/benchmarks"
	"paspo/internal/run/agent"
	"paspo/internal/run/config"
	"paspo/internal/run/progress"
	"paspo/internal/run/runfolder"
	"paspo/lp/constraints"
	"paspo/rl"
)

// settings are the flags that stand for one setting each.
var settings = []struct{ flag, key, use string }{
	{"env", "env.name", "what to train on"},
	{"algo", "algo.name", "which algorithm trains"},
	{"constraints", "constraints", "constraints `FILE` (.yaml or .npz) in place of the environment's own"},
	{"seed", "seed", "seed of all random numbers"},
	{"steps", "steps", "environment steps of training, rounded up to whole iterations"},
	{"from", "from", "start from the parameters of the `RUN` in this folder, or of one of its checkpoint files, with its settings where --preset, --config, --env and --algo are not given"},
	{"device", "device", "auto, cpu, gpu or gpu:N"},
}

type trainFlags struct {
	preset, config, out, resume string
	set                         []string
	json, quiet                 bool
}

func newRoot() *cobra.Command {
	var f trainFlags
	what, example := "the portfolio benchmark", "compute"
	if c := benchmarks.DefaultConfig(); c.IsOwn() {
		what, example = c.Name, c.Name
	}
	root := &cobra.Command{
		Use:   program,
		Short: "Train allocation policies under hard linear constraints",
		Long: `Train allocation policies under hard linear constraints (PASPO, arXiv 2409.18735).

Without a command it trains: by default on ` + what + ` with the
settings of the preset auto, and then compares the trained policy with others.`,
		Example: fmt.Sprintf(`  %[1]s
  %[1]s --env %[2]s --steps 50_000 --set ppo.lr=3e-4
  %[1]s --constraints mine.yaml
  %[1]s --resume runs/%[2]s-1-20260102-150405`, program, example),
		Args:    noArguments,
		Version: runfolder.Version(),

		SilenceUsage: true, SilenceErrors: true,
		RunE: func(cmd *cobra.Command, _ []string) error { return f.train(cmd) },
	}
	flags := root.Flags()
	for _, s := range settings {
		if s.key == "env.name" {
			s.use += ": " + strings.Join(benchmarks.AllNames(), ", ") + " or `" + benchmarks.PythonName + "`"
		}
		if s.key == "algo.name" {
			s.use += ": `" + baselines.PASPO + "` or, to compare it with, " + strings.Join(baselines.Names()[1:], ", ")
		}
		flags.String(s.flag, "", s.use)
	}
	addPreset(root, &f.preset)
	flags.StringVar(&f.config, "config", "", "configuration `FILE`, which overrides the preset; "+program+" config prints one to start from")
	flags.StringArrayVar(&f.set, "set", nil, "one setting, `KEY=VALUE`, for example ppo.lr=3e-4; repeatable")
	flags.StringVar(&f.out, "out", "", "run `FOLDER`, new (default runs/ENV-SEED-TIME)")
	flags.StringVar(&f.resume, "resume", "", "go on with the `RUN` in this folder")
	flags.BoolVar(&f.json, "json", false, "print the summary as JSON")
	flags.BoolVar(&f.quiet, "quiet", false, "print nothing but the summary, warnings and errors")
	addThreads(root)
	flags.SortFlags = false
	root.SetFlagErrorFunc(flagError)
	root.SetHelpCommand(newHelp())
	root.AddCommand(newConfig(), newPresets(), newEval(), newAct(), newExport(), newConstraints(), newBench(), newExplain(), newSweep(), newCompare(), newReport(), newPortfolio())
	return root
}

// newHelp returns the command help. Unlike cobra's it fails for an unknown command, and suggests
// the one with the nearest spelling.
func newHelp() *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND]",
		Short: "Help about a command",
		Long:  "Print the help of a command, as " + program + " COMMAND --help does.",
		RunE: func(cmd *cobra.Command, args []string) error {
			about, rest, err := cmd.Root().Find(args)
			if err != nil {
				return err
			}
			if err := noArguments(about, rest); err != nil {
				return err
			}
			about.InitDefaultHelpFlag()
			return about.Help()
		},
	}
}

// given returns the settings whose flags are given.
func given(cmd *cobra.Command) []config.Setting {
	var all []config.Setting
	for _, s := range settings {
		if f := cmd.Flags().Lookup(s.flag); f != nil && f.Changed {
			all = append(all, config.Setting{Flag: "--" + s.flag, Key: s.key, Value: f.Value.String()})
		}
	}
	return all
}

func (f *trainFlags) train(cmd *cobra.Command) error {
	ctx := cmd.Context()
	r, err := f.open(cmd)
	if err != nil {
		return err
	}
	defer r.Close()
	errs := cmd.ErrOrStderr()
	a := r.Agent
	tellParent(map[string]string{"run": r.Folder.Dir()})
	var bar *progress.Bar
	if !f.quiet {
		fmt.Fprintf(errs, "device: %s; intervals: %s\n", a.Device(), a.Intervals())
		if r.Warm != nil {
			fmt.Fprintf(errs, "begins with %s\n", r.Warm)
		}
		fmt.Fprintf(errs, "run: %s\n", r.Folder.Dir())
		if !r.Trainer.Resumable() && r.Trainer.Step() == 0 {
			fmt.Fprintln(errs, "the environment cannot be saved in the middle of an episode: --resume would start new ones")
		}
		total := int64(a.Config.PPO.Iterations()) * int64(a.Config.PPO.BatchSize())
		bar = progress.New(errs, a.Config.Env.Name, r.Trainer.Step(), total)
		setLog(bar)
		defer setLog(errs)
	}
	saving.Add(1)
	left := func() string {
		resume, _ := resumeCommand(r.Folder.Dir())
		return lastCheckpoint(r.Folder.Dir(), resume)
	}
	savedState.Store(&left)
	err = r.Train(ctx, func(m rl.Metrics) { bar.Update(m.Step, m.Return) })
	saving.Add(-1)
	bar.Close()
	if err != nil {
		return interrupted(ctx, r, err)
	}
	summary, err := r.Finish(ctx)
	if err != nil {
		return interrupted(ctx, r, err)
	}
	if f.json {
		return writeJSON(cmd.OutOrStdout(), summary)
	}
	out := cmd.OutOrStdout()
	if err := summary.Write(out); err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "what words and numbers mean: %s explain\nrun folder: %s\n", program, r.Folder.Dir())
	return err
}

// open starts a run or goes on with one.
func (f *trainFlags) open(cmd *cobra.Command) (*agent.Run, error) {
	own := given(cmd)
	// An empty name comes from a shell variable that is not set.
	for _, named := range [][2]string{
		{"resume", "the folder of a run"}, {"from", "the folder of a run"}, {"preset", "a preset"}, {"config", "a file"}, {"constraints", "a file"}, {"out", "a folder"},
	} {
		if flag := cmd.Flags().Lookup(named[0]); flag.Changed && flag.Value.String() == "" {
			return nil, fmt.Errorf("--%s is empty: name %s", flag.Name, named[1])
		}
	}
	if f.resume != "" {
		fixed := []string{"preset", "config", "out", "env", "constraints", "seed", "from", "algo"}
		if i := slices.IndexFunc(fixed, cmd.Flags().Changed); i >= 0 {
			return nil, fmt.Errorf("--resume goes on with the run's own settings: --%s cannot be given with it", fixed[i])
		}
		return agent.Resume(f.resume, f.set, own)
	}
	// What is learned fits the environment and the networks of its own run.
	if from := cmd.Flags().Lookup("from").Value.String(); from != "" && !slices.ContainsFunc([]string{"preset", "config", "env", "algo"}, cmd.Flags().Changed) {
		if f.config = agent.ConfigOf(from); f.config != "" && !f.quiet {
			fmt.Fprintf(cmd.ErrOrStderr(), "settings: those of %s, under what is given here\n", f.config)
		}
	}
	c, err := config.LoadOver(f.preset, f.config, f.set, own)
	if err != nil {
		return nil, err
	}
	r, err := agent.Start(c, f.out)
	if err == nil && c.Constraints != "" && !c.Preset() {
		warnOf(c.Constraints, constraints.Percentages(r.Agent.Problem.Spec().Polytope))
	}
	return r, err
}

// interrupted adds the command that resumes a run to the error that ended it early.
func interrupted(ctx context.Context, r *agent.Run, err error) error {
	dir := r.Folder.Dir()
	resume, onCPU := resumeCommand(dir)
	if interrupts(ctx, err) {
		return &exitError{interruption(ctx).code, fmt.Errorf("interrupted at step %d; go on with: %s", r.Trainer.Step(), resume)}
	}
	var nf *rl.NonFiniteError
	switch {
	case errors.As(err, &nf) && nf.Environment:
		return fmt.Errorf("%w; the run would stop there again: once the environment is repaired, go on with: %s", err, resume)
	case errors.As(err, &nf) && nf.Rewards:
		again := "divide them in the environment"
		if !r.Agent.Config.PPO.ScaleRewards {
			again = "train anew with ppo.scale_rewards=true, for example " + anew(r, "ppo.scale_rewards=true")
		}
		return fmt.Errorf("%w; rewards are too large: %s", err, again)
	case errors.As(err, &nf):
		// Training is deterministic: other settings are needed.
		again := anew(r, fmt.Sprintf("ppo.lr=%g", r.Agent.Config.PPO.LR/3))
		return fmt.Errorf("%w; the run would stop there again: train anew with gentler settings, for example %s", err, again)
	case errors.Is(err, cuda.ErrLost):
		resume += onCPU
	}
	return fmt.Errorf("%w; %s", err, lastCheckpoint(dir, resume))
}

// anew returns the command that starts a run again with another setting.
func anew(r *agent.Run, assignment string) string {
	return fmt.Sprintf("%s --config %s --set %s", runfolder.Quote(os.Args[0]), runfolder.Quote(r.Folder.Path(runfolder.ConfigFile)), assignment)
}

// resumeCommand returns the command that resumes a run, and the argument that makes it use the
// CPU.
func resumeCommand(dir string) (resume, onCPU string) {
	if parent != nil {
		// The environment may be defined in a Python notebook.
		return fmt.Sprintf("paspo.train(.., resume=%q)", dir), ` with device="cpu"`
	}
	return fmt.Sprintf("%s --resume %s", runfolder.Quote(os.Args[0]), runfolder.Quote(dir)), " --device cpu"
}

// lastCheckpoint describes the last checkpoint of a run that ended early, and how to resume it.
func lastCheckpoint(dir, resume string) string {
	cp, err := agent.ReadCheckpoint(dir, agent.Latest)
	switch {
	case err == nil:
		return fmt.Sprintf("the run has a checkpoint of step %d, go on with: %s", cp.Step, resume)
	case errors.Is(err, rl.ErrNoCheckpoint):
		return "the run has no checkpoint yet, start it again with: " + resume
	}
	return err.Error()
}
