package channels

import (
	"fmt"
	"math"
	"math/rand/v2"

	"paspo/envs"
	"paspo/envs/internal/snapshot"
	"paspo/lp"
)

// Name is the name of the problem.
const Name = "channels"

const (
	entities  = 20
	groups    = 4
	groupSize = entities / groups
	days      = 30

	groupCap = 0.4 // of the budget, for the channels of a group together
	leastCap = 0.06
	mostCap  = 0.2

	memory = 0.8 // of both processes; their variance is 1
)

// Problem spends a budget of 1 a day, for 30 days, on 20 channels. Channel i returns
//
//	pull_i (1 - exp(-a_i / s_i)),    s_i = 0.02 (1 + i mod 5),
//
// of an amount a_i, which may be no more than its cap. Five channels in a row are a
// group, which may take 0.4. Pulls and caps follow processes that spending does not
// move, with z and y independent, z <- 0.8 z + 0.6 N(0, 1) and likewise y:
//
//	pull_i = exp(z_i / 2),    cap_i = 0.06 + 0.14 / (1 + exp(-y_i)).
//
// Some allocation satisfies the caps of every state: every group can take at least 0.3. The
// observation is [pull (20), cap (20)].
type Problem struct {
	spec       envs.Spec
	saturation [entities]float64
}

// New returns the problem.
func New() (*Problem, error) {
	d := lp.Description{Name: Name, Total: 1, Upper: make([]float64, entities)}
	p := &Problem{}
	for i := range entities {
		d.Entities = append(d.Entities, fmt.Sprintf("channel %d", i))
		d.Upper[i] = mostCap
		p.saturation[i] = 0.02 * float64(1+i%groupSize)
	}
	for g := range groups {
		coef := make([]float64, entities)
		for i := range groupSize {
			coef[g*groupSize+i] = 1
		}
		d.Rows = append(d.Rows, lp.Row{Name: fmt.Sprintf("group %d", g), Coef: coef, Min: math.Inf(-1), Max: groupCap})
	}
	polytope, err := lp.New(d)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", Name, err)
	}
	p.spec = envs.Spec{Name: Name, ObsDim: 2 * entities, Polytope: polytope, NormalizeObs: true,
		Reward:  "what all channels return on the day, with diminishing returns of each",
		Episode: fmt.Sprintf("%d days", days),
	}
	for _, what := range []string{"pull", "cap"} {
		for i := range entities {
			p.spec.ObsNames = append(p.spec.ObsNames, fmt.Sprintf("channel %d %s", i, what))
		}
	}
	return p, nil
}

// Spec implements Problem.
func (p *Problem) Spec() envs.Spec { return p.spec }

// CheckObservation implements envs.ObservationChecker: a pull is above 0, a cap in its range.
func (p *Problem) CheckObservation(obs []float64) error {
	for i, x := range obs {
		switch name := p.spec.ObsNames[i]; {
		case i < entities && !(x > 0):
			return fmt.Errorf("%s is %g: more than 0 is allowed", name, x)
		case i >= entities && !(x >= leastCap && x <= mostCap):
			return fmt.Errorf("%s is %g: %g to %g is allowed", name, x, leastCap, mostCap)
		}
	}
	return nil
}

// New implements Problem.
func (p *Problem) New() envs.Env { return &Env{p: p} }

// ObsLimiter implements ObservedLimits.
func (p *Problem) ObsLimiter() envs.ObsLimiter {
	caps := make([]float64, entities)
	return func(obs []float64, lim *lp.Limits) {
		copy(caps, obs[entities:])
		lim.Upper = caps
	}
}

// Env is one copy of the problem.
type Env struct {
	p          *Problem
	z, y       [entities]float64
	pull, caps [entities]float64
	day        int
}

// Reset implements Env.
func (e *Env) Reset(rng *rand.Rand, obs []float64) {
	e.day = 0
	for i := range entities {
		e.z[i], e.y[i] = rng.NormFloat64(), rng.NormFloat64()
	}
	e.observe(obs)
}

