package export

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"paspo/baselines"
	"paspo/envs"
	"paspo/internal/limits"
	"paspo/internal/onnx"
	"paspo/internal/run/agent"
	"paspo/internal/run/runfolder"
	"paspo/lp/constraints"
	"paspo/rl"
)

// Options are options of a graph.
type Options struct {
	// Limits are limits that come with every observation, of b, total, lower, upper and holdings,
	// in addition to those that the environment sets.
	Limits []string

	Version string // of the program
}

// limitNames are the limits that a graph may take, in the order of its inputs.
var limitNames = []string{envs.LimitB, envs.LimitTotal, envs.LimitLower, envs.LimitUpper, envs.LimitHoldings}

// ONNX returns the policy of a run's checkpoint as one graph (docs/serving.md). Its inputs are an
// observation, and limits where they follow the state; its outputs are the action that is not
// sampled, its intervals and its residual. It is an error where the intervals have no closed form.
func ONNX(dir string, a *agent.Agent, cp *rl.Checkpoint, o Options) (*onnx.Model, error) {
	if name := a.Config.Algo.Name; name != baselines.PASPO {
		return nil, fmt.Errorf("algo.name is %s: policies of %s alone can be exported", name, baselines.PASPO)
	}
	follow, lower, err := followed(a.Problem)
	if err != nil {
		return nil, err
	}
	p := a.Solver.Polytope()
	_, rows, _ := p.Inequalities()
	_, equalities, _ := p.Equalities()
	for _, name := range o.Limits {
		switch {
		case !slices.Contains(limitNames, name):
			return nil, fmt.Errorf("limits has %q: %s are allowed", name, strings.Join(limitNames, ", "))
		case name == "b" && len(rows) == 0:
			return nil, errors.New("limits has b, and the constraints have no inequalities")
		case name == "total" && len(equalities) == 0:
			return nil, errors.New("limits has total, and the constraints have no equalities")
		case name == envs.LimitHoldings && !p.HasHoldings():
			return nil, errors.New("limits has holdings, and no constraint has terms that count from holdings")
		}
		follow[name] = true
	}
	finite := func(j int) bool { return lower != nil && !math.IsInf(lower[j], 0) }
	g, err := newGraph(a.Solver, a.Config.LP, a.Config.Policy, a.Backend, a.Rule(cp), follow, finite)
	if err != nil {
		return nil, err
	}
	m := &g.Model
	m.Producer, m.ProducerVersion, m.Name = "paspo", o.Version, a.Problem.Spec().Name
	m.Doc = fmt.Sprintf("Allocation policy under hard linear constraints: the %v of every distribution. An action with a residual above 1e-9 must not be used.", g.rule)
	return m, g.describe(dir, a, cp)
}

// followed returns the limits that an environment sets in a state, and the lower bounds at the
// start of an episode, nil where lower bounds are not set or not known.
func followed(p envs.Problem) (follow map[string]bool, lower []float64, err error) {
	names, err := envs.Following(p)
	if err != nil {
		return nil, nil, err
	}
	follow = map[string]bool{}
	for _, name := range names {
		if follow[name] = true; name == envs.LimitA {
			return nil, nil, errors.New("the coefficients of the constraints follow the state: linear programs answer for those, a graph cannot")
		}
	}
	if _, ok := p.(envs.Follower); ok || !follow[envs.LimitLower] {
		return follow, nil, nil
	}
	c, err := envs.NewCopy(p, 0, envs.EpisodeStream(1, 0))
	if err != nil {
		return nil, nil, err
	}
	defer c.Close()
	return follow, slices.Clone(c.Limits().Lower), nil
}

// describe adds metadata on the run, the environment and the polytope.
func (g *graph) describe(dir string, a *agent.Agent, cp *rl.Checkpoint) error {
	config, err := limits.ReadFile(filepath.Join(dir, runfolder.ConfigFile), limits.Config)
	if err != nil {
		return err
	}
	var text strings.Builder
	if err := constraints.Write(&text, g.p); err != nil {
		return err
	}
	list := func(v []string) string {
		if v == nil {
			v = []string{}
		}
		b, _ := json.Marshal(v)
		return string(b)
	}
	spec := a.Problem.Spec()
	g.Metadata = [][2]string{
		{"paspo.entities", list(g.p.Entities())},
		{"paspo.observation", list(spec.ObsNames)},
		{"paspo.limits", list(names(g.limits.follow))},
		{"paspo.rule", g.rule.String()},
		{"paspo.environment", spec.Name},
		{"paspo.step", strconv.FormatInt(cp.Step, 10)},
		{"paspo.constraints", text.String()},
		{"paspo.polytope_sha256", g.p.Hash()},
		{"paspo.config_sha256", fmt.Sprintf("%x", sha256.Sum256(config))},
	}
	return nil
}
