package walkforward

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"paspo/envs/market"
	"paspo/internal/atomicfile"
	"paspo/internal/count"
	"paspo/internal/interrupt"
	"paspo/internal/limits"
	"paspo/internal/marketmodel"
	"paspo/internal/prices"
	"paspo/internal/run/agent"
	"paspo/internal/run/config"
	"paspo/internal/run/report"
	"paspo/internal/run/runfolder"
	"paspo/lp"
	"paspo/lp/constraints"
	"paspo/rl"
)

// Files of the folder that a walk leaves, beside market.json.
const (
	PolicyDir       = "policy"    // run that was trained on the last window
	FirstDir        = "window-01" // run that was trained on the first
	SettingsFile    = "portfolio.json"
	ConstraintsFile = "constraints.yaml"
	MarketFile      = "market.json"
	PathFile        = "walkforward.csv"
	SummaryFile     = "summary.json"
	ReportFile      = "report.html" // whoever writes the page puts it there
)

// Settings say how prices are read and become periods, and periods windows.
type Settings struct {
	prices.Options
	Every  string  `json:"every"` // prices.Day, Week or Month
	Window int     `json:"window"`
	Trade  int     `json:"trade"`
	Model  string  `json:"model"`            // of marketmodel.Kinds
	Block  float64 `json:"block"`            // mean length of its blocks, 0 for that of the model
	States int     `json:"states,omitempty"` // number of its hidden states, 0 for the one with the least BIC

	Digest string `json:"prices"` // of what is walked through, so that a walk goes on with the same
}

// Walk is a walk forward through prices.
type Walk struct {
	Settings
	Prices   *prices.Table // of the assets alone, one date a period
	Polytope *lp.Polytope
	Dir      string // new, or that of a walk which is to go on
	Resume   bool

	// Load returns the configuration of a run with settings over those of the user.
	Load func(settings ...config.Setting) (*config.Config, error)

	// Ready is called when the first training begins, after which no setting is refused; may be nil.
	Ready func()

	// Observe is told of iterations; may be nil.
	Observe func(fold, folds int, m rl.Metrics)

	// Training is told when a training begins, which saves what it has where the context
	// ends, and when it has ended; may be nil.
	Training func(begins bool)

	training, begun atomic.Bool // one is under way, and has learned something
	seed            uint64      // of training
	steps           int64       // of one training
}

// Summary is what came of a walk.
type Summary struct {
	Settings
	Assets      []string                `json:"assets"`
	From        string                  `json:"from"` // first and last date of the periods that are traded
	To          string                  `json:"to"`
	Folds       int                     `json:"folds"`
	Steps       int64                   `json:"steps_a_training"` // of which there is one a window and one more
	Verdict     string                  `json:"verdict"`
	Warnings    []string                `json:"warnings,omitempty"` // of training
	Rows        []Row                   `json:"rows"`
	Limits      []Limit                 `json:"limits"`
	Unpriced    string                  `json:"shadow_prices_missing,omitempty"` // why there are none
	ModelStates int                     `json:"model_states,omitempty"`          // hidden ones of the model of the last window
	Misses      []marketmodel.Statistic `json:"model_against_data"`
	Violations  int                     `json:"violations"` // of all policies
	Residual    float64                 `json:"max_residual"`
	Seed        uint64                  `json:"seed"`
	Policy      string                  `json:"policy"` // the run that was trained for what comes next
	Report      string                  `json:"report"` // the page

	Origin runfolder.Origin `json:"-"` // of what began the walk

	Tracks []*Track `json:"-"`
	Dates  []string `json:"-"` // of what is traded

	Polytope *lp.Polytope `json:"-"`
}

// Describe says what is walked through, of what table of prices.
func (w *Walk) Describe(out io.Writer, table *prices.Table) {
	dates := w.Prices.Dates
	fmt.Fprintf(out, "%s: %d dates of %s; %d %ss of %s from %s to %s\n", table.Name, len(table.Dates), count.Of(len(table.Tickers), "ticker"),
		len(dates)-1, w.Every, count.Of(len(w.Prices.Tickers), "asset"), dates[0].Format(time.DateOnly), dates[len(dates)-1].Format(time.DateOnly))
	left := slices.DeleteFunc(slices.Clone(table.Tickers), func(name string) bool { return slices.Contains(w.Prices.Tickers, name) })
	if len(left) > 0 {
		fmt.Fprintf(out, "the limits do not have %s: left out\n", strings.Join(left, ", "))
	}
}

