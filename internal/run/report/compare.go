package report

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"paspo/envs"
	"paspo/envs/portfolio"
	"paspo/envs/synthetic"
	"paspo/internal/stats"
)

// Policy is a policy to compare.
type Policy struct {
	Name      string
	Allocator envs.Allocator
}

// Options choose the episodes that policies play.
type Options struct {
	Episodes int // simulated episodes
	Starts   int // starts in the real months
	Seed     uint64

	// Set names a set of episodes of the environment (see envs.EpisodeStream), which is played
	// in place of the portfolio's simulated paths and real months. It is empty for the set of
	// the tables at the end of a run.
	Set string

	Simulated bool
	Backtest  bool   // play the real months, of the portfolio alone
	Months    string // the months of the real returns, empty where unknown

	MaxSteps int // an episode is cut off after so many steps
}

// Names of the policies of a run.
const (
	Trained = "trained policy"
	Initial = "initial policy"
)

const (
	uniform      = "uniform"
	optimum      = "optimum"
	upperBound   = "upper bound"
	bestFound    = "best found by search"
	bestConstant = "best constant"
)

// Compare plays the given policies and the reference policies of the problem. Where ctx ends, it returns the
// error of ctx.
func Compare(ctx context.Context, p envs.Problem, policies []Policy, o Options) ([]*Table, error) {
	references, err := referencesOf(p, o.Seed)
	if err != nil {
		return nil, fmt.Errorf("reference policies: %w", err)
	}
	all := slices.Clone(policies)
	for _, b := range references {
		all = append(all, Policy(b))
	}
	for i, a := range all {
		all[i].Allocator = func(s *envs.States, actions []float64) error {
			if err := ctx.Err(); err != nil {
				return err
			}
			return a.Allocator(s, actions)
		}
	}

	var tables []*Table
	if q, ok := p.(*portfolio.Problem); ok && o.Set == "" {
		if o.Simulated {
			t := &Table{Title: fmt.Sprintf("portfolio, %d simulated trajectories", o.Episodes)}
			if err := t.playPaths(q, q.SimulatedPaths(o.Episodes, o.Seed), all, o); err != nil {
				return nil, err
			}
			tables = append(tables, t)
		}
		if o.Backtest {
			paths, err := q.BacktestPaths(o.Starts, o.Seed)
			if err != nil {
				return nil, err
			}
			months := "real monthly returns"
			if o.Months != "" {
				months += " " + o.Months
			}
			t := &Table{Title: fmt.Sprintf("portfolio, %s, mean over %d starts", months, o.Starts)}
			if err := t.playPaths(q, paths, all, o); err != nil {
				return nil, err
			}
			tables = append(tables, t)
		}
		return tables, nil
	}
	t := &Table{Title: fmt.Sprintf("%s, %d episodes", p.Spec().Name, o.Episodes)}
	if q, ok := p.(*portfolio.Problem); ok && q.Expectation() != nil {
		if err := t.playPaths(q, q.EpisodePaths(o.Episodes, o.Seed, o.Set), all, o); err != nil {
			return nil, err
		}
	} else if err := t.playEpisodes(p, all, o); err != nil {
		return nil, err
	}
	return append(tables, t), nil
}

// finalSet is the set of the tables at the end of a run. It is used neither to choose nor for
// curves.
const finalSet = "final"

func (o *Options) set() []string { return []string{cmp.Or(o.Set, finalSet)} }

// Levels returns the mean returns of uniform allocations and of the best known policy, over the
// episodes of a set, the best first.
func Levels(ctx context.Context, p envs.Problem, o Options) ([]Level, error) {
	tables, err := Compare(ctx, p, nil, o)
	if err != nil {
		return nil, err
	}
	t := tables[0]
	best := t.To
	if best == "" {
		policies := slices.DeleteFunc(slices.Clone(t.Rows), func(r Row) bool { return r.Policy == upperBound })
		best = slices.MaxFunc(policies, func(a, b Row) int { return cmp.Compare(stats.Mean(a.episodes), stats.Mean(b.episodes)) }).Policy
	}
	var all []Level
	for _, r := range t.Rows {
		if r.Policy == best || strings.HasPrefix(r.Policy, uniform) {
			all = append(all, Level{r.Policy, Number(stats.Mean(r.episodes))})
		}
	}
	slices.Reverse(all) // the best first
	return all, nil
}

// Level is the mean return of a policy, over the episodes of a curve.
type Level struct {
	Policy string `json:"policy"`
	Return Number `json:"return"`
}

