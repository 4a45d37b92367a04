package cli

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"paspo/envs/market"
	"paspo/internal/marketmodel"
	"paspo/internal/page"
	"paspo/internal/prices"
	"paspo/internal/run/config"
	"paspo/internal/run/progress"
	"paspo/internal/run/runfolder"
	"paspo/internal/walkforward"
	"paspo/lp/constraints"
	"paspo/rl"
)

// priceFlags hold the flags for reading prices.
type priceFlags struct {
	repair string
	jump   float64
	price  string
}

// add adds the flags. Of decide, those of the walk are the defaults.
func (f *priceFlags) add(cmd *cobra.Command, decide bool) {
	others := ""
	if decide {
		others = " (default as the walk)"
	}

	cmd.Flags().StringVar(&f.repair, "repair", "", "`KINDS` of problems that are repaired: all, or some of order, duplicate, value, missing, gap, jump (docs/portfolio.md)"+others)
	cmd.Flags().Float64Var(&f.jump, "jump", prices.DefaultOptions().JumpShare, "move of a price, as a share, beyond which it is a problem or a split; 0 for none"+others)
	if decide {
		cmd.Flags().Lookup("jump").DefValue = "0" // which help leaves out
	}
	cmd.Flags().StringVar(&f.price, "price", "", "`COLUMN` of the prices where every line has a ticker; one that is called price, close or adj close needs no name"+others)
}

// read reads prices with the options of the flags, and with others where flags are not given.
func (f *priceFlags) read(cmd *cobra.Command, path string, o *prices.Options) (t *prices.Table, err error) {
	if cmd.Flags().Changed("jump") {
		o.JumpShare = f.jump
	}
	if !(o.JumpShare >= 0) {
		return nil, fmt.Errorf("--jump is %g: a number of at least 0 is allowed", o.JumpShare)
	}
	if cmd.Flags().Changed("price") {
		o.Column = f.price
	}
	if cmd.Flags().Changed("repair") {
		if o.Repair, err = prices.ParseRepair(f.repair); err != nil {
			return nil, fmt.Errorf("--repair: %w", err)
		}
	}
	t, err = prices.ReadTold(path, *o, cmd.ErrOrStderr())
	var wrong *prices.Error
	if errors.As(err, &wrong) && len(wrong.Problems) > 1 {
		complain(cmd.ErrOrStderr(), err)
		wrong.Others(cmd.ErrOrStderr())
		return nil, &exitError{code: 1}
	}
	return t, err
}

// pathFlag is the value of a flag that names a file or a folder. An empty one is an error: a shell
// passes it where a variable is not set.
type pathFlag string

func (p *pathFlag) Set(text string) error {
	if text == "" {
		return errors.New("the name of a file or a folder is needed")
	}
	*p = pathFlag(text)
	return nil
}

func (p *pathFlag) String() string { return string(*p) }
func (p *pathFlag) Type() string   { return "string" }

type portfolioFlags struct {
	prices         priceFlags
	walk           walkforward.Settings
	preset, out    string
	resume         string
	set            []string
	json, quiet    bool
	constraintFile string
}

