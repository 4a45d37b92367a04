package agent

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"paspo/envs"
	"paspo/envs/portfolio"
	"paspo/internal/atomicfile"
	"paspo/internal/plots"
	"paspo/internal/run/config"
	"paspo/internal/run/report"
	"paspo/internal/run/runfolder"
	"paspo/lp/interval"
	"paspo/policy"
	"paspo/rl"
)

// Run is an agent that is being trained, with its folder.
type Run struct {
	Agent   *Agent
	Folder  *runfolder.Folder
	Trainer *rl.Trainer
	Warm    *report.WarmStart // nil without a warm start
}

// Start makes a new run in the folder dir, which must not hold files, or in a new one below runs
// where dir is empty. Where it fails it removes what it has made.
func Start(c *config.Config, dir string) (*Run, error) { return start(nil, c, dir) }

func start(m *Member, c *config.Config, dir string) (r *Run, err error) {
	if c, err = withPythonPath(c); err != nil {
		return nil, err
	}
	if c, err = withSourceFile(c); err != nil {
		return nil, err
	}
	a, err := New(c)
	if err != nil {
		return nil, err
	}
	c = a.Config
	if err := errors.Join(checkMemory(c, a.Problem.Spec()), checkTrajectories(c)); err != nil {
		a.Close()
		return nil, err
	}
	r = &Run{Agent: a}
	made := missing(cmp.Or(dir, "runs"))
	if dir == "" {
		name := fmt.Sprintf("%s-%d-%s", strings.ReplaceAll(c.Env.Name, ":", "-"), c.Seed, time.Now().Format("20060102-150405"))
		if dir, err = runfolder.Claim(filepath.Join("runs", name)); err != nil {
			a.Close()
			return nil, err
		}
		made = append([]string{dir}, made...)
	}
	if r.Folder, err = runfolder.Create(dir); err != nil {
		a.Close()
		return nil, err
	}
	defer func() {
		if err != nil {
			r.Folder.Clear()
			r.Close()
			for _, d := range made {
				atomicfile.Disk().Remove(d) // where it is empty
			}
			r = nil
		}
	}()
	saved, err := c.WithCopies(r.Folder.WriteFile)
	if err != nil {
		return r, err
	}
	if err := r.saveConfig(saved); err != nil {
		return r, err
	}
	if err := r.Folder.RecordCommand(0); err != nil {
		return r, err
	}
	return r, r.begin(m)
}

// missing returns a folder and those above it that do not exist, the innermost first.
func missing(dir string) (all []string) {
	for _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) && dir != filepath.Dir(dir); _, err = os.Stat(dir) {
		all = append(all, dir)
		dir = filepath.Dir(dir)
	}
	return all
}

// begin makes the initial policy and the trainer, and writes the files that describe them.
func (r *Run) begin(m *Member) (err error) {
	a := r.Agent
	for _, save := range []func(*runfolder.Folder) error{a.saveIntervals, a.saveEnvironment, a.saveDescription} {
		if err := save(r.Folder); err != nil {
			return err
		}
	}
	if err := a.debias(); err != nil {
		return err
	}
	if err := m.makeBackend(a); err != nil {
		return err
	}
	if a.Fit != nil {
		data, err := json.Marshal(a.Fit)
		if err != nil {
			return err
		}
		if err := r.Folder.WriteFile(runfolder.DebiasFile, append(data, '\n')); err != nil {
			return err
		}
	}
	if r.Trainer, err = a.newTrainer(); err != nil {
		return err
	}
	if a.Config.From == "" {
		return a.startAround(r.Trainer)
	}
	if r.Warm, err = a.warmStart(r.Trainer); err != nil {
		return err
	}
	// A run that ended before its first checkpoint starts again from its own copy of the source, and
	// keeps the record of the source itself.
	if w := readWarm(r.Folder.Dir()); w != nil {
		r.Warm = w
		return nil
	}
	data, err := json.Marshal(r.Warm)
	if err != nil {
		return err
	}
	return r.Folder.WriteFile(runfolder.WarmStartFile, append(data, '\n'))
}

// Resume opens a run to go on from its newest checkpoint. Records after the checkpoint are cut off.
// A run that ended before its first checkpoint starts again from its configuration.
func Resume(dir string, assignments []string, settings []config.Setting) (*Run, error) {
	return resume(nil, dir, assignments, settings)
}