// Run trains and trades window after window. Where it is ended early, the folder stays with
// the runs of the windows that are done and what the one under way has saved; where none
// has begun to learn, it is removed. What prepares a training may take minutes, and is left
// behind where ctx ends. A walk that goes on trains what is left and trades all windows anew:
// what comes of it is the same to the bit.
func (w *Walk) Run(ctx context.Context) (*Summary, error) {
	folds, err := Folds(len(w.Prices.Dates)-1, w.Window, w.Trade)
	if err != nil {
		return nil, fmt.Errorf("%s, by the %s: %w", w.Prices.Name, w.Every, err)
	}
	if err := w.prepare(); err != nil {
		return nil, err
	}
	s, err := interrupt.Await(ctx, func() (*Summary, error) { return w.run(ctx, folds) }, w.training.Load, nil)
	if err != nil && !w.begun.Load() && !w.Resume {
		_ = atomicfile.RemoveAll(w.Dir)
	}
	return s, err
}

func (w *Walk) run(ctx context.Context, folds []Fold) (s *Summary, err error) {
	returns := w.Prices.Returns()
	dates := make([]string, len(returns))
	for i := range dates {
		dates[i] = w.Prices.Dates[i+1].Format(time.DateOnly)
	}
	var player *Player
	trained := &Track{Policy: Trained, MaxResidual: math.Inf(-1)}
	var h []float64
	var warnings [][]report.Warning // by training
	previous := ""
	for k, fold := range append(folds, Fold{len(returns) - w.Window, len(returns), len(returns)}) {
		name := fmt.Sprintf("window-%02d", k+1)
		last := k == len(folds)
		if last {
			name = PolicyDir
		}
		dir := filepath.Join(w.Dir, name)
		model, err := w.model(dates, returns, fold)
		if err != nil {
			return nil, err
		}
		if err := runfolder.WriteFile(filepath.Join(w.Dir, MarketFile), model); err != nil {
			return nil, err
		}
		if k == 0 {
			if err := w.check(); err != nil {
				return nil, err
			}
		}
		found, err := w.train(ctx, dir, previous, last, func(m rl.Metrics) {
			w.begun.Store(true)
			if w.Observe != nil {
				w.Observe(k, len(folds)+1, m)
			}
		}, func(p *market.Problem, decide func(*Player) Decide) error {
			if player == nil {
				player = &Player{p, returns}
				h = player.start()
			}
			player.problem = p
			return player.play(trained, h, fold.Begin, fold.End, decide(player))
		})
		if err != nil && (w.begun.Load() || w.Resume) { // or the folder does not stay
			err = fmt.Errorf("%s: %w", dir, err)
		}
		if err != nil {
			return nil, err
		}
		previous, warnings = dir, append(warnings, found)
	}
	s = &Summary{
		Settings: w.Settings, Assets: w.Prices.Tickers, From: dates[w.Window], To: dates[len(dates)-1], Folds: len(folds), Steps: w.steps, Warnings: counted(warnings),
		Seed: w.seed, Policy: previous, Report: filepath.Join(w.Dir, ReportFile), Origin: runfolder.This(), Residual: math.Inf(-1), Dates: dates[w.Window:], Polytope: w.Polytope,
	}
	parts, err := runfolder.Parts(filepath.Join(w.Dir, FirstDir))
	if err != nil {
		return nil, err
	}
	if len(parts) > 0 {
		s.Origin = parts[0].Origin
	}
	others, err := player.references(w.Window, len(returns), w.Window)
	if err != nil {
		return nil, err
	}
	s.Tracks = append([]*Track{trained}, others...)
	for _, t := range s.Tracks {
		s.Rows = append(s.Rows, row(t, others[0], prices.PerYear(w.Every), 1))
		s.Violations += t.Violations
		s.Residual = max(s.Residual, t.MaxResidual)
	}
	best := s.Tracks[slices.IndexFunc(s.Tracks, func(t *Track) bool { return t.Policy == BestConstant })]
	if s.Limits, s.Unpriced, err = player.limits(trained, best.Bought[0], w.Window, len(returns), prices.PerYear(w.Every)); err != nil {
		return nil, err
	}
	s.Verdict = verdict(s.Rows[0], w.seed)
	if m, err := marketmodel.Read(filepath.Join(w.Dir, MarketFile)); err != nil {
		return nil, err
	} else if m.Kind() != marketmodel.Replay {
		s.ModelStates = m.States()
		s.Misses = m.Misses(400, 1)
	}
	return s, w.save(s, player)
}