// Step implements Env.
func (e *Env) Step(rng *rand.Rand, action, obs []float64) (reward float64, done bool) {
	reward = e.p.reward(e.pull[:], action)
	innovation := math.Sqrt(1 - memory*memory)
	for i := range entities {
		e.z[i] = memory*e.z[i] + innovation*rng.NormFloat64()
		e.y[i] = memory*e.y[i] + innovation*rng.NormFloat64()
	}
	e.day++
	e.observe(obs)
	return reward, e.day == days
}

func (p *Problem) reward(pull, a []float64) (sum float64) {
	for i, s := range p.saturation {
		sum -= pull[i] * math.Expm1(-a[i]/s)
	}
	return sum
}

func (e *Env) observe(obs []float64) {
	e.follow()
	copy(obs, e.pull[:])
	copy(obs[entities:], e.caps[:])
}

func (e *Env) follow() {
	for i := range entities {
		e.pull[i] = math.Exp(e.z[i] / 2)
		e.caps[i] = leastCap + (mostCap-leastCap)/(1+math.Exp(-e.y[i]))
	}
}

// Limits implements Limiter.
func (e *Env) Limits(lim *lp.Limits) { lim.Upper = e.caps[:] }

func (e *Env) fields() snapshot.Fields {
	return snapshot.Fields{Kind: 0x6368616e_00000001, Of: "the channels environment", List: []snapshot.Field{
		snapshot.Count("the day", &e.day, days), snapshot.Vector("the pulls", e.z[:]), snapshot.Vector("the caps", e.y[:]),
	}}
}

// MarshalBinary implements Snapshotter.
func (e *Env) MarshalBinary() ([]byte, error) { return e.fields().Marshal(), nil }

// UnmarshalBinary implements Snapshotter.
func (e *Env) UnmarshalBinary(b []byte) error {
	if err := e.fields().Unmarshal(b); err != nil {
		return err
	}
	e.follow()
	return nil
}

// Best writes the allocation with the largest reward of a state to a. Spending does
// not move the state, so that taking it every day is the best policy.
//
// At the best allocation all channels have one marginal return, lambda, but for those
// at 0 or at a cap, and those of a full group, which have one of their own, not below.
func (p *Problem) Best(obs, a []float64) {
	pull, caps := obs[:entities], obs[entities:2*entities]
	// at writes what channels first..to take at a marginal return and returns the sum.
	at := func(a []float64, first, to int, marginal float64) (sum float64) {
		for i := first; i < to; i++ {
			s := p.saturation[i]
			a[i] = min(max(s*math.Log(pull[i]/(s*marginal)), 0), caps[i])
			sum += a[i]
		}
		return sum
	}
	// between finds by bisection where f, which falls as the marginal return rises from low on, has
	// fallen to most: it returns marginal returns just below and above.
	const least, steps = 1e-12, 100
	between := func(low, most float64, f func(float64) float64) (float64, float64) {
		high := 1e6
		for range steps {
			if m := math.Sqrt(low * high); f(m) > most {
				low = m
			} else {
				high = m
			}
		}
		return low, high
	}
	all := func(a []float64, lambda float64) (sum float64) {
		for g := range groups {
			first, to := g*groupSize, (g+1)*groupSize
			total := at(a, first, to, lambda)
			if total > groupCap {
				_, own := between(lambda, groupCap, func(m float64) float64 { return at(a, first, to, m) })
				total = at(a, first, to, own)
			}
			sum += total
		}
		return sum
	}
	low, high := between(least, 1, func(m float64) float64 { return all(a, m) })
	// The two differ by rounding; what lies between them spends the budget.
	var more [entities]float64
	above, below := all(more[:], low), all(a, high)
	if share := (1 - below) / (above - below); above > below {
		for i := range a {
			a[i] += share * (more[i] - a[i])
		}
	}
}

// References returns what trained policies are compared with; the last one is the best
// there is.
func (p *Problem) References(seed uint64) ([]envs.Reference, error) {
	all, err := envs.UniformAndEqual(p.spec.Polytope, seed, true, "equal shares")
	return append(all, envs.Reference{Name: "optimum", Allocator: envs.EachRow(func(s *envs.States, row int, action []float64) error {
		p.Best(s.Observation(row), action)
		return nil
	})}), err
}
