package rl

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"paspo/envs"
	"paspo/internal/finite"
	"paspo/internal/rng"
	"paspo/internal/stats"
	"paspo/lp"
	"paspo/policy"
)

// Trainer trains the policy of one backend on one problem. Any number of
// trainers can exist side by side; one is used by one goroutine at a time.
type Trainer struct {
	problem envs.Problem
	spec    envs.Spec
	backend policy.Backend
	learner Learner
	cfg     Config
	seed    uint64
	facts   []Fact // stated by checkpoints

	vector  *envs.Vector
	actor   *Actor
	rollout *Rollout
	actions []*rng.Stream // one an environment

	discounted  []float64 // sums of rewards of the episodes under way
	rewardStats *stats.Moments
	returnStats *stats.Moments

	iteration int
	step      int64
	best      Best
	rule      policy.Rule // that auto has chosen

	// committed is the state after the last complete iteration. It is saved, and an
	// interrupted iteration falls back to it.
	committed *Checkpoint
}

// New returns a trainer at the start of training. The streams of the environments and of the
// actions come from seed. New keeps the backend's parameters and sets whether it standardises
// observations. It is an error where the polytope or the observations of the problem are not those
// of the backend, and where environments restore other states than they saved
// (envs.CheckSnapshots).
func New(problem envs.Problem, backend policy.Backend, learner Learner, cfg Config, seed uint64) (*Trainer, error) {
	if err := cfg.Validate(""); err != nil {
		return nil, err
	}
	spec := problem.Spec()
	if err := checkFit(&spec, backend); err != nil {
		return nil, err
	}
	if err := envs.CheckSnapshots(problem); err != nil {
		return nil, err
	}
	vector, err := envs.NewVector(problem, envs.VectorConfig{
		Count: cfg.Envs, Stream: rng.New(seed, "env"), Audit: auditInterval(spec.Polytope), Group: cfg.Group,
	})
	if err != nil {
		return nil, err
	}
	t := &Trainer{
		problem: problem, spec: spec, backend: backend, learner: learner, cfg: cfg, seed: seed,
		facts:      Facts(spec, seed, learner.Facts()),
		vector:     vector,
		rollout:    newRollout(cfg.Envs, cfg.StepsPerEnv),
		discounted: make([]float64, cfg.Envs), rewardStats: stats.NewMoments(1), returnStats: stats.NewMoments(1),
	}
	t.rollout.trainer = t
	t.makeCosts()
	t.actor = NewActor(backend)
	root := rng.New(seed, "action")
	for e := range cfg.Envs {
		t.actions = append(t.actions, root.Split(uint64(e)))
	}
	if err := t.setNormalizer(); err != nil {
		return nil, err
	}
	if t.committed, err = t.capture(); err != nil {
		return nil, err
	}
	return t, nil
}

// auditInterval returns k such that the residual of one action in k is measured in addition to the
// backend's measurement. It is 1 where constraints are so few that this takes little of a step.
func auditInterval(p *lp.Polytope) int {
	const cheap, rare = 128, 16
	a, _, _ := p.Inequalities()
	if p.HullOnly() {
		return rare
	}
	return min(1+len(a)/cheap, rare)
}

// setNormalizer sets whether the backend standardises observations, and where it clips them.
func (t *Trainer) setNormalizer() error {
	on := t.spec.NormalizeObs
	if t.cfg.NormalizeObs != NormalizeAuto {
		on = t.cfg.NormalizeObs == NormalizeOn
	}
	state, err := t.backend.State()
	if err != nil {
		return fmt.Errorf("reading the parameters: %w", err)
	}
	state.Normalizer.On, state.Normalizer.Clip = on, t.cfg.ObsClip
	if err := t.backend.SetState(state); err != nil {
		return fmt.Errorf("setting the normaliser: %w", err)
	}
	return nil
}

// Close ends the goroutines that step the environments. The backend stays open.
func (t *Trainer) Close() { t.vector.Close() }

// Limited reports whether the limits of the environments follow their states.
func (t *Trainer) Limited() bool { return t.vector.Limits() != nil }

// Resumable reports whether environments can be saved in the middle of an episode. Where they
// cannot, a resumed run starts new episodes.
func (t *Trainer) Resumable() bool {
	_, ok := t.vector.Env(0).(envs.Snapshotter)
	return ok
}

// Iteration and Step return the numbers of iterations and environment steps done.
func (t *Trainer) Iteration() int { return t.iteration }
func (t *Trainer) Step() int64    { return t.step }

// Best returns the best evaluation so far.
func (t *Trainer) Best() Best { return t.best }

// Checkpoint returns the state after the last complete iteration. It must not be
// modified.
func (t *Trainer) Checkpoint() *Checkpoint { return t.committed }