// digest returns that of names, dates and prices.
func (w *Walk) digest() string {
	h := sha256.New()
	fmt.Fprintln(h, w.Prices.Tickers, w.Every)
	for i, row := range w.Prices.Prices {
		fmt.Fprintln(h, w.Prices.Dates[i].Unix(), row)
	}
	return fmt.Sprintf("sha256:%x", h.Sum(nil))
}

// ReadSettings reads those of the walk in a folder.
func ReadSettings(dir string) (s Settings, err error) {
	path := filepath.Join(dir, SettingsFile)
	data, err := limits.ReadFile(path, limits.Config)
	if errors.Is(err, os.ErrNotExist) {
		err = fmt.Errorf("%s is no folder of a portfolio: it has no %s", dir, SettingsFile)
		above := filepath.Dir(filepath.Clean(dir))
		_, missing := os.Stat(filepath.Join(above, SettingsFile))
		switch {
		case missing == nil && runfolder.IsRun(dir):
			err = fmt.Errorf("%w; it is a run of the one above it, %s", err, above)
		case runfolder.IsRun(dir):
			err = fmt.Errorf("%w; it is a run alone, and train portfolio makes folders of a walk through prices", err)
		}
		return s, err
	}
	if err == nil {
		s.Options = prices.DefaultOptions() // those of folders that do not say
		err = json.Unmarshal(data, &s)
	}
	if err != nil {
		return s, fmt.Errorf("%s: %w", path, err)
	}
	s.Options.Every = s.Every
	return s, nil
}

// prepare makes the folder, or sees that the walk in it is this one.
func (w *Walk) prepare() error {
	digest := w.digest()
	if w.Resume {
		if w.Digest != digest {
			return fmt.Errorf("%s is a walk through other prices than those of %s: the same file, read in the same way, is allowed", w.Dir, w.Prices.Name)
		}
		its, err := agent.Polytope(filepath.Join(w.Dir, FirstDir))
		if err != nil {
			return err
		}
		if d := w.Polytope.Difference(its); d != "" {
			return fmt.Errorf("the limits are not those of the walk in %s: %s; another walk takes a new folder by --out, and decide takes limits for today alone, by --constraints", w.Dir, d)
		}
		return nil
	}
	w.Digest = digest
	if _, err := os.Stat(w.Dir); !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("%s is there already: a new folder is allowed, or --resume to go on with a walk", w.Dir)
	}
	if err := atomicfile.MkdirAll(w.Dir); err != nil {
		return err
	}
	// The settings come first: they say what the folder is where a kill leaves no more.
	data, err := json.MarshalIndent(w.Settings, "", "  ")
	if err != nil {
		return err
	}
	if err := runfolder.WriteFile(filepath.Join(w.Dir, SettingsFile), append(data, '\n')); err != nil {
		return err
	}
	var b bytes.Buffer
	if err := constraints.Write(&b, w.Polytope); err != nil {
		return err
	}
	return runfolder.WriteFile(filepath.Join(w.Dir, ConstraintsFile), b.Bytes())
}

// model returns the file of the model of a window, which knows no period after it.
func (w *Walk) model(dates []string, returns [][]float64, f Fold) ([]byte, error) {
	m, err := marketmodel.New(marketmodel.Description{
		Kind: w.Model, Every: w.Every, Block: w.Block, States: w.States, Assets: w.Prices.Tickers,
		Dates: dates[f.First:f.Begin], Returns: returns[f.First:f.Begin],
	})
	if err != nil {
		return nil, fmt.Errorf("the market model of %s to %s: %w", dates[f.First], dates[f.Begin-1], err)
	}
	return m.Marshal()
}

