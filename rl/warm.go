package rl

import (
	"errors"
	"fmt"

	"paspo/rl/internal/checkpoint"
)

// WarmStart makes training start from the parameters of c, a checkpoint of another run,
// and from the statistics that give them their meaning: those of observations, and where
// this run standardises returns or rewards, those. The optimiser, the environments and
// all streams start anew. Observations, number of entities and networks must be those of
// this run; the error names what is not. Polytope, environment, seed and settings of
// training may differ: differences are those that change what the policy does or what its
// critic says. Call it before the first iteration.
func (t *Trainer) WarmStart(c *Checkpoint) (differences []string, err error) {
	if t.iteration > 0 {
		return nil, errors.New("a warm start after the first iteration")
	}
	if differences, err = t.warm(c); err != nil {
		return nil, checkpoint.Unfit(c, err)
	}
	return differences, nil
}

func (t *Trainer) warm(c *Checkpoint) (differences []string, err error) {
	for _, f := range t.facts {
		if !warmMust[f.Name] {
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
	polytope := false // one difference of it is enough
	for _, f := range t.facts {
		isRow := checkpoint.OfPolytope(f.Name)
		if !(warmMay[f.Name] || isRow && !polytope) {
			continue
		}
		if text := checkpoint.Difference(c, f); text != "" {
			differences = append(differences, text)
			polytope = polytope || isRow
		}
	}
	return differences, t.commit()
}

// Facts that must be equal for parameters to be taken, and those that may differ and are
// worth saying, beside the polytope's.
var (
	warmMust = map[string]bool{
		"number of entities": true,
		"policy.encoder":     true, "policy.latent": true, "policy.heads": true, "policy.critic": true,
	}
	warmMay = map[string]bool{
		"problem":            true,
		"policy.fixed_width": true, "policy.min_shape": true, "policy.max_shape": true,
		"ppo.scale_values": true, "ppo.scale_rewards": true,
	}
)

func standardised(on bool) string {
	if on {
		return "are standardised"
	}
	return "are not standardised"
}
