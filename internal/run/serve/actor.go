package serve

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"paspo/envs"
	"paspo/internal/rng"
	"paspo/internal/run/agent"
	"paspo/lp"
	"paspo/lp/constraints"
	"paspo/policy"
	"paspo/rl"
)

// Actor answers observations with actions. The answer to a line depends neither on the other
// lines of its batch nor on how lines are divided into batches.
type Actor struct {
	actor     *rl.Actor
	polytope  *lp.Polytope
	dim       int             // components of an observation
	float32   bool            // actions are rounded, as the environment takes them
	observed  *envs.RowLimits // nil where limits are not computed from observations
	relaxer   envs.ObservedRelaxer
	following []field // limits that follow the state and have to be given
	check     func(obs []float64) error
	own       func(data []byte) ([]float64, error) // flattens an observation, nil where all are flat
	rule      policy.Rule
	source    rand.Source

	// Repair replaces an action that breaks a constraint by the closest allocation; Repaired
	// counts such actions. It is for algorithms that can break constraints.
	Repair   bool
	Repaired atomic.Int64

	tail []byte // the part of every answer between action and residual

	requests []request // one a line of the batch
	rows     []int     // requests that the policy is asked for together
	obs      []float64
	limits   []lp.Limits
	seeds    seeds
	text     [][]byte // answers, by part
	failed   []int    // number of errors, by part
}

// NewActor returns an actor for the policy of a checkpoint. Actions are sampled with the seed where
// sampled is true, else they follow the checkpoint's rule.
func NewActor(a *agent.Agent, cp *rl.Checkpoint, sampled bool, seed uint64) (*Actor, error) {
	spec := a.Problem.Spec()
	s := &Actor{
		actor: rl.NewActor(a.Backend), polytope: spec.Polytope, dim: spec.ObsDim, float32: spec.Float32,
		observed: envs.NewRowLimits(a.Problem), rule: a.Rule(cp), source: rng.New(seed, "act"),
	}
	if sampled {
		s.rule = policy.Sampled
	}
	if c, ok := a.Problem.(envs.ObservationChecker); ok {
		s.check = func(obs []float64) (err error) {
			if e := envs.Call(a.Problem, "CheckObservation", func() { err = c.CheckObservation(obs) }); e != nil {
				return e
			}
			return err
		}
	}
	if r, ok := a.Problem.(envs.ObservationReader); ok {
		s.own = func(data []byte) (obs []float64, err error) {
			if e := envs.Call(a.Problem, "ReadObservation", func() { obs, err = r.ReadObservation(data) }); e != nil {
				return nil, e
			}
			return obs, err
		}
	}
	s.relaxer, _ = a.Problem.(envs.ObservedRelaxer)
	if s.observed == nil {
		following, err := envs.Following(a.Problem)
		if err != nil {
			return nil, err
		}
		for _, name := range following {
			s.following = append(s.following, field(slices.Index(fieldNames[:], name)))
		}
	}
	names, err := marshal(spec.Polytope.Entities())
	if err != nil {
		return nil, err
	}
	s.tail = fmt.Appendf(nil, `],"entities":%s,"residual":`, names)
	return s, nil
}

// marshal is json.Marshal without escapes of <, > and &, which names may contain.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

// Answer implements Answerer.
func (a *Actor) Answer(out io.Writer, b *Batch) (failed int, err error) {
	n := b.Len()
	for len(a.requests) < n {
		a.requests = append(a.requests, request{own: a.own, dim: a.dim})
	}
	parts(n, func(_, from, to int) {
		for i := from; i < to; i++ {
			a.requests[i].err = a.read(&a.requests[i], b, i)
		}
	})
	a.rows, a.seeds = a.rows[:0], a.seeds[:0]
	for i := range n {
		if a.requests[i].err == nil {
			a.rows = append(a.rows, i)
			if a.rule == policy.Sampled {
				a.seeds = append(a.seeds, a.source.Uint64())
			}
		}
	}
	a.ask(a.rows, a.seeds)

	used := parts(n, nil)
	for len(a.text) < used {
		a.text, a.failed = append(a.text, nil), append(a.failed, 0)
	}
	parts(n, func(part, from, to int) {
		text := a.text[part][:0]
		a.failed[part] = 0
		for i := from; i < to; i++ {
			q := &a.requests[i]
			if q.err != nil {
				a.failed[part]++
				text = appendError(text, q, b.First+i)
			} else {
				text = a.appendAnswer(text, q)
			}
		}
		a.text[part] = text
	})
	for part, text := range a.text[:used] {
		failed += a.failed[part]
		if _, err := out.Write(text); err != nil {
			return failed, err
		}
	}
	return failed, nil
}