func referencesOf(p envs.Problem, seed uint64) ([]envs.Reference, error) {
	if b, ok := p.(interface {
		References(seed uint64) ([]envs.Reference, error)
	}); ok {
		return b.References(seed)
	}
	polytope := p.Spec().Polytope
	a, err := envs.Uniform(polytope, seed)
	if err != nil {
		return nil, err
	}
	follow, err := envs.Following(p)
	if err != nil {
		return nil, err
	}
	if len(follow) > 0 {
		return []envs.Reference{{Name: envs.UniformWithin, Allocator: envs.Within(polytope, a)}}, nil
	}
	return []envs.Reference{{Name: uniform, Allocator: a}}, nil
}

func (t *Table) playPaths(p *portfolio.Problem, paths []portfolio.Path, policies []Policy, o Options) error {
	t.Episodes = len(paths)
	for _, a := range policies {
		out, err := p.PlayPaths(paths, a.Allocator)
		if err != nil {
			return fmt.Errorf("%s: %w", a.Name, err)
		}
		t.Rows = append(t.Rows, row(a.Name, out))
	}
	// Where costs, or limits that follow the state, make a month depend on the one before, the best
	// policy is not known, and no row has its name.
	best := optimum
	if _, known := t.Row(optimum); !known {
		bound, err := p.UpperBound(paths)
		if err != nil {
			return err
		}
		best = upperBound
		nan := Number(math.NaN())
		t.Rows = append(t.Rows, Row{
			Policy: best, Return: nan, StdErr: nan, MaxResidual: nan,
			Expected: Number(stats.Mean(bound)), episodes: bound,
		})
	}
	t.share(best, o.Seed)
	return nil
}

func (t *Table) playEpisodes(p envs.Problem, policies []Policy, o Options) error {
	t.Episodes = o.Episodes
	// One alone tells where episodes do not end, which all together take much longer to.
	if _, err := envs.Play(p, policies[0].Allocator, 1, o.MaxSteps, o.Seed, o.set()...); err != nil {
		return fmt.Errorf("%s: %w", policies[0].Name, err)
	}
	for _, a := range policies {
		out, err := envs.Play(p, a.Allocator, o.Episodes, o.MaxSteps, o.Seed, o.set()...)
		if err != nil {
			return fmt.Errorf("%s: %w", a.Name, err)
		}
		t.Rows = append(t.Rows, row(a.Name, out))
	}
	if q, ok := p.(interface {
		Bounds(episodes int, seed uint64, set ...string) ([]float64, error)
	}); ok {
		bounds, err := q.Bounds(o.Episodes, o.Seed, o.set()...)
		if err != nil {
			return err
		}
		if bounds != nil {
			m, se := envs.MeanAndError(bounds)
			nan := Number(math.NaN())
			t.Rows = append(t.Rows, Row{Policy: upperBound, Return: Number(m), StdErr: Number(se), Expected: nan, MaxResidual: nan, episodes: bounds})
		}
	}
	if q, ok := p.(*synthetic.Problem); ok {
		best, err := q.Optimum(o.Seed)
		if err != nil {
			return err
		}
		nan := Number(math.NaN())
		r := Row{Policy: bestFound, Return: Number(best.Return), StdErr: nan, Expected: nan, MaxResidual: Number(math.Inf(-1))}
		r.episodes = make([]float64, o.Episodes)
		for i := range r.episodes {
			r.episodes[i] = best.Return
		}
		for _, a := range best.Actions {
			residual := p.Spec().Polytope.Residual(a, nil)
			r.MaxResidual = max(r.MaxResidual, Number(residual))
			r.Actions++
			if residual > envs.Violation {
				r.Violations++
			}
		}
		t.Rows = append(t.Rows, r)
		t.share(bestFound, o.Seed)
		return nil
	}
	for _, best := range []string{optimum, bestConstant} {
		if _, known := t.Row(best); known {
			t.share(best, o.Seed)
			break
		}
	}
	return nil
}

func row(name string, out *envs.Outcome) Row {
	m, se := envs.MeanAndError(out.Returns)
	r := Row{
		Policy: name, Return: Number(m), StdErr: Number(se), Expected: Number(math.NaN()),
		MaxResidual: Number(out.MaxResidual), Violations: out.Violations, Relaxed: out.Relaxed,
	}
	r.episodes = out.Estimates()
	if out.Expected != nil {
		r.Expected = Number(stats.Mean(out.Expected))
	}
	for _, l := range out.Lengths {
		r.Actions += l
	}
	return r
}