func newPortfolio() *cobra.Command {
	var f portfolioFlags
	cmd := &cobra.Command{
		Use:   "portfolio PRICES",
		Short: "Train on prices and limits, walk forward, and say what to trade",
		Long: `Train on a file of prices (CSV: date and a column a ticker, or date,ticker,price; also
compressed by gzip, or in Parquet) under the limits of a constraints file. A window of periods is trained
on and the next ones are traded, window after window, so that every number of the table is
out of sample. Afterwards ` + program + ` portfolio decide prints what to trade (docs/portfolio.md).`,
		Example: fmt.Sprintf("  %[1]s portfolio prices.csv --constraints limits.yaml --out runs/p\n  %[1]s portfolio decide runs/p --holdings today.csv --prices latest.csv", program),
		Args:    exactly("a file of prices"),
		RunE:    func(cmd *cobra.Command, args []string) error { return f.run(cmd, args[0]) },
	}
	flags := cmd.Flags()
	flags.Var((*pathFlag)(&f.constraintFile), "constraints", "constraints `FILE` of the limits, over tickers and "+market.Cash+" (default none but the budget)")
	flags.StringVar(&f.walk.Every, "every", prices.Month, "period between decisions: day, week or month")
	flags.IntVar(&f.walk.Window, "window", 0, "number of periods that are trained on (default ten years)")
	flags.IntVar(&f.walk.Trade, "trade", 0, "number of periods that are then traded (default two years)")
	flags.StringVar(&f.walk.Model, "model", marketmodel.Bootstrap, "model of the market: "+strings.Join(marketmodel.Kinds(), ", "))
	flags.Float64Var(&f.walk.Block, "block", 0, "mean length of the bootstrap's blocks, in periods (default the cube root of the window)")
	flags.IntVar(&f.walk.States, "states", 0, fmt.Sprintf("hidden states of the model %s, at most %d (default the number with the least BIC)", marketmodel.HiddenMarkov, marketmodel.MostStates))
	f.prices.add(cmd, false)
	flags.String("steps", "20_000", "environment steps of training on each window")
	flags.String("seed", "", "seed of all random numbers (default 1)")
	addPreset(cmd, &f.preset)
	flags.StringArrayVar(&f.set, "set", nil, "one setting, `KEY=VALUE`, for example env.market.costs=0.002; repeatable")
	flags.Var((*pathFlag)(&f.out), "out", "`FOLDER`, new (default runs/portfolio-TIME)")
	flags.Var((*pathFlag)(&f.resume), "resume", "go on with the walk through these prices in this `FOLDER`")
	flags.BoolVar(&f.json, "json", false, "print the summary as JSON")
	flags.BoolVar(&f.quiet, "quiet", false, "print nothing but the summary, warnings and errors")
	addThreads(cmd)
	flags.SortFlags = false
	cmd.AddCommand(newDecide())
	return cmd
}

// check validates the flags before anything is read.
func (f *portfolioFlags) check() error {
	for _, c := range []struct {
		flag, value string
		allowed     []string
	}{{"--every", f.walk.Every, prices.Periods()}, {"--model", f.walk.Model, marketmodel.Kinds()}} {
		if slices.Contains(c.allowed, c.value) {
			continue
		}
		msg := fmt.Sprintf("%s is %q: one of %s is allowed", c.flag, c.value, strings.Join(c.allowed, ", "))
		if near := config.Nearest(c.value, c.allowed); near != "" {
			msg += fmt.Sprintf("; did you mean %s?", near)
		}
		return errors.New(msg)
	}
	switch {
	case !(f.walk.Block == 0 || f.walk.Block >= 1 && !math.IsInf(f.walk.Block, 0)):
		return fmt.Errorf("--block is %g: 0 or a number of at least 1 is allowed", f.walk.Block)
	case f.walk.Block > 0 && f.walk.Model != marketmodel.Bootstrap:
		return fmt.Errorf("--block is %g: it is for --model %s", f.walk.Block, marketmodel.Bootstrap)
	case f.walk.States < 0 || f.walk.States > marketmodel.MostStates:
		return fmt.Errorf("--states is %d: 0 to %d are allowed", f.walk.States, marketmodel.MostStates)
	case f.walk.States > 0 && f.walk.Model != marketmodel.HiddenMarkov:
		return fmt.Errorf("--states is %d: it is for --model %s", f.walk.States, marketmodel.HiddenMarkov)
	}
	for _, c := range [][2]string{
		{"constraints", "name the file of the limits by --constraints"},
		{"env.name", "it is market here"},
		{"env.market.model", "models are made of the prices, by --model"},
	} {
		if f.sets(c[0]) {
			return fmt.Errorf("--set %s cannot be given: %s", c[0], c[1])
		}
	}
	return nil
}

// sets says whether --set gives a key.
func (f *portfolioFlags) sets(key string) bool {
	return slices.ContainsFunc(f.set, func(s string) bool {
		name, _, _ := strings.Cut(s, "=")
		return strings.TrimSpace(name) == key
	})
}

