package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"paspo/envs"
	"paspo/internal/jsonkeys"
	"paspo/internal/limits"
	"paspo/internal/rng"
	"paspo/internal/run/agent"
	"paspo/lp"
	"paspo/policy"
	"paspo/rl"
)

func newAct() *cobra.Command {
	var from saved
	var stochastic, describe bool
	var seed uint64
	cmd := &cobra.Command{
		Use:   "act RUN",
		Short: "Answer observations with allocations",
		Long: `Read observations as JSON lines, [..] or {"obs":[..],"b":[..]}, and answer each
with a line {"action":[..],"entities":[..],"residual":..}. Observations are as the
environment gives them: the run's normaliser is applied, and limits that follow
the state are those of the observation where it says what they are. Beside obs, b
replaces the right-hand sides of the inequalities, in the order of constraints check,
total those of the equalities, lower and upper the bounds of the entities, and A, a
list of rows, the coefficients of the inequalities.

A line that cannot be answered gets {"error":..}, the run goes on, and the exit
status is 1.`,
		Args: exactly("a run folder"),
		RunE: func(cmd *cobra.Command, args []string) error {
			a, cp, err := from.open(args[0])
			if err != nil {
				return err
			}
			defer a.Close()
			if describe {
				d, err := a.Describe()
				if err != nil {
					return err
				}
				return d.Write(cmd.OutOrStdout())
			}
			actor, err := newActor(a, cp, stochastic, seed)
			if err != nil {
				return err
			}
			return answer(cmd.Context(), cmd.InOrStdin(), cmd.OutOrStdout(), "observations", actor.answer)
		},
	}
	f := cmd.Flags()
	from.flags(cmd)
	f.BoolVar(&stochastic, "stochastic", false, "sample actions in place of taking the mean or mode of every distribution, as the run has chosen")
	f.BoolVar(&describe, "describe", false, "print what observations, actions, constraints and limits are, as JSON, and read nothing")
	f.Uint64Var(&seed, "seed", 1, "seed of sampled actions")
	f.SortFlags = false
	return cmd
}

// answer reads lines of up to limits.Line bytes and writes one JSON line for each that
// is not empty: what f makes of it, or {"error":..}. It fails at the end where there
// were errors, and ends when ctx does, even while it waits for a line.
func answer(ctx context.Context, in io.Reader, out io.Writer, what string, f func(line []byte) (any, error)) error {
	type read struct {
		line []byte
		err  error
	}
	next, taken := make(chan read), make(chan struct{})
	go func() {
		l := limits.NewLines(in, limits.Line)
		for {
			line, _, err := l.Next()
			select {
			case next <- read{line, err}:
			case <-ctx.Done():
				return
			}
			select {
			case <-taken:
			case <-ctx.Done():
				return
			}
		}
	}()
	e := json.NewEncoder(out)
	e.SetEscapeHTML(false) // names of constraints hold <=
	lines, failed := 0, 0
	for number := 1; ; number++ {
		var r read
		select {
		case <-ctx.Done():
			return interruption(ctx)
		case r = <-next:
		}
		var tooLong *limits.LineError
		if r.err == io.EOF {
			break
		}
		if r.err != nil && !errors.As(r.err, &tooLong) {
			return fmt.Errorf("reading %s: %w", what, r.err)
		}
		if line := bytes.TrimSpace(r.line); len(line) > 0 || r.err != nil {
			lines++
			v, err := any(nil), r.err
			if err == nil {
				v, err = f(line)
			}
			if err != nil {
				failed++
				v = map[string]string{"error": fmt.Sprintf("line %d: %s", number, oneLine(err))}
			}
			if err := e.Encode(v); err != nil {
				return fmt.Errorf("writing answers: %w", err)
			}
		}
		select {
		case taken <- struct{}{}:
		case <-ctx.Done():
		}
	}
	if failed > 0 {
		return fmt.Errorf("%d of %d %s could not be answered", failed, lines, what)
	}
	return nil
}

// actor answers one observation at a time.
type actor struct {
	*rl.Actor
	polytope *lp.Polytope
	dim      int
	limits   *envs.RowLimits // nil where limits do not follow from observations
	rule     policy.Rule
	source   rand.Source

	following []string // limits that follow the state
}

