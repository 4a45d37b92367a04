package factor

import (
	"fmt"
	"math"
	"math/rand/v2"

	"paspo/envs"
	"paspo/envs/internal/snapshot"
	"paspo/lp"
)

// Name is the name of the problem.
const Name = "factor"

const (
	assets   = 12
	entities = assets + 1 // cash is the first
	months   = 24

	exposureCap = 0.6
	assetCap    = 0.25

	betaMemory, betaSpread   = 0.9, 0.25 // spread: the stationary standard deviation
	alphaMemory, alphaSpread = 0.8, 0.6  // in percent
	premium                  = 0.5       // percent for a beta of 1
)

// meanBeta returns the mean of the beta of asset i, from 0.4 to 1.5.
func meanBeta(i int) float64 { return float64(4+i) / 10 }

// Problem divides one wealth over cash and 12 assets every month, for 24 months. Asset i
// has a beta, its exposure to a risk factor, and an expected return in excess of cash, in
// percent a month,
//
//	mu_i = 0.5 beta_i + alpha_i.
//
// Beta and alpha revert to their means, b_i = 0.4 + 0.1 i and 0, as processes of Ornstein
// and Uhlenbeck do that are looked at once a month; allocations do not move them. With
// independent N(0, 1),
//
//	beta_i  <- b_i + 0.9 (beta_i - b_i) + 0.25 sqrt(1 - 0.81) N(0, 1),
//	alpha_i <- 0.8 alpha_i + 0.6 sqrt(1 - 0.64) N(0, 1).
//
// An asset takes at most 0.25 of the wealth, and the exposure is capped,
//
//	sum_i beta_i a_i <= 0.6.
//
// The betas are coefficients of a constraint, so that its matrix is another one in every
// state (lp.Limits.A); the polytope of the Spec has the means b_i. All in cash is always
// allowed. The reward is the expected excess return of the month in percent, sum_i mu_i a_i:
// drawing the return itself would add noise to it and nothing to learn. The observation is
// [mu (12), beta (12)].
type Problem struct{ spec envs.Spec }

// New returns the problem.
func New() (*Problem, error) {
	d := lp.Description{Name: Name, Entities: []string{"cash"}, Total: 1, Upper: []float64{math.Inf(1)}}
	s := envs.Spec{Name: Name, ObsDim: 2 * assets, NormalizeObs: true, ObsNames: make([]string, 2*assets),
		Reward:  "expected return of the month in excess of cash, in percent",
		Episode: fmt.Sprintf("%d months", months),
	}
	betas := make([]float64, entities)
	for i := range assets {
		name := fmt.Sprintf("asset %d", i+1)
		d.Entities, d.Upper = append(d.Entities, name), append(d.Upper, assetCap)
		betas[i+1] = meanBeta(i)
		s.ObsNames[i], s.ObsNames[assets+i] = name+" expected return", name+" beta"
	}
	d.Rows = []lp.Row{{Name: "exposure", Coef: betas, Min: math.Inf(-1), Max: exposureCap}}
	var err error
	if s.Polytope, err = lp.New(d); err != nil {
		return nil, fmt.Errorf("%s: %w", Name, err)
	}
	return &Problem{s}, nil
}

// Spec implements Problem.
func (p *Problem) Spec() envs.Spec { return p.spec }

// New implements Problem.
func (p *Problem) New() envs.Env { return &Env{} }

// ObsLimiter implements ObservedLimits.
func (p *Problem) ObsLimiter() envs.ObsLimiter {
	row := make([]float64, entities)
	return func(obs []float64, lim *lp.Limits) {
		copy(row[1:], obs[assets:])
		lim.A = row
	}
}

// Env is one copy of the problem.
type Env struct {
	alpha [assets]float64
	row   [entities]float64 // of the matrix: 0 for cash, then the betas
	month int
}

// Reset implements Env.
func (e *Env) Reset(rng *rand.Rand, obs []float64) {
	e.month = 0
	for i := range assets {
		e.row[i+1] = meanBeta(i) + betaSpread*rng.NormFloat64()
		e.alpha[i] = alphaSpread * rng.NormFloat64()
	}
	e.observe(obs)
}

// Step implements Env.
func (e *Env) Step(rng *rand.Rand, action, obs []float64) (reward float64, done bool) {
	betas := e.row[1:]
	for i, beta := range betas {
		reward += expected(beta, e.alpha[i]) * action[i+1]
		betas[i] = revert(rng, beta, meanBeta(i), betaMemory, betaSpread)
		e.alpha[i] = revert(rng, e.alpha[i], 0, alphaMemory, alphaSpread)
	}
	e.month++
	e.observe(obs)
	return reward, e.month == months
}

// expected returns the expected return of an asset in excess of cash, in percent.
func expected(beta, alpha float64) float64 { return premium*beta + alpha }

// revert returns the next value of a process with this mean and standard deviation.
func revert(rng *rand.Rand, x, mean, memory, spread float64) float64 {
	return mean + memory*(x-mean) + spread*math.Sqrt(1-memory*memory)*rng.NormFloat64()
}

func (e *Env) observe(obs []float64) {
	for i, beta := range e.row[1:] {
		obs[i], obs[assets+i] = expected(beta, e.alpha[i]), beta
	}
}

// Limits implements Limiter.
func (e *Env) Limits(lim *lp.Limits) { lim.A = e.row[:] }

func (e *Env) fields() snapshot.Fields {
	return snapshot.Fields{Kind: 0x66616374_00000001, Of: "the factor environment", List: []snapshot.Field{
		snapshot.Count("the month", &e.month, months), snapshot.Vector("the betas", e.row[1:]), snapshot.Vector("the alphas", e.alpha[:]),
	}}
}

// MarshalBinary implements Snapshotter.
func (e *Env) MarshalBinary() ([]byte, error) { return e.fields().Marshal(), nil }

// UnmarshalBinary implements Snapshotter.
func (e *Env) UnmarshalBinary(b []byte) error { return e.fields().Unmarshal(b) }

// Best is the allocator that earns most in every month, one linear program each. It is the
// best policy, since allocations do not move the state.
func (p *Problem) Best() envs.Allocator {
	cost := make([]float64, entities)
	return envs.EachRow(func(s *envs.States, row int, action []float64) error {
		for i, mu := range s.Observation(row)[:assets] {
			cost[i+1] = -mu
		}
		a, _, err := p.spec.Polytope.Minimize(cost, s.Limit(row))
		copy(action, a)
		return err
	})
}

// References returns what trained policies are compared with; the last one is the best
// there is.
func (p *Problem) References(seed uint64) ([]envs.Reference, error) {
	all, err := envs.UniformAndEqual(p.spec.Polytope, seed, true, "equal weights")
	return append(all, envs.Reference{Name: "optimum", Allocator: p.Best()}), err
}