func resume(m *Member, dir string, assignments []string, settings []config.Setting) (r *Run, err error) {
	c, err := ReadConfig(dir, assignments, settings)
	if err != nil {
		return nil, err
	}
	own, ownErr := ReadConfig(dir, nil, nil)
	if ownErr == nil && own.From != c.From {
		return nil, fmt.Errorf("from is %q, and the run began with %q: only a new run can begin with other parameters", c.From, own.From)
	}
	cp, err := ReadCheckpoint(dir, Latest)
	fresh := errors.Is(err, rl.ErrNoCheckpoint)
	if ownErr == nil && err == nil && cp.Best.Iteration > 0 {
		if err := sameEvaluations(c, own); err != nil {
			return nil, err
		}
	}
	if fresh {
		// The initial checkpoint is written before the metrics of the first iteration.
		if rows, e := runfolder.Metrics(dir); e == nil && len(rows) > 0 {
			return nil, fmt.Errorf("%w, though iterations of the run are recorded: train again with --config %s", err,
				runfolder.Quote(filepath.Join(dir, runfolder.ConfigFile)))
		}
		slog.Warn("the run ended before its first checkpoint: it starts again from its configuration", "run", dir)
	} else if err != nil {
		return nil, err
	}
	a, err := newAgent(c, dir)
	if err != nil {
		return nil, err
	}
	r = &Run{Agent: a}
	defer func() {
		if err != nil {
			r.Close()
			r = nil
		}
	}()
	if err := errors.Join(checkMemory(c, a.Problem.Spec()), checkTrajectories(c)); err != nil {
		return r, err
	}
	if fresh {
		if r.Folder, err = runfolder.Continue(dir, 0); err != nil {
			return r, err
		}
		if err := r.begin(m); err != nil {
			return r, err
		}
	} else {
		if err := m.makeBackend(a); err != nil {
			return r, err
		}
		if r.Trainer, err = a.newTrainer(); err != nil {
			return r, err
		}
		if err := r.Trainer.Restore(cp); err != nil {
			return r, err
		}
		// Records are cut off only after the checkpoint is restored.
		if r.Folder, err = runfolder.Continue(dir, cp.Step); err != nil {
			return r, err
		}
		if err := a.saveIntervals(r.Folder); err != nil {
			return r, err
		}
		r.Warm = readWarm(dir)
	}
	if err := r.Folder.RecordCommand(r.Trainer.Step()); err != nil {
		return r, err
	}
	if len(assignments)+len(settings) > 0 {
		saved, err := c.WithCopies(r.Folder.WriteFile)
		if err != nil {
			return r, err
		}
		if err := r.saveConfig(saved); err != nil {
			return r, err
		}
	}
	return r, nil
}

// checkTrajectories returns an error where the tables at the end would play the fixed trajectories that
// training plays.
func checkTrajectories(c *config.Config) error {
	p := c.Env.Portfolio
	if strings.HasPrefix(c.Env.Name, "portfolio") && p.Mode == portfolio.Presampled && p.TrajectorySeed == c.Report.Seed {
		return fmt.Errorf("report.seed is %d, as env.portfolio.trajectory_seed is: another is allowed, for training and the tables at the end would have the same trajectories", c.Report.Seed)
	}
	return nil
}

// sameEvaluations returns an error where the evaluations of c are not those that a run has had. Its
// best checkpoint was chosen by these, and one curve cannot show both.
func sameEvaluations(c, run *config.Config) error {
	before := run.Values("ppo")
	for i, now := range c.Values("ppo") {
		if was := before[i]; ofEvaluations[now.Key] && now.Value != was.Value {
			return fmt.Errorf("%s is %s, and the run was evaluated with %s, by which its best checkpoint was chosen: only a new run can have another",
				now.Key, now.Value, was.Value)
		}
	}
	return nil
}

// ofEvaluations names the settings that evaluations of a run must share to be compared.
var ofEvaluations = map[string]bool{"ppo.deterministic_action": true, "ppo.eval_episodes": true, "ppo.eval_seed": true}

func (r *Run) saveConfig(c *config.Config) error {
	var b bytes.Buffer
	if err := c.Write(&b); err != nil {
		return err
	}
	return r.Folder.WriteFile(runfolder.ConfigFile, b.Bytes())
}

// Train trains to the end, or until ctx ends and then draws the learning curve so far. That of a whole
// training is Finish's. observe is called after every iteration.
func (r *Run) Train(ctx context.Context, observe func(rl.Metrics)) error {
	err := r.Advance(ctx, observe)
	if err != nil && ctx.Err() != nil {
		// After an interruption an error of the curve does not matter.
		if curve, err := r.curve(nil, nil); err == nil {
			_ = r.draw(curve)
		}
	}
	return err
}

// Advance is Train that draws nothing.
func (r *Run) Advance(ctx context.Context, observe func(rl.Metrics)) error {
	return r.Trainer.Run(ctx, rl.Hooks{
		Checkpoints: r.Folder.Checkpoints(), Flush: r.Folder.Flush,
		Iteration: func(m rl.Metrics) error {
			if err := r.Folder.Record(m); err != nil {
				return err
			}
			observe(m)
			return nil
		},
	})
}

