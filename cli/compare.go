package cli

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"paspo/baselines"
	"paspo/envs/benchmarks"
	"paspo/envs/python"
	"paspo/internal/run/config"
	"paspo/internal/sweep"
	"paspo/internal/sweep/plan"
	"paspo/internal/sweep/spec"
)

type compareFlags struct {
	algos, envs []string
	constraints string
	seeds       int
	steps       int64
	preset      string
	published   bool
	out, resume string
	jobs        int
	dry         bool
}

func newCompare() *cobra.Command {
	var f compareFlags
	all := []string{"synthetic", "portfolio", "compute"}
	if env := config.Default().Env; env.IsOwn() {
		all = []string{env.Name}
	}
	cmd := &cobra.Command{
		Use:   "compare [SWEEP.yaml]",
		Short: "Train algorithms on environments over seeds, and compare them",
		Long: `Train algorithms on environments over seeds, and compare them: returns, violations of
constraints, processor time. A comparison is a sweep (docs/sweeps.md) over algo.name and
env.name. A file may describe it in place of flags, and sweep run, sweep work, sweep status
and report take its folder.`,
		Example: "  " + program + " compare --algos paspo,lagrangian,cpo --envs " + strings.Join(all, ",") + " --seeds 20 --out sweeps/c\n" +
			"  " + program + " compare --resume sweeps/c",
		RunE: f.compare,
	}
	flags := cmd.Flags()
	flags.StringSliceVar(&f.algos, "algos", baselines.Names(), "algorithms")
	flags.StringSliceVar(&f.envs, "envs", all, "environments; "+benchmarks.PythonName+" is allowed too")
	flags.Var((*pathFlag)(&f.constraints), "constraints", "constraints `FILE` in place of the environments' own")
	flags.IntVar(&f.seeds, "seeds", 20, "every algorithm trains on the seeds from 1 to this")
	flags.Int64Var(&f.steps, "steps", config.Default().Steps, "environment steps of a training")
	flags.StringVar(&f.preset, "preset", "paper", "settings that all algorithms begin with: "+strings.Join(config.PresetNames(), ", "))
	flags.BoolVar(&f.published, "as-published", false, "train algorithms with the faults of their published code, where it has some (docs/algorithms.md)")
	flags.StringVar(&f.out, "out", "", "`FOLDER` of the comparison, new")
	flags.StringVar(&f.resume, "resume", "", "go on with the comparison in this `FOLDER`")
	flags.IntVar(&f.jobs, "jobs", runtime.GOMAXPROCS(0), "trainings at a time, each on one core")
	flags.BoolVar(&f.dry, "dry-run", false, "print what would be trained, and train nothing")
	flags.SortFlags = false
	return cmd
}

func (f *compareFlags) compare(cmd *cobra.Command, args []string) error {
	if f.jobs < 1 {
		return fmt.Errorf("--jobs is %d: an integer of at least 1 is allowed", f.jobs)
	}
	var w *sweep.Sweep
	var err error
	if f.resume != "" || len(args) > 0 {
		fixed := []string{"algos", "envs", "constraints", "seeds", "steps", "preset", "as-published"}
		if i := slices.IndexFunc(fixed, cmd.Flags().Changed); i >= 0 {
			return fmt.Errorf("--%s cannot be given with a file or a folder, which says what is compared", fixed[i])
		}
		w, err = openSweep(cmd, args, f.out, f.resume, f.jobs, f.dry)
	} else {
		w, err = f.create(cmd)
	}
	if err == nil && w != nil {
		_, err = w.Comparison(&sweep.Status{}) // is an error before anything is trained
	}
	if err != nil || w == nil {
		return err
	}
	out := cmd.OutOrStdout()
	if err := runSweep(cmd, w, min(f.jobs, sweep.Fitting(f.jobs))); err != nil {
		return err
	}
	s, err := w.Status()
	if err != nil {
		return err
	}
	fmt.Fprintln(out)
	return w.WriteComparison(out, s)
}

// create makes the sweep that the flags describe. With --dry-run it prints the plan and returns nil.
func (f *compareFlags) create(cmd *cobra.Command) (*sweep.Sweep, error) {
	for _, list := range []struct {
		flag          string
		have, allowed []string
	}{{"algos", f.algos, baselines.Names()}, {"envs", f.envs, benchmarks.AllNames()}} {
		if len(list.have) == 0 {
			return nil, fmt.Errorf("--%s is empty: names of %s are allowed", list.flag, strings.Join(list.allowed, ", "))
		}
		for _, name := range list.have {
			if !slices.Contains(list.allowed, name) && !(list.flag == "envs" && python.Is(name)) {
				return nil, fmt.Errorf("--%s has %q: %s are allowed", list.flag, name, strings.Join(list.allowed, ", "))
			}
		}
	}
	switch {
	case f.seeds < 1:
		return nil, fmt.Errorf("--seeds is %d: an integer of at least 1 is allowed", f.seeds)
	case f.out == "" && !f.dry:
		return nil, errors.New("--out is missing: name the folder of the comparison")
	}
	published := ""
	if f.published {
		// as_published is allowed for an algorithm with faults alone, so the base names an algorithm.
		published = fmt.Sprintf(", algo: {name: %s, as_published: true}", f.algos[0])
	}
	constraints := ""
	if f.constraints != "" {
		// A base is one whole configuration, whose environment the constraints have to fit.
		constraints = fmt.Sprintf(", env: {name: %q}, constraints: %q", f.envs[0], f.constraints)
	}
	text := fmt.Sprintf(`base: {preset: %s, steps: %d%s%s}
seeds: 1..%d
objective: {metric: return, statistic: mean}
search: {method: grid}
report: {settings: 0}
space:
  env.name: {choices: [%s]}
  algo.name: {choices: [%s]}
`, f.preset, f.steps, constraints, published, f.seeds, strings.Join(f.envs, ", "), strings.Join(f.algos, ", "))
	s, err := spec.Parse("comparison", []byte(text))
	if err != nil {
		return nil, err
	}
	if err := s.CheckServes(f.envs, f.algos); err != nil {
		return nil, fmt.Errorf("--algos and --envs: %w", err)
	}
	if f.dry {
		return nil, plan.Print(s, cmd.OutOrStdout(), f.jobs)
	}
	return sweep.Create(cmd.Context(), s, f.out, origin())
}
