package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"time"

	"paspo/internal/plots"
	"paspo/internal/rng"
	"paspo/internal/stress"
	"paspo/lp"
)

type nearEmptyOptions struct {
	limit  time.Duration
	chains int
	seed   uint64

	kinds    []string
	polytope int // the only one to try where it is not negative
}

// hardKind is what was found on one kind of polytopes.
type hardKind struct {
	Kind      string
	Polytopes int
	Empty     int `json:",omitempty"` // refused by New with an EmptyError
	Untyped   int `json:",omitempty"` // refused by New with another error
	Example   string
	Solvers   map[string]*stress.Tally
}

// auditEvery is how many intervals there are to one that exact arithmetic judges
// although all agree.
const auditEvery = 200

// nearEmpty lets the solvers complete actions on polytopes of all hard kinds, and
// exact arithmetic decide where they differ. Polytope k of a kind is the same
// whatever the time.
func nearEmpty(ctx context.Context, out *output, o nearEmptyOptions) error {
	methods := builtIn()
	for _, k := range o.kinds {
		if stress.Describe(k) == "" {
			return fmt.Errorf("--kinds %q: allowed are %s", k, strings.Join(stress.Kinds, ", "))
		}
	}
	kinds := make([]*hardKind, len(o.kinds))
	var wg sync.WaitGroup
	next := make(chan int)
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for k := range next {
				kinds[k] = hardTrials(ctx, o.kinds[k], methods, o)
				out.progress("%s: %d polytopes", o.kinds[k], kinds[k].Polytopes)
			}
		})
	}
	for k := range kinds {
		next <- k
	}
	close(next)
	wg.Wait()
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := out.json("nearempty", kinds); err != nil {
		return err
	}
	return showNearEmpty(out, kinds)
}

// builtIn are the methods that this program has.
func builtIn() []string {
	var methods []string
	for _, m := range scalingMethods {
		cfg := lp.DefaultSolverConfig()
		cfg.Method = m
		if cfg.Validate() == nil {
			methods = append(methods, m)
		}
	}
	return methods
}

// showNearEmpty writes table and plot.
func showNearEmpty(out *output, kinds []*hardKind) error {
	methods := builtIn()
	var names []string
	for _, k := range kinds {
		names = append(names, k.Kind)
	}
	table := [][]string{{
		"kind", "polytopes", "empty", "refused untyped", "solver", "intervals", "typed errors", "untyped errors", "NaN or crossed", "panics",
		"wrong", "of judged", "residual > 1e-9", "failures per million", "largest residual", "no closed form", "µs an interval",
	}}
	differ := [][]string{{
		"kind", "solver", "intervals", "differ from CLP", "largest difference", "exact where CLP is not", "CLP exact", "neither", "no exact one",
	}}
	plot := plots.Chart{Title: "largest scaled difference from CLP, and largest residual", XLabel: "kind of polytopes", YLabel: "scaled", LogY: true, Names: names}
	var worst []plots.Curve
	for _, m := range methods {
		residual := plots.Curve{Name: m + ", residual of actions", Points: true}
		for i, k := range kinds {
			t := k.Solvers[m]
			table = append(table, []string{
				k.Kind, fmt.Sprint(k.Polytopes), fmt.Sprint(k.Empty), fmt.Sprint(k.Untyped), m, fmt.Sprint(t.Queries), fmt.Sprint(t.Typed), fmt.Sprint(t.Untyped),
				fmt.Sprint(t.Malform), fmt.Sprint(t.Panics), fmt.Sprint(t.Wrong), fmt.Sprint(t.Audited), fmt.Sprint(t.Residual), perMillion(t),
				fmt.Sprintf("%.1e", t.MaxResidual), fmt.Sprint(t.Refused), number(1e6 * t.Seconds / float64(max(1, t.Queries))),
			})
			if m != "clp" {
				differ = append(differ, []string{
					k.Kind, m, fmt.Sprint(t.Queries), fmt.Sprint(t.Differs), fmt.Sprintf("%.1e", t.MaxDifference),
					fmt.Sprint(t.DiffersRight), fmt.Sprint(t.DiffersWrong), fmt.Sprint(t.DiffersNone + t.DiffersBoth), fmt.Sprint(t.DiffersVoid),
				})
			}
			residual.X, residual.Y = append(residual.X, float64(i+1)), append(residual.Y, t.MaxResidual)
		}
		worst = append(worst, residual)
		if m == "clp" {
			continue
		}
		d := plots.Curve{Name: m + ", difference from CLP", Points: true, Like: residual.Name}
		for i, k := range kinds {
			d.X, d.Y = append(d.X, float64(i+1)), append(d.Y, k.Solvers[m].MaxDifference)
		}
		worst = append(worst, d)
	}
	plot.Curves = worst
	plot.Levels = []plots.Level{{Name: "limit of residuals", Y: 1e-9}}
	if err := out.plot("nearempty", plot); err != nil {
		return err
	}
	if err := out.table("differences", differ); err != nil {
		return err
	}
	return out.table("nearempty", table)
}

// perMillion counts failures that are not typed errors. Where there is none it
// gives the upper end of the 95 % interval.
func perMillion(t *stress.Tally) string {
	n := float64(max(1, t.Queries))
	if f := t.Failures(); f > 0 {
		return number(1e6 * float64(f) / n)
	}
	return "0 (< " + number(3e6/n) + ")"
}

func hardTrials(ctx context.Context, kind string, methods []string, o nearEmptyOptions) *hardKind {
	k := &hardKind{Kind: kind, Solvers: map[string]*stress.Tally{}}
	for _, m := range methods {
		k.Solvers[m] = &stress.Tally{}
	}
	stream := rng.New(o.seed, "experiments", "nearempty", kind)
	first := uint64(max(0, o.polytope))
	for start, i := time.Now(), first; time.Since(start) < o.limit && ctx.Err() == nil; i++ {
		r := rand.New(stream.Split(i))
		p, err := stress.Hard(kind, r)
		var empty *lp.EmptyError
		switch {
		case errors.As(err, &empty):
			k.Empty++
		case err != nil:
			k.Untyped++
			k.Example = fmt.Sprintf("polytope %d: %v", i, err)
		default:
			k.Polytopes++
			before := map[string]string{}
			for m, t := range k.Solvers {
				before[m] = t.Example
			}
			stress.Trial(p, methods, k.Solvers, o.chains, auditEvery, r)
			for m, t := range k.Solvers {
				if t.Example != before[m] {
					t.Example = fmt.Sprintf("polytope %d: %s", i, t.Example)
				}
			}
		}
		if o.polytope >= 0 {
			break
		}
	}
	return k
}