// Finish draws the learning curve, compares the trained policy with others, writes the summary and
// returns it.
func (r *Run) Finish(ctx context.Context) (*report.Summary, error) {
	a, dir := r.Agent, r.Folder.Dir()
	rows, err := runfolder.Metrics(dir)
	if err != nil {
		return nil, err
	}
	trained, err := ReadCheckpoint(dir, Latest)
	if err != nil {
		return nil, err
	}
	var initial runfolder.Row
	var levels []report.Level
	if a.Config.PPO.EvalEvery > 0 {
		if initial, err = r.initial(ctx); err != nil {
			return nil, err
		}
		if levels, err = a.Levels(ctx, rl.CurveSet, a.Config.PPO.EvalEpisodes); err != nil {
			return nil, err
		}
	}
	curve, err := r.curve(levels, initial)
	if err != nil {
		return nil, err
	}
	// Drawing takes nearly as long as the comparison.
	drawn := make(chan error, 1)
	go func() { drawn <- r.draw(curve) }()
	tables, err := a.Compare(ctx, dir, trained, CompareOptions{Simulated: true, Backtest: true, Sampled: true})
	if err = errors.Join(err, <-drawn); err != nil {
		return nil, err
	}
	s := &report.Summary{
		Run: dir, Env: a.Config.Env.Name, Constraints: a.Problem.Spec().Polytope.Name(), Seed: a.Config.Seed,
		Device: a.Backend.Device(), Intervals: a.Intervals(), Checkpoint: trained.Path, Action: a.Rule(trained).String(),
		Iterations: trained.Iteration, Steps: trained.Step,
		Training: report.Summarise(rows), Levels: levels, Tables: tables, Warm: r.Warm,
	}
	if t, ok := interval.WarmStarts(a.Solver); ok && t.Hits+t.Misses > 0 {
		s.HitRate, s.Bases = report.Number(t.HitRate()), t.Bases
	}
	s.Complete(func(found []report.Warning) string { return advice(a.Config, s, found) })
	data, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return nil, err
	}
	return s, r.Folder.WriteFile(runfolder.SummaryFile, append(data, '\n'))
}

// builtinMonths are the months of the returns that the portfolio benchmark includes.
const builtinMonths = "2020-12 .. 2021-12"

// CompareOptions chooses the episodes and the actions of Compare.
type CompareOptions struct {
	Episodes            int  // 0 for those of the configuration
	Simulated, Backtest bool // simulated episodes; real months of the portfolio

	// Deterministic actions are compared unless SampledOnly is true, sampled actions where
	// Sampled or SampledOnly is true.
	Sampled, SampledOnly bool
}

// Compare compares a trained policy with the policy the run started from and
// with those that need no training.
func (a *Agent) Compare(ctx context.Context, dir string, trained *rl.Checkpoint, o CompareOptions) ([]*report.Table, error) {
	c := a.Config
	ro := report.Options{
		Episodes: c.Report.Episodes, Starts: c.Report.Starts, Seed: c.Report.Seed,
		Simulated: o.Simulated, Backtest: o.Backtest, MaxSteps: c.PPO.EvalMaxSteps,
	}
	if c.Env.Portfolio.Parameters == "" && c.Env.Portfolio.BacktestFile == "" {
		ro.Months = builtinMonths
	}
	if o.Episodes > 0 {
		ro.Episodes, ro.Starts = o.Episodes, o.Episodes
	}
	if o.Backtest {
		if err := a.checkBacktest(); err != nil && !o.Simulated {
			return nil, err
		} else if err != nil {
			ro.Backtest = false
		}
	}
	checkpoints := []struct {
		name string
		c    *rl.Checkpoint
	}{{report.Trained, trained}}
	initial, err := ReadCheckpoint(dir, Initial)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		slog.Warn("the comparison is without the initial policy", "reason", err)
	default:
		if err := a.Fits(initial); err != nil {
			return nil, err
		}
		checkpoints = append(checkpoints, struct {
			name string
			c    *rl.Checkpoint
		}{report.Initial, initial})
	}
	var policies []report.Policy
	for _, p := range checkpoints {
		if !o.SampledOnly {
			policies = append(policies, report.Policy{Name: p.name, Allocator: a.Allocator(p.c, a.Rule(p.c), ro.Seed)})
		}
		if o.Sampled || o.SampledOnly {
			policies = append(policies, report.Policy{Name: p.name + report.SampledSuffix, Allocator: a.Allocator(p.c, policy.Sampled, ro.Seed)})
		}
	}
	return report.Compare(ctx, a.Problem, policies, ro)
}

