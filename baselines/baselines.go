package baselines

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"

	"paspo/envs"
	"paspo/internal/rng"
	"paspo/lp"
	"paspo/policy"
	"paspo/policy/joint"
	"paspo/ppo"
	"paspo/rl"
)

// PASPO is the name of the algorithm that the others are compared with. Package ppo trains it,
// without this package.
const PASPO = "paspo"

// algorithm is an algorithm other than PASPO: its policy, its learner and properties of both.
type algorithm struct {
	name string // value of algo.name

	confined    bool // every action satisfies every constraint
	fixedLimits bool // limits that follow the state are an error
	critics     bool // there are critics of costs

	family  func(*lp.Polytope, policy.Config, Config) (policy.Family, error)
	learner func(*base) rl.Learner
	faults  []string // faults of the published code that algo.as_published may name
}

var algorithms = []algorithm{
	{ // PPO with a Dirichlet policy; constraints are ignored
		name:   "ppo",
		family: dirichlet, learner: (*base).plainPPO, faults: []string{clampedLogProb},
	},
	{ // PPO whose actions are projected onto the polytope
		name: "optlayer", confined: true,
		family: newCorrected, learner: newOptLayer, faults: []string{clampedLogProb, mirroredProjection},
	},
	{ // PPO on rewards less multipliers times costs
		name: "lagrangian", critics: true,
		family: dirichlet, learner: newLagrangian, faults: []string{clampedLogProb, rawCosts, shapedReward, multiplierPerMinibatch},
	},
	{ // Trust-region steps within a linear model of the cost
		name: "cpo", critics: true,
		family: dirichlet, learner: newCPO, faults: []string{clampedLogProb, rawCosts, flippedSign, episodeCost, oneHiddenLayer},
	},
	{ // PPO, then a projection of the policy towards the constraints
		name: "cup", critics: true,
		family: dirichlet, learner: newCUP, faults: []string{clampedLogProb, rawCosts, multiplierPerMinibatch, outerProduct, alternatingStages},
	},
	{ // PPO with a logarithmic barrier on costs
		name: "ipo", critics: true,
		family: dirichlet, learner: newIPO, faults: []string{clampedLogProb, rawCosts, invertedBarrier},
	},
	{ // PPO with an exact penalty on costs
		name: "p3o", critics: true,
		family: dirichlet, learner: newP3O, faults: []string{clampedLogProb, rawCosts, noLevel},
	},
	// PPO with a Dirichlet policy whose draws are projected
	{name: "dirichlet-projected", confined: true, family: dirichletProjected, learner: (*base).plainPPO},
	// PPO with a normal policy whose mean is projected, and whose gradient goes through the projection
	{name: "projection", confined: true, fixedLimits: true, family: projection, learner: (*base).plainPPO},
	// ARAM: draws of a Dirichlet policy are accepted or rejected, and rejected ones are penalised
	{name: "aram", confined: true, family: acceptReject, learner: (*base).plainPPO},
	// PPO with a policy over a box, whose rays are scaled to those of the polytope
	{name: "ray-mask", confined: true, fixedLimits: true, family: rayMask, learner: (*base).plainPPO},
	// PPO with a normal policy that is truncated to the polytope
	{name: "truncated-normal", confined: true, fixedLimits: true, family: truncatedNormal, learner: (*base).plainPPO},
}

func dirichlet(p *lp.Polytope, net policy.Config, c Config) (policy.Family, error) {
	d, err := joint.NewDirichlet(p, net)
	if err == nil && c.has(clampedLogProb) {
		return clamped{d}, nil
	}
	return d, err
}

// Names returns the names of all algorithms, PASPO first.
func Names() []string {
	names := []string{PASPO}
	for _, a := range algorithms {
		names = append(names, a.name)
	}
	return names
}

// followLimits returns the names of the algorithms whose actions follow limits of a state.
func followLimits() []string {
	return slices.DeleteFunc(Names(), func(name string) bool { a := find(name); return a != nil && a.fixedLimits })
}

// find returns the algorithm of a name, nil for PASPO and unknown names.
func find(name string) *algorithm {
	if i := slices.IndexFunc(algorithms, func(a algorithm) bool { return a.name == name }); i >= 0 {
		return &algorithms[i]
	}
	return nil
}

// Confined reports whether every action of the algorithm satisfies every constraint.
func (c Config) Confined() bool {
	a := find(c.Name)
	return a == nil || a.confined
}

// Serves returns an error where the algorithm has no policy over the polytope of the problem, and
// where limits of the problem follow the state and the algorithm cannot follow them.
func (c Config) Serves(p envs.Problem) error {
	a := find(c.Name)
	if a == nil {
		return nil
	}
	if _, err := a.family(p.Spec().Polytope, policy.DefaultConfig(), c); err != nil {
		return fmt.Errorf("algo.name is %s: %w", c.Name, err)
	}
	if !a.fixedLimits {
		return nil
	}
	following, err := envs.Following(p)
	if err != nil || len(following) == 0 {
		return err
	}
	return fmt.Errorf("algo.name is %s: it serves one polytope, and limits of %s follow the state (%s): %s are allowed there", c.Name, p.Spec().Name, strings.Join(following, ", "), strings.Join(followLimits(), ", "))
}