// Iterate does one iteration, a rollout and an update. Where ctx ends, the trainer falls back to
// the state before and the error is that of ctx. After any other error only Checkpoint and Restore
// may be called. An error of an environment is an *envs.Fault, a NaN or Inf a *NonFiniteError; a
// NaN or Inf from an environment is a *NonFiniteError that wraps the *envs.Fault.
func (t *Trainer) Iterate(ctx context.Context) (Metrics, error) {
	m, err := t.iterate(ctx)
	if err != nil {
		return m, t.failed(ctx, t.committed.Iteration+1, err)
	}
	return m, t.commit()
}

func (t *Trainer) iterate(ctx context.Context) (Metrics, error) {
	var m Metrics
	start := time.Now()
	if err := t.collect(ctx, &m); err != nil {
		return m, err
	}
	m.RolloutSeconds = time.Since(start).Seconds()
	updateStart := time.Now()
	if err := t.computeAdvantages(&m); err != nil {
		return m, err
	}
	progress := float64(t.iteration) / float64(max(1, t.cfg.Iterations()-1))
	if err := t.learner.Learn(ctx, t.rollout, progress, &m); err != nil {
		return m, err
	}
	m.UpdateSeconds = time.Since(updateStart).Seconds()
	m.StepsPerSecond = float64(t.cfg.BatchSize()) / (m.RolloutSeconds + m.UpdateSeconds)
	t.iteration++
	m.Iteration, m.Step = t.iteration, t.step
	return m, nil
}

// commit makes the present state the one to fall back to.
func (t *Trainer) commit() error {
	c, err := t.capture()
	if err != nil {
		return err
	}
	for _, p := range c.Policy.Params {
		if i := finite.First(p.Data); i >= 0 {
			return &NonFiniteError{
				Tensor: fmt.Sprintf("element %d of parameter %s", i, p.Name), Value: float64(p.Data[i]),
				Iteration: t.iteration, Step: t.step,
			}
		}
	}
	t.committed = c
	return nil
}

// failed returns the error of an iteration that did not complete, with iteration and step. Where
// ctx has ended it falls back to the committed state.
func (t *Trainer) failed(ctx context.Context, iteration int, err error) error {
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		if e := t.Restore(t.committed); e != nil {
			return e
		}
		return err
	}
	var nf *NonFiniteError
	var theirs *policy.NonFiniteError
	var observation *policy.ObservationError
	switch {
	case errors.As(err, &theirs):
		err = &NonFiniteError{Tensor: theirs.Tensor, Value: math.NaN(), Err: err}
	case errors.Is(err, envs.ErrNonFinite), errors.As(err, &observation):
		err = &NonFiniteError{Tensor: "an environment", Value: math.NaN(), Environment: true, Err: err}
	}
	if errors.As(err, &nf) {
		nf.Iteration, nf.Step = iteration, t.step
		return nf
	}
	return fmt.Errorf("iteration %d, step %d: %w", iteration, t.step, err)
}

// due reports whether something that happens every n iterations, and at the end, happens now.
func (t *Trainer) due(n int) bool {
	return n > 0 && t.iteration%n == 0 || t.iteration == t.cfg.Iterations()
}

// Names of sets of evaluated episodes. A rule or a checkpoint does better on the episodes that it
// was chosen on than on others, so that the curve needs others. The tables at the end have a third
// set.
const (
	choiceSet = "choice"
	CurveSet  = "curve"
)

// evaluate chooses the rule of deterministic actions and the best checkpoint on one set of
// episodes, and plays the set of the curve twice: with that rule and with sampled actions.
func (t *Trainer) evaluate(ctx context.Context, m *Metrics) error {
	start := time.Now()
	play := func(set string, rule policy.Rule) (*Evaluation, error) {
		return Evaluate(ctx, t.problem, t.backend, EvalOptions{
			Episodes: t.cfg.EvalEpisodes, Seed: t.cfg.EvalSeed, Set: set, MaxSteps: t.cfg.EvalMaxSteps, Rule: rule,
		})
	}
	rules := []policy.Rule{policy.Mean, policy.Mode}
	if t.cfg.DeterministicAction != ActionAuto {
		rules = []policy.Rule{t.cfg.Rule(policy.Sampled)}
	}
	chosen, best := policy.Sampled, math.Inf(-1)
	for _, rule := range rules {
		e, err := play(choiceSet, rule)
		if err != nil {
			return err
		}
		m.Choice[rule] = e
		if r := e.Mean(); chosen == policy.Sampled || r > best {
			chosen, best = rule, r
		}
	}
	if t.cfg.DeterministicAction == ActionAuto {
		t.rule = chosen
	}
	var err error
	if m.EvalSampled, err = play(CurveSet, policy.Sampled); err != nil {
		return err
	}
	if m.Eval, err = play(CurveSet, chosen); err != nil {
		return err
	}
	if t.best.Iteration == 0 || best > t.best.Return {
		t.best = Best{Return: best, Iteration: t.iteration}
	}
	m.Rule = chosen
	m.EvalSeconds = time.Since(start).Seconds()
	return nil
}
