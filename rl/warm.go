package rl

import (
	"errors"
	"fmt"
	"strings"

	"paspo/rl/internal/checkpoint"
)

// WarmStart makes training start from the parameters of c, a checkpoint of another run, and from
// the statistics that the parameters were learned with: those of observations, and those of
// returns or rewards where this run standardises them. The optimiser, the environments and all
// streams start anew. The dimension of observations, the number of entities and the networks must
// be those of this run; the error names the first difference. Polytope, environment, seed and
// settings of training may differ; differences names those that change the actions or the values
// of the same parameters. Call it before the first iteration.
func (t *Trainer) WarmStart(c *Checkpoint) (differences []string, err error) {
	if t.iteration > 0 {
		return nil, errors.New("a warm start after the first iteration")
	}
	if differences, err = t.warmStart(c); err != nil {
		return nil, checkpoint.Unfit(c, err)
	}
	return differences, nil
}

func (t *Trainer) warmStart(c *Checkpoint) (differences []string, err error) {
	for _, f := range t.facts {
		if !mustBeEqual[f.Name] {
			continue
		}
		if text := checkpoint.Difference(c, f); text != "" {
			return nil, errors.New(text)
		}
	}
	own, err := t.backend.State()
	if err != nil {
		return nil, fmt.Errorf("reading the parameters: %w", err)
	}
	have, want := c.Policy.Normalizer, own.Normalizer
	switch {
	case have.Dim() != want.Dim():
		return nil, fmt.Errorf("its observations have %d components, those of this run %d", have.Dim(), want.Dim())
	case have.On != want.On:
		return nil, fmt.Errorf("it was trained on observations that %s, this run's %s (ppo.normalize_obs)", standardised(have.On), standardised(want.On))
	}
	if err := sameShapes(c.Policy.Params, own.Params); err != nil {
		return nil, err
	}

	own.Params, want.Seen = c.Policy.Params, have.Seen.Clone()
	if err := t.backend.SetState(own); err != nil {
		return nil, fmt.Errorf("setting the parameters: %w", err)
	}
	if t.cfg.ScaleValues {
		*t.returnStats = *c.Loop.Returns.Clone()
	}
	if t.cfg.ScaleRewards {
		*t.rewardStats = *c.Loop.Rewards.Clone()
	}
	for _, f := range t.facts {
		ofEnvironment := strings.HasPrefix(f.Name, "env.") && f.Name != "env.name" // the problem is named
		if !mayDiffer[f.Name] && !ofEnvironment {
			continue
		}
		if text := checkpoint.Difference(c, f); text != "" {
			differences = append(differences, text)
		}
	}
	rows := checkpoint.PolytopeDifferences(c, t.facts)
	if more := len(rows) - mostRows; more > 0 {
		rows = append(rows[:mostRows], fmt.Sprintf("%d more bounds and rows of the constraints differ", more))
	}
	differences = append(differences, rows...)
	return differences, t.commit()
}

// Facts that must be equal in a warm start, and facts whose differences it names, in addition to
// those of the polytope and the settings of the environment.
var (
	mustBeEqual = map[string]bool{
		"number of entities": true,
		"policy.encoder":     true, "policy.latent": true, "policy.heads": true, "policy.critic": true,
	}
	mayDiffer = map[string]bool{
		"problem":            true,
		"policy.fixed_width": true, "policy.min_shape": true, "policy.max_shape": true,
		"ppo.gamma": true, "ppo.scale_values": true, "ppo.scale_rewards": true,
	}
)

// mostRows is the number of bounds and rows of a polytope whose differences a warm start names.
const mostRows = 5

func standardised(on bool) string {
	if on {
		return "are standardised"
	}
	return "are not standardised"
}