// namedBackend is a policy of NewBackend with the algorithm that it was made for.
type namedBackend struct {
	*joint.Backend
	name      string
	published Faults
}

// algorithmOf returns the algorithm of a configuration. It is an error where this package does not
// have it.
func algorithmOf(c Config) (*algorithm, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	if a := find(c.Name); a != nil {
		return a, nil
	}
	return nil, fmt.Errorf("algo.name is %s, which package ppo trains: %s are allowed", c.Name, strings.Join(Names()[1:], ", "))
}

// NewBackend makes the policy of an algorithm other than PASPO on the processor, for a polytope
// and observations of obsDim components. The parameters depend on seed alone. An error names
// the setting that is not allowed.
func NewBackend(p *lp.Polytope, obsDim int, c Config, net policy.Config, seed uint64) (policy.Backend, error) {
	a, err := algorithmOf(c)
	if err != nil {
		return nil, err
	}
	if obsDim < 1 {
		return nil, fmt.Errorf("observations of %d components: at least 1 is needed", obsDim)
	}
	family, err := a.family(p, net, c)
	if err != nil {
		return nil, fmt.Errorf("algo.name is %s: %w", c.Name, err)
	}
	if c.has(oneHiddenLayer) {
		net.Encoder, net.Critic = net.Encoder[:max(0, len(net.Encoder)-1)], net.Critic[:max(0, len(net.Critic)-1)]
	}
	costs := 0
	if a.critics {
		costs = len(Costs(p))
	}
	return &namedBackend{joint.New(family, obsDim, costs, net, seed), c.Name, c.AsPublished}, nil
}

// New returns a trainer of the policy of NewBackend at the start of training. All random numbers
// come from seed. It is an error where the policy was made for another algorithm or for other
// algo.as_published; other errors are those of rl.New.
func New(problem envs.Problem, backend policy.Backend, c Config, p ppo.Config, seed uint64) (*rl.Trainer, error) {
	if err := problem.Spec().Validate(); err != nil {
		return nil, err
	}
	if err := c.Serves(problem); err != nil {
		return nil, err
	}
	l, err := newLearner(problem.Spec().Polytope, backend, c, p, seed)
	if err != nil {
		return nil, err
	}
	return rl.New(problem, backend, l, p.Config, seed)
}

func newLearner(polytope *lp.Polytope, backend policy.Backend, c Config, p ppo.Config, seed uint64) (rl.Learner, error) {
	if p.LRSchedule == ppo.Adaptive {
		return nil, fmt.Errorf("algo.name is %s and ppo.lr_schedule is %s: only %s adapts its learning rate, constant, linear or cosine is allowed", c.Name, p.LRSchedule, PASPO)
	}
	a, err := algorithmOf(c)
	if err != nil {
		return nil, err
	}
	own, ok := backend.(*namedBackend)
	if !ok || own.name != c.Name || own.published != c.AsPublished {
		return nil, fmt.Errorf("algo.name is %s: the policy is not what NewBackend makes for this algorithm and its algo.as_published", c.Name)
	}
	inner, err := ppo.NewLearner(backend, p, seed)
	if err != nil {
		return nil, err
	}
	if a.critics && polytope.HullOnly() {
		return nil, fmt.Errorf("algo.name is %s, which learns from rows: the polytope is the hull of points without rows", c.Name)
	}
	stream := rng.New(seed, "baseline")
	costs := Costs(polytope)
	return a.learner(&base{
		Learner: inner, config: c, ppo: p, costs: costs, sizes: sizes(polytope, costs), backend: own,
		stream: stream, rand: rand.New(stream),
	}), nil
}

// Costs returns the constraints that a point of the budget's simplex can break, as indices into
// lp.Polytope.Excesses; their excesses are the costs of a step. They are the inequalities, the
// equalities other than the budget, and upper bounds below the amount that an entity has where all
// others are at their lower bounds.
func Costs(p *lp.Polytope) (costs []int) {
	_, b, _ := p.Inequalities()
	for k := range b {
		costs = append(costs, k)
	}
	at := len(b)
	_, rhs, _ := p.Equalities()
	budget, scale := p.Budget()
	for k := range rhs {
		if k != budget {
			costs = append(costs, at+k)
		}
	}
	at += len(rhs)
	if budget < 0 {
		return costs
	}
	lower, upper := p.Bounds()
	free := rhs[budget] / scale
	for _, l := range lower {
		free -= l
	}
	const slack = 1e-12
	for j, u := range upper {
		if u < (lower[j]+free)*(1-slack) {
			costs = append(costs, at+p.Dim()+j)
		}
	}
	return costs
}

// sizes returns the denominators of the residuals of constraints, in the units of the rows
// (docs/method.md, section 1).
func sizes(p *lp.Polytope, constraints []int) []float64 {
	_, b, _ := p.Inequalities()
	_, f, _ := p.Equalities()
	_, upper := p.Bounds()
	rows, equalities := p.RowSizes()
	all := make([]float64, len(constraints))
	for i, k := range constraints {
		switch m, e := len(b), len(f); {
		case k < m:
			all[i] = max(math.Abs(b[k]), rows[k])
		case k < m+e:
			all[i] = max(math.Abs(f[k-m]), equalities[k-m])
		default:
			j := k - m - e - p.Dim()
			all[i] = max(math.Abs(upper[j]), p.Sizes()[j])
		}
	}
	return all
}