func (f *portfolioFlags) run(cmd *cobra.Command, path string) error {
	if err := f.check(); err != nil {
		return err
	}
	errs := cmd.ErrOrStderr()
	var err error
	f.walk.Options = prices.DefaultOptions()
	if f.resume != "" {
		for _, name := range []string{"every", "window", "trade", "model", "block", "states", "steps", "seed", "preset", "set", "out"} {
			if cmd.Flags().Changed(name) {
				return fmt.Errorf("--resume goes on with the walk's own settings: --%s cannot be given with it", name)
			}
		}
		if f.walk, err = walkforward.ReadSettings(f.resume); err != nil {
			return err
		}
		// Where it was killed earlier the limits may not be there either.
		if first := filepath.Join(f.resume, walkforward.FirstDir); !runfolder.IsRun(first) {
			return fmt.Errorf("training in %s has not begun: remove it, or train anew with another --out", f.resume)
		}
		f.out = f.resume
		if f.constraintFile == "" {
			f.constraintFile = filepath.Join(f.resume, walkforward.ConstraintsFile)
		}
	}
	f.walk.Options.Every = f.walk.Every
	table, err := f.prices.read(cmd, path, &f.walk.Options)
	if err != nil {
		return err
	}
	polytope, err := walkforward.ReadLimits(f.constraintFile, table)
	if err != nil {
		return err
	}
	if f.resume == "" {
		warnOf(f.constraintFile, polytope.Warnings(), constraints.Percentages(polytope))
	}
	assets := slices.DeleteFunc(slices.Clone(polytope.Entities()), func(name string) bool { return name == market.Cash })
	chosen, err := table.Choose(assets)
	if err == nil {
		chosen, err = chosen.Resample(f.walk.Every)
	}
	if err != nil {
		return err
	}
	years := prices.PerYear(f.walk.Every)
	if f.resume == "" && !cmd.Flags().Changed("window") {
		f.walk.Window = int(10 * years)
	}
	if f.resume == "" && !cmd.Flags().Changed("trade") {
		f.walk.Trade = int(2 * years)
	}
	if f.walk.Window < 2 || f.walk.Trade < 1 {
		return fmt.Errorf("--window is %d and --trade %d: at least 2 and 1 %ss are allowed", f.walk.Window, f.walk.Trade, f.walk.Every)
	}
	if f.out == "" {
		f.out = filepath.Join("runs", "portfolio-"+time.Now().Format("20060102-150405"))
	}
	var given []config.Setting
	for _, key := range []string{"steps", "seed"} {
		if s := cmd.Flags().Lookup(key); s.Changed || key == "steps" && !f.sets(key) {
			given = append(given, config.Setting{Flag: "--" + key, Key: key, Value: s.Value.String()})
		}
	}
	w := walkforward.Walk{
		Settings: f.walk, Prices: chosen, Polytope: polytope, Dir: f.out, Resume: f.resume != "",
		Load: func(settings ...config.Setting) (*config.Config, error) {
			return config.LoadOver(f.preset, "", f.set, append(slices.Clone(given), settings...))
		},
	}
	w.Training = func(begins bool) {
		if begins {
			saving.Add(1)
		} else {
			saving.Add(-1)
		}
	}
	if w.Resume {
		// All windows are trained with the settings of the first.
		file := filepath.Join(f.out, walkforward.FirstDir, runfolder.ConfigFile)
		w.Load = func(settings ...config.Setting) (*config.Config, error) { return config.Load(file, nil, settings) }
	}
	// Settings are checked before the folder is made.
	c, err := w.Load(config.Setting{Key: "env.name", Value: market.Name}, config.Setting{Key: "env.market.model", Value: walkforward.MarketFile})
	if err != nil {
		return err
	}
	var bar *progress.Bar
	if !f.quiet {
		w.Describe(errs, table)
		stages := progress.NewStages(errs, "portfolio")
		stages.Show("preparing the first training", 0, 0)
		prepared := sync.OnceFunc(stages.Close)
		defer prepared()
		w.Ready = func() {
			prepared()
			fmt.Fprintf(errs, "run: %s\n", f.out)
		}
		one := int64(c.PPO.Iterations()) * int64(c.PPO.BatchSize())
		w.Observe = func(fold, folds int, m rl.Metrics) {
			step := int64(fold)*one + m.Step
			if bar == nil { // the number of windows is not known earlier
				bar = progress.New(errs, "portfolio", step, one*int64(folds))
			}
			bar.Update(step, m.Return)
		}
	}
	s, err := w.Run(cmd.Context())
	bar.Close()
	if err != nil {
		if ctx := cmd.Context(); interrupts(ctx, err) {
			what := "interrupted before training began; nothing is left of it"
			if _, err := os.Stat(f.out); err == nil {
				what = fmt.Sprintf("interrupted; go on with: %s portfolio %s --resume %s", program, runfolder.Quote(path), runfolder.Quote(f.out))
			}
			return &exitError{interruption(ctx).code, errors.New(what)}
		}
		return err
	}
	report := page.Page{Title: "From prices to a portfolio", Origin: s.Origin}
	report.AddWalk(filepath.Base(path), s)
	if err := report.WriteFile(s.Report); err != nil {
		return err
	}
	if f.json {
		return writeJSON(cmd.OutOrStdout(), s)
	}
	if err := s.Write(cmd.OutOrStdout()); err != nil {
		return err
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "report: %s\n", s.Report)
	return err
}