// checkBacktest returns an error where there are no real months to play.
func (a *Agent) checkBacktest() error {
	q, ok := a.Problem.(*portfolio.Problem)
	if !ok {
		return fmt.Errorf("%s has no real monthly returns to play", a.Problem.Spec().Name)
	}
	_, err := q.BacktestPaths(1, 0)
	return err
}

// Levels returns the levels of a curve: mean returns of policies that are not trained, over the
// episodes of a set.
func (a *Agent) Levels(ctx context.Context, set string, episodes int) ([]report.Level, error) {
	c := a.Config
	return report.Levels(ctx, a.Problem, report.Options{
		Episodes: episodes, Seed: c.PPO.EvalSeed, Set: set, MaxSteps: c.PPO.EvalMaxSteps,
	})
}

// initial evaluates the initial policy on the episodes of the curve, nil where its checkpoint is
// gone. Before training no observation had been seen, so that it waits until statistics of them are there.
func (r *Run) initial(ctx context.Context) (runfolder.Row, error) {
	a := r.Agent
	c, err := ReadCheckpoint(r.Folder.Dir(), Initial)
	if err != nil {
		return nil, nil // the comparison says so
	}
	trained, err := a.Backend.State()
	if err == nil {
		err = a.Backend.SetState(c.Policy)
	}
	if err != nil {
		return nil, err
	}
	row := runfolder.Row{"step": 0}
	for suffix, rule := range map[string]policy.Rule{"": a.Rule(c), "_sampled": policy.Sampled} {
		e, err := rl.Evaluate(ctx, a.Problem, a.Backend, rl.EvalOptions{
			Episodes: a.Config.PPO.EvalEpisodes, Seed: a.Config.PPO.EvalSeed, Set: rl.CurveSet, MaxSteps: a.Config.PPO.EvalMaxSteps, Rule: rule,
		})
		if err != nil {
			return nil, err
		}
		row["eval_return"+suffix], row["eval_stderr"+suffix] = e.Mean(), e.StdErr()
	}
	return row, a.Backend.SetState(trained)
}

// curve returns the evaluations of a run, that of the initial policy first where there is one, and
// the returns of training where there are none.
func (r *Run) curve(levels []report.Level, initial runfolder.Row) (*plots.Learning, error) {
	rows, err := runfolder.Metrics(r.Folder.Dir())
	if err != nil {
		return nil, err
	}
	if initial != nil {
		rows = slices.Insert(rows, 0, initial)
	}
	c := r.Agent.Config
	l := plots.Learning{Title: fmt.Sprintf("%s, seed %d", c.Env.Name, c.Seed), YLabel: "return of an episode"}
	if e, ok := r.Agent.Problem.(envs.Expecter); ok {
		if err := envs.Call(r.Agent.Problem, "Expectation", func() {
			if e.Expectation() != nil {
				l.YLabel = "expected return of an episode"
			}
		}); err != nil {
			return nil, err
		}
	}
	metric := func(name, y, stdErr string) plots.Curve {
		curve := plots.Curve{Name: name}
		for _, row := range rows {
			mean, ok := row[y]
			if !ok {
				continue
			}
			e, ok := row[stdErr]
			if !ok {
				e = math.NaN()
			}
			curve.X, curve.Y, curve.Err = append(curve.X, row["step"]), append(curve.Y, mean), append(curve.Err, e)
		}
		return curve
	}
	l.Curves = []plots.Curve{
		metric("evaluation, sampled actions", "eval_return_sampled", "eval_stderr_sampled"),
		metric("evaluation (bands: standard errors)", "eval_return", "eval_stderr"),
	}
	if len(l.Curves[1].X) == 0 {
		l.YLabel = "return of an episode"
		l.Curves = []plots.Curve{metric("training", "return", "")}
	}
	for _, v := range levels {
		l.Levels = append(l.Levels, plots.Level{Name: v.Policy, Y: float64(v.Return)})
	}
	return &l, nil
}

func (r *Run) draw(l *plots.Learning) error {
	png, svg, err := l.Draw()
	if err != nil {
		return fmt.Errorf("drawing the learning curve: %w", err)
	}
	if err := r.Folder.WriteFile(runfolder.CurveFile+".png", png); err != nil {
		return err
	}
	return r.Folder.WriteFile(runfolder.CurveFile+".svg", svg)
}

// Close closes the agent and the files of the folder.
func (r *Run) Close() error {
	err := r.Agent.Close()
	if r.Folder != nil {
		if e := r.Folder.Close(); err == nil {
			err = e
		}
	}
	return err
}
