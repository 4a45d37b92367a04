package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

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
	var stochastic bool
	var seed uint64
	cmd := &cobra.Command{
		Use:   "act RUN",
		Short: "Answer observations with allocations",
		Long: `Read observations as JSON lines, [..] or {"obs":[..],"b":[..]}, and answer each
with a line {"action":[..],"entities":[..],"residual":..}. Observations are as the
environment gives them: the run's normaliser is applied, and limits that follow
the state are those of the observation. b replaces the limits of the inequalities,
in the order of constraints check.

A line that cannot be answered gets {"error":..}, the run goes on, and the exit
status is 1.`,
		Args: exactly("a run folder"),
		RunE: func(cmd *cobra.Command, args []string) error {
			a, cp, err := from.open(args[0])
			if err != nil {
				return err
			}
			defer a.Close()
			return answer(cmd.Context(), cmd.InOrStdin(), cmd.OutOrStdout(), "observations", newActor(a, cp, stochastic, seed).answer)
		},
	}
	f := cmd.Flags()
	from.flags(cmd)
	f.BoolVar(&stochastic, "stochastic", false, "sample actions in place of taking the mean or mode of every distribution, as the run has chosen")
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
	limits   *envs.RowLimits
	rule     policy.Rule
	streams  []*rng.Stream
}

func newActor(a *agent.Agent, cp *rl.Checkpoint, stochastic bool, seed uint64) *actor {
	spec := a.Problem.Spec()
	rule := a.Rule(cp)
	if stochastic {
		rule = policy.Sampled
	}
	return &actor{
		Actor: rl.NewActor(a.Backend), polytope: spec.Polytope, dim: spec.ObsDim,
		limits: envs.NewRowLimits(a.Problem),
		rule:   rule, streams: []*rng.Stream{rng.New(seed, "act")},
	}
}

// action is one answer.
type action struct {
	Action   []float64 `json:"action"`
	Entities []string  `json:"entities"`
	Residual float64   `json:"residual"`
}

func (a *actor) answer(line []byte) (any, error) {
	obs, b, err := parseObservation(line)
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
	if b != nil {
		if _, rows, _ := a.polytope.Inequalities(); len(b) != len(rows) {
			return nil, fmt.Errorf("b has %d components, the constraints of this run have %d inequalities", len(b), len(rows))
		}
		if own == nil {
			own = make([]lp.Limits, 1)
		}
		own[0].B = b
		if err := a.polytope.CheckLimits(&own[0]); err != nil {
			return nil, err
		}
	}
	out, err := a.Act(obs, own, a.streams, a.rule)
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

// parseObservation reads [..] or {"obs":[..],"b":[..]}.
func parseObservation(line []byte) (obs, b []float64, err error) {
	if line[0] == '[' {
		obs, err = parseNumbers("the observation", line)
		return obs, nil, err
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(line, &fields); err != nil || fields == nil {
		return nil, nil, fmt.Errorf(`%s: an observation [..] or {"obs":[..],"b":[..]} is allowed`, jsonProblem(err, line))
	}
	if err := jsonkeys.Check(line); err != nil {
		return nil, nil, err
	}
	for name, raw := range fields {
		switch name {
		case "obs":
			obs, err = parseNumbers("obs", raw)
		case "b":
			b, err = parseNumbers("b", raw)
		default:
			err = fmt.Errorf("unknown field %q: obs and b are allowed", name)
		}
		if err != nil {
			return nil, nil, err
		}
	}
	if obs == nil {
		return nil, nil, fmt.Errorf("no obs: an observation is needed")
	}
	return obs, b, nil
}