// check validates settings against the model of the first window and the limits.
func (w *Walk) check() error {
	c, err := w.Load(config.Setting{Key: "env.name", Value: market.Name}, config.Setting{Key: "env.market.model", Value: filepath.Join(w.Dir, MarketFile)})
	if err != nil {
		return err
	}
	if back := c.Env.Market.Lookback; back > w.Window {
		return fmt.Errorf("env.market.lookback is %d: at most the periods of a window, %d, are allowed", back, w.Window)
	}
	w.seed, w.steps = c.Seed, int64(c.PPO.Iterations())*int64(c.PPO.BatchSize())
	c.Env.Market.Polytope = w.Polytope
	_, err = market.New(c.Env.Market)
	return err
}

// train trains a run that begins with what another one has learned, where one is named, and
// has it trade, and returns what it learned less than it could.
func (w *Walk) train(ctx context.Context, dir, from string, last bool, observe func(rl.Metrics), trade func(*market.Problem, func(*Player) Decide) error) ([]report.Warning, error) {
	r, err := w.open(dir, from)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	if w.Ready != nil && from == "" {
		w.Ready()
	}
	if err := w.advance(ctx, r, observe); err != nil {
		return nil, err
	}
	if last {
		s, err := r.Finish(ctx)
		if err != nil {
			return nil, err
		}
		return s.Tables[0].NotLearned(), nil
	}
	a := r.Agent
	trained, err := agent.ReadCheckpoint(dir, agent.Latest)
	if err != nil {
		return nil, err
	}
	p, ok := a.Problem.(*market.Problem)
	if !ok {
		return nil, fmt.Errorf("env.name is %s: market is allowed", a.Config.Env.Name)
	}
	if err := trade(p, func(player *Player) Decide {
		return player.allocator(a.Allocator(trained, a.Rule(trained), a.Config.Seed))
	}); err != nil {
		return nil, err
	}
	tables, err := a.Compare(ctx, dir, trained, agent.CompareOptions{Simulated: true, Sampled: true})
	if err != nil {
		return nil, err
	}
	return tables[0].NotLearned(), nil
}

// counted says in how many trainings each was found, with what was found first. That a run did not learn is one finding,
// in whatever it shows.
func counted(trainings [][]report.Warning) (all []string) {
	for f := report.NoGain; f <= report.Collapsed; f++ {
		first, others, n := "", "", 0
		for k, found := range trainings {
			i := slices.IndexFunc(found, func(w report.Warning) bool { return max(w.Finding, report.NoGain) == f })
			if i < 0 {
				continue
			}
			if n++; n == 1 {
				first = fmt.Sprintf("%s, in the training of window %d", found[i].Text, k+1)
			} else {
				others += fmt.Sprintf(", %d", k+1)
			}
		}
		if n > 1 {
			first += " (" + others[2:] + " too)"
		}
		if n > 0 && f == report.NoGain {
			first += ": try more --steps"
		}
		if n > 0 {
			all = append(all, fmt.Sprintf("in %d of %s %s", n, count.Of(len(trainings), "training"), first))
		}
	}
	return all
}

func (w *Walk) advance(ctx context.Context, r *agent.Run, observe func(rl.Metrics)) error {
	tell := func(begins bool) {
		if w.training.Store(begins); w.Training != nil {
			w.Training(begins)
		}
	}
	tell(true)
	defer tell(false)
	return r.Advance(ctx, observe)
}

// open begins a run, or goes on with one.
func (w *Walk) open(dir, from string) (*agent.Run, error) {
	if runfolder.IsRun(dir) {
		return agent.Resume(dir, nil, nil)
	}
	// What was killed before it was a run has learned nothing.
	if err := atomicfile.RemoveAll(dir); err != nil {
		return nil, err
	}
	settings := []config.Setting{
		{Flag: "train portfolio", Key: "env.name", Value: market.Name},
		{Flag: "train portfolio", Key: "env.market.model", Value: filepath.Join(w.Dir, MarketFile)},
		{Flag: "train portfolio", Key: "constraints", Value: filepath.Join(w.Dir, ConstraintsFile)},
		{Flag: "train portfolio", Key: "from", Value: from},
	}
	if from == "" {
		settings = settings[:3]
	}
	c, err := w.Load(settings...)
	if err != nil {
		return nil, err
	}
	return agent.Start(c, dir)
}