func newActor(a *agent.Agent, cp *rl.Checkpoint, stochastic bool, seed uint64) (*actor, error) {
	spec := a.Problem.Spec()
	following, err := envs.Following(a.Problem)
	if err != nil {
		return nil, err
	}
	rule := a.Rule(cp)
	if stochastic {
		rule = policy.Sampled
	}
	return &actor{
		Actor: rl.NewActor(a.Backend), polytope: spec.Polytope, dim: spec.ObsDim,
		limits: envs.NewRowLimits(a.Problem),
		rule:   rule, source: rng.New(seed, "act"), following: following,
	}, nil
}

// action is one answer.
type action struct {
	Action   []float64 `json:"action"`
	Entities []string  `json:"entities"`
	Residual float64   `json:"residual"`
}

func (a *actor) answer(line []byte) (any, error) {
	obs, limits, given, err := parseObservation(line)
	if err != nil {
		return nil, err
	}
	if len(obs) != a.dim {
		return nil, fmt.Errorf("the observation has %d components, those of this run have %d", len(obs), a.dim)
	}
	own, err := a.limits.Of(obs, 1)
	if err != nil {
		return nil, err
	}
	if own == nil {
		for _, name := range a.following {
			if !slices.Contains(given, name) {
				return nil, fmt.Errorf("no %[1]s: it follows the state, and the observation alone does not say how: give {\"obs\":[..],\"%[1]s\":[..]}", name)
			}
		}
	}
	if len(given) > 0 {
		if own == nil {
			own = make([]lp.Limits, 1)
		}
		for _, name := range given {
			*envs.Fields(&own[0])[name] = *envs.Fields(&limits)[name]
		}
		if err := a.polytope.CheckLimits(&own[0]); err != nil {
			return nil, err
		}
	}
	out, err := a.Act(obs, own, a.rule, a.source)
	var infeasible *lp.InfeasibleError
	if errors.As(err, &infeasible) {
		return nil, errors.New(infeasibility("no allocation satisfies the limits", infeasible))
	}
	if err != nil {
		return nil, err
	}
	var lim *lp.Limits
	if own != nil {
		lim = &own[0]
	}
	// Whatever the backend says of it, an action that is let out is checked here.
	residual, worst := a.polytope.WorstConstraint(out.Actions, lim)
	if !(residual <= envs.Violation) {
		return nil, fmt.Errorf("the action violates %s by a scaled %.3g", worst, residual)
	}
	return action{out.Actions, a.polytope.Entities(), residual}, nil
}

// parseObservation reads [..] or {"obs":[..]}, beside which there may be limits: a list of
// numbers for each, and of rows for A.
func parseObservation(line []byte) (obs []float64, lim lp.Limits, given []string, err error) {
	if line[0] == '[' {
		obs, err = parseNumbers("the observation", line)
		return obs, lim, nil, err
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(line, &fields); err != nil || fields == nil {
		return nil, lim, nil, fmt.Errorf(`%s: an observation [..] or {"obs":[..],"b":[..]} is allowed`, jsonProblem(err, line))
	}
	if err := jsonkeys.Check(line); err != nil {
		return nil, lim, nil, err
	}
	limits := envs.Fields(&lim)
	for name, raw := range fields {
		switch to := limits[name]; {
		case name == "obs":
			obs, err = parseNumbers("obs", raw)
		case name == envs.LimitA:
			*to, err = parseRows(name, raw)
		case to != nil:
			*to, err = parseNumbers(name, raw)
		default:
			err = fmt.Errorf("unknown field %q: obs and %s are allowed", name, strings.Join(slices.Sorted(maps.Keys(limits)), ", "))
		}
		if err != nil {
			return nil, lim, nil, err
		}
		if name != "obs" {
			given = append(given, name)
		}
	}
	if obs == nil {
		return nil, lim, nil, fmt.Errorf("no obs: an observation is needed")
	}
	return obs, lim, given, nil
}

// parseRows reads rows of numbers, all of one length, as one list.
func parseRows(what string, line []byte) (all []float64, err error) {
	var rows []json.RawMessage
	if err := json.Unmarshal(line, &rows); err != nil || rows == nil {
		return nil, fmt.Errorf("%s is no JSON list of rows: %s", what, jsonProblem(err, line))
	}
	all = []float64{}
	for i, raw := range rows {
		row, err := parseNumbers(fmt.Sprintf("row %d of %s", i, what), raw)
		if err != nil {
			return nil, err
		}
		if i > 0 && i*len(row) != len(all) {
			return nil, fmt.Errorf("row %d of %s has %d numbers, row 0 has %d", i, what, len(row), len(all)/i)
		}
		all = append(all, row...)
	}
	return all, nil
}