// read parses line i of b and checks it as far as the line alone allows.
func (a *Actor) read(q *request, b *Batch, i int) error {
	q.reset()
	line, err := b.Line(i)
	if err == errEmpty {
		return fmt.Errorf(`%w: an observation [..] or {"obs":[..]} is allowed`, err)
	}
	if err != nil {
		return err
	}
	if err := q.read(line); err != nil {
		return err
	}
	obs := q.lists[fieldObs]
	if len(obs) != a.dim {
		return fmt.Errorf("the observation has %d components, those of this run have %d", len(obs), a.dim)
	}
	if a.check != nil {
		if err := a.check(obs); err != nil {
			return err
		}
	}
	for _, f := range a.following {
		if !q.given[f] {
			return fmt.Errorf("no %[1]s: it follows the state, and the observation alone does not say how: give {\"obs\":[..],\"%[1]s\":[..]}", fieldNames[f])
		}
	}
	var lim lp.Limits
	q.limits(&lim)
	var wrong *lp.LimitsError
	if err := a.polytope.CheckLimits(&lim); errors.As(err, &wrong) {
		return fmt.Errorf("%s %s", fieldOfLimits[wrong.Field], wrong.Reason)
	}
	if q.given[fieldHoldings] && !a.polytope.HasHoldings() {
		return errors.New("holdings are given, and no constraint has terms that count from holdings")
	}
	return nil
}

// fieldOfLimits has the fields of lp.Limits as requests call them.
var fieldOfLimits = map[string]string{
	"B": envs.LimitB, "F": envs.LimitTotal, "Lower": envs.LimitLower, "Upper": envs.LimitUpper, "A": envs.LimitA, "Holdings": envs.LimitHoldings,
}

// ask asks the policy for the actions of rows. Where that is an error, it asks for each half by
// itself, so that a row without an answer does not affect other rows.
func (a *Actor) ask(rows []int, seeds seeds) {
	if len(rows) == 0 {
		return
	}
	err := a.try(rows, seeds)
	if err == nil {
		return
	}
	if len(rows) == 1 {
		a.requests[rows[0]].err = err
		return
	}
	half := len(rows) / 2
	first, second := seeds, seeds
	if len(seeds) > 0 {
		first, second = seeds[:half], seeds[half:]
	}
	a.ask(rows[:half], first)
	a.ask(rows[half:], second)
}

func (a *Actor) try(rows []int, seeds seeds) error {
	a.obs = a.obs[:0]
	given := false
	for _, r := range rows {
		q := &a.requests[r]
		a.obs = append(a.obs, q.lists[fieldObs]...)
		for f := fieldB; f <= fieldA; f++ {
			given = given || q.given[f]
		}
	}
	limits, err := a.observed.Of(a.obs, len(rows))
	if err != nil {
		return err
	}
	for i, r := range rows {
		q := &a.requests[r]
		q.relaxed = 0
		if limits != nil && a.relaxer != nil && !q.given[fieldB] {
			if e := envs.Call(a.relaxer, "Relaxed", func() { q.relaxed = a.relaxer.Relaxed(&limits[i]) }); e != nil {
				return e
			}
		}
	}
	if limits == nil && given {
		a.limits = slices.Grow(a.limits[:0], len(rows))[:len(rows)]
		clear(a.limits)
		limits = a.limits
	}
	if given {
		for i, r := range rows {
			a.requests[r].limits(&limits[i])
		}
	}
	out, err := a.actor.Act(a.obs, limits, a.rule, &seeds)
	var infeasible *lp.InfeasibleError
	var notFinite *policy.ObservationError
	switch {
	case errors.As(err, &infeasible):
		var lim *lp.Limits
		if limits != nil {
			lim = &limits[infeasible.Row]
		}
		return errors.New(Infeasible("no allocation satisfies the limits", infeasible, a.polytope, lim))
	case errors.As(err, &notFinite):
		return fmt.Errorf("component %d of the observation is %g, which is not finite after normalisation", notFinite.Component, notFinite.Value)
	case err != nil:
		return err
	}
	n := a.polytope.Dim()
	parts(len(rows), func(_, from, to int) {
		for i := from; i < to; i++ {
			q := &a.requests[rows[i]]
			q.action = append(q.action[:0], out.Actions[i*n:(i+1)*n]...)
			var lim *lp.Limits
			if limits != nil {
				lim = &limits[i]
			}
			// Every action of an answer is checked here, whatever residual the backend reports.
			if q.residual = a.polytope.Residual(q.action, lim); a.Repair && !(q.residual <= unrepaired) {
				if q.err = a.repair(q, lim); q.err != nil {
					continue
				}
			}
			if a.float32 {
				envs.RoundFloat32(q.action)
				q.residual = a.polytope.Residual(q.action, lim)
			}
			if !(q.residual <= envs.Violation) {
				_, worst := a.polytope.WorstConstraint(q.action, lim)
				q.err = fmt.Errorf("the action violates %s by a scaled %.3g", worst, q.residual)
			}
		}
	})
	return nil
}