// save writes the summary and what every policy has done.
func (w *Walk) save(s *Summary, player *Player) error {
	data, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	if err := runfolder.WriteFile(filepath.Join(w.Dir, SummaryFile), append(data, '\n')); err != nil {
		return err
	}
	var b bytes.Buffer
	c := csv.NewWriter(&b)
	head := []string{"date", "policy", "wealth", "turnover", "costs"}
	if err := c.Write(append(head, player.problem.Spec().Polytope.Entities()...)); err != nil {
		return err
	}
	for _, t := range s.Tracks {
		wealth := 0.
		for i, x := range t.Log {
			wealth += x
			record := []string{s.Dates[i], t.Policy}
			for _, v := range append([]float64{math.Exp(wealth), t.Turnover[i], t.Costs[i]}, t.Bought[i]...) {
				record = append(record, strconv.FormatFloat(v, 'g', -1, 64))
			}
			if err := c.Write(record); err != nil {
				return err
			}
		}
	}
	c.Flush()
	if err := c.Error(); err != nil {
		return err
	}
	return runfolder.WriteFile(filepath.Join(w.Dir, PathFile), b.Bytes())
}

// Relaxed says in which periods limits that count from what is held had to be relaxed, nothing where none
// had. Policies of which the same is to be said share a part.
func (s *Summary) Relaxed() string {
	begins := "equal shares"
	if slices.Contains(s.Polytope.Entities(), market.Cash) {
		begins = "cash"
	}
	var parts []string
	policies := map[string][]string{}
	for _, r := range s.Rows {
		if r.Relaxed == 0 {
			continue
		}
		when := fmt.Sprintf("in %s of %d", count.Of(r.Relaxed, "period"), len(s.Dates))
		switch {
		case r.RelaxedFirst && r.Relaxed == 1:
			when = "in the first period, since the walk begins in " + begins
		case r.RelaxedFirst:
			when += ", of which one is the first, since the walk begins in " + begins
		}
		part := fmt.Sprintf("%s, by at most %.3g %% of the wealth", when, 100*r.MaxRelaxation)
		if policies[part] == nil {
			parts = append(parts, part)
		}
		policies[part] = append(policies[part], r.Policy)
	}
	if parts == nil {
		return ""
	}
	for i, part := range parts {
		parts[i] = part + " (" + strings.Join(policies[part], ", ") + ")"
	}
	return "limits on what is traded were relaxed by the least that the others asked for: " + strings.Join(parts, "; ")
}

// Trainings says how many there were, the last one for what comes next, and how long.
func (s *Summary) Trainings() string {
	n := int64(s.Folds + 1)
	return fmt.Sprintf("%d trainings of %d steps, %d in all", n, s.Steps, n*s.Steps)
}

// Write writes the summary for people.
func (s *Summary) Write(w io.Writer) error {
	fmt.Fprintf(w, "out of sample, %s to %s: %d windows of %d %ss, each trained on and the next %d traded\n%s\n\n", s.From, s.To, s.Folds, s.Window, s.Every, s.Trade, s.Trainings())
	if err := writeRows(w, s.Rows); err != nil {
		return err
	}
	fmt.Fprintf(w, "%s is at no costs of trading and chosen from these very periods: a bound for what is constantly rebalanced\n\n%s\n", BestConstant, s.Verdict)
	for _, text := range s.Warnings {
		fmt.Fprintf(w, "warning: %s\n", text)
	}
	if text := s.Relaxed(); text != "" {
		fmt.Fprintf(w, "\n%s\n", text)
	}
	if err := s.writeLimits(w); err != nil {
		return err
	}
	if len(s.Misses) > 0 {
		model := s.Model
		if s.ModelStates > 0 {
			model += ", " + count.Of(s.ModelStates, "state")
		}
		fmt.Fprintf(w, "\nthe model (%s) against the data of the last window, median and nine of ten paths:\n", model)
	}
	for _, m := range s.Misses {
		note := ""
		if m.Misses() {
			note = "  the model misses this"
		}
		fmt.Fprintf(w, "  %-42s data %8.4f  model %8.4f [%.4f, %.4f]%s\n", m.Name, m.Data, m.Model, m.Low, m.High, note)
	}
	_, err := fmt.Fprintf(w, "\nlargest constraint residual: %.2g, violations (> 1e-6): %d\npolicy for what comes next: %s\n", s.Residual, s.Violations, s.Policy)
	return err
}