// unrepaired is the largest residual of an action that needs no repair.
const unrepaired = 1e-9

func (a *Actor) repair(q *request, lim *lp.Limits) error {
	x, err := lp.ProjectWithin(a.polytope, lim, q.action)
	if err != nil {
		return err
	}
	copy(q.action, x)
	q.residual = a.polytope.Residual(x, lim)
	a.Repaired.Add(1)
	return nil
}

// seeds is a source of numbers that have been drawn before.
type seeds []uint64

func (s *seeds) Uint64() uint64 {
	x := (*s)[0]
	*s = (*s)[1:]
	return x
}

// Infeasible returns a message in one line: what, such as "no allocation has this prefix", by how
// much, and the constraints in conflict. lim holds the limits of p that apply, nil for its own.
func Infeasible(what string, e *lp.InfeasibleError, p *lp.Polytope, lim *lp.Limits) string {
	if math.IsNaN(e.Amount) {
		return strings.TrimPrefix(e.Error(), fmt.Sprintf("lp: row %d: ", e.Row))
	}
	s := fmt.Sprintf("%s: infeasible by %.3g (scaled)", what, e.Amount)
	if len(e.Conflict) > 0 {
		s += ", in conflict: " + strings.Join(constraints.Stated(p, lim, e.Conflict), "; ")
	}
	return s
}

// partRows is the number of rows that a goroutine takes at a time.
const partRows = 64

// parts calls f for the parts of n rows, several at once, and returns their number. A nil f is not
// called.
func parts(n int, f func(part, from, to int)) int {
	count := (n + partRows - 1) / partRows
	if f == nil {
		return count
	}
	workers := min(count, runtime.GOMAXPROCS(0))
	if workers <= 1 {
		for p := range count {
			f(p, p*partRows, min(n, (p+1)*partRows))
		}
		return count
	}
	var wait sync.WaitGroup
	for w := range workers {
		wait.Go(func() {
			for p := w; p < count; p += workers {
				f(p, p*partRows, min(n, (p+1)*partRows))
			}
		})
	}
	wait.Wait()
	return count
}

func (a *Actor) appendAnswer(to []byte, q *request) []byte {
	to = appendID(to, q)
	to = append(to, `"action":[`...)
	for i, x := range q.action {
		if i > 0 {
			to = append(to, ',')
		}
		to = appendNumber(to, x)
	}
	to = append(to, a.tail...)
	to = appendNumber(to, q.residual)
	if q.relaxed > 0 {
		to = appendNumber(append(to, `,"relaxed":`...), q.relaxed)
	}
	return append(to, "}\n"...)
}

func appendError(to []byte, q *request, number int) []byte {
	text, _ := marshal(fmt.Sprintf("line %d: %s", number, OneLine(q.err)))
	to = append(appendID(to, q), `"error":`...)
	return append(append(to, text...), "}\n"...)
}

func appendID(to []byte, q *request) []byte {
	to = append(to, '{')
	if q.id != nil {
		to = append(append(append(to, `"id":`...), q.id...), ',')
	}
	return to
}

// appendNumber appends x in the shortest form that parses back to it, as encoding/json does.
func appendNumber(to []byte, x float64) []byte {
	if abs := math.Abs(x); abs != 0 && (abs < 1e-6 || abs >= 1e21) {
		return strconv.AppendFloat(to, x, 'e', -1, 64)
	}
	return strconv.AppendFloat(to, x, 'f', -1, 64)
}
