package synthetic

import (
	_ "embed"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"

	"paspo/envs"
	"paspo/envs/internal/jsonfile"
	"paspo/envs/internal/snapshot"
	"paspo/internal/rng"
	"paspo/lp"
	"paspo/lp/constraints"
)

//go:embed data.json
var data []byte

// Config configures the synthetic benchmark. Defaults are the paper's.
type Config struct {
	Entities int    `yaml:"entities" doc:"number of entities"`
	States   int    `yaml:"states" doc:"number of states, which is the number of steps of an episode"`
	Rows     int    `yaml:"rows" doc:"random rows of the constraints, drawn from seed; 0 for the preset's"`
	Seed     uint64 `yaml:"seed" doc:"seed of the reward network; 0 for the paper's network of 7 entities"`
	Rising   bool   `yaml:"rising" doc:"decide the entities in the order of what more of each does to the return of uniform actions, the least first"`
	Penalty  bool   `yaml:"penalty" doc:"an action outside the polytope at a distance d is rewarded with -5 d - 10, for algorithms that can leave it"`

	// Polytope is the set of actions. Nil stands for the preset of that many
	// entities, for 7 the paper's, or a random one of Rows rows.
	Polytope *lp.Polytope `yaml:"-"`
}

// DefaultConfig returns the paper's settings.
func DefaultConfig() Config { return Config{Entities: 7, States: 2} }

// Validate returns an error that names the field, its value and what is allowed.
func (c Config) Validate() error {
	switch {
	case c.Entities < 1 || c.Entities > 100_000:
		return fmt.Errorf("entities is %d: 1 to 100000 are allowed", c.Entities)
	case c.States < 1 || c.States > 1000:
		return fmt.Errorf("states is %d: 1 to 1000 are allowed", c.States)
	case c.Rows < 0 || c.Rows > 1000:
		return fmt.Errorf("rows is %d: 0 (the preset's) to 1000 are allowed", c.Rows)
	case c.Rising && c.Polytope != nil:
		return errors.New("rising is true, and the constraints are given: their order of the entities stays")
	case c.Seed == 0 && c.Entities != 7:
		return fmt.Errorf("entities is %d and seed is 0: the paper's network has 7 entities, another seed generates one", c.Entities)
	}
	return nil
}

const (
	width1 = 32
	width2 = 16
	scale  = 30

	penaltySlope, penaltyOffset = 5, 10
)

// Problem is the benchmark: in each of a few states, visited
// in order, the reward is a fixed random function of the action,
//
//	30 * MLP([state, action]),  MLP = 1+n -> 32 -> 16 -> 1 with ReLU
//
// The observation is the state one-hot, with one more
// component for the end of the episode.
type Problem struct {
	cfg  Config
	net  rewardNet
	spec envs.Spec
}

// rewardNet is the network; weights are row-major, output x input.
type rewardNet struct {
	w1, b1, w2, b2, w3 []float64
	b3                 float64
}

// New returns the benchmark.
func New(c Config) (*Problem, error) {
	err := c.Validate()
	p := &Problem{cfg: c}
	if err == nil && c.Seed == 0 {
		err = p.net.load()
	} else if err == nil {
		p.net.generate(c.Entities, c.Seed)
	}
	polytope := c.Polytope
	if err == nil && polytope == nil {
		if c.Rows > 0 {
			polytope, err = constraints.GenerateRejection(c.Entities, c.Rows, c.Seed)
		} else {
			polytope, err = constraints.Preset("synthetic", c.Entities)
		}
	}
	if err == nil && polytope.Dim() != c.Entities {
		err = fmt.Errorf("entities is %d, but the constraints have %d: --set env.synthetic.entities=%[2]d takes them", c.Entities, polytope.Dim())
		if c.Seed == 0 {
			err = fmt.Errorf("%w, with --set env.synthetic.seed=1, since the paper's network has %d", err, c.Entities)
		}
	}
	if err == nil && c.Rising {
		polytope, err = p.rise(polytope)
	}
	if err != nil {
		return nil, fmt.Errorf("synthetic: %w", err)
	}
	p.spec = envs.Spec{Name: "synthetic", Polytope: polytope, ObsDim: c.States + 1,
		Reward:  "a fixed random function of the state and the action",
		Episode: fmt.Sprintf("%d states, always in the same order", c.States),
	}
	for s := range c.States {
		p.spec.ObsNames = append(p.spec.ObsNames, fmt.Sprintf("state %d", s))
	}
	p.spec.ObsNames = append(p.spec.ObsNames, "end")
	return p, nil
}

// load sets the weights of the paper's instance.
func (m *rewardNet) load() error {
	var d struct {
		W1, W2, W3 [][]float64
		B1, B2, B3 []float64
	}
	if err := jsonfile.DecodeStrict(data, &d); err != nil {
		return fmt.Errorf("data.json: %w", err)
	}
	flat := func(rows [][]float64) (out []float64) {
		for _, r := range rows {
			out = append(out, r...)
		}
		return out
	}
	*m = rewardNet{w1: flat(d.W1), b1: d.B1, w2: flat(d.W2), b2: d.B2, w3: flat(d.W3), b3: d.B3[0]}
	return nil
}

// generate draws weights like those of the paper's instance: Xavier normal in
// the hidden layers (Glorot and Bengio, 2010), U(0, 0.1) in the last, whose
// weights there are all positive, and U(+-1/sqrt(inputs)) for the biases.
func (m *rewardNet) generate(n int, seed uint64) {
	r := rand.New(rng.New(seed, "synthetic", "network"))
	xavier := func(out, in int) []float64 {
		w := make([]float64, out*in)
		for i := range w {
			w[i] = r.NormFloat64() * math.Sqrt(2/float64(out+in))
		}
		return w
	}
	bias := func(out, in int) []float64 {
		b := make([]float64, out)
		for i := range b {
			b[i] = (2*r.Float64() - 1) / math.Sqrt(float64(in))
		}
		return b
	}
	m.w1, m.b1 = xavier(width1, 1+n), bias(width1, 1+n)
	m.w2, m.b2 = xavier(width2, width1), bias(width2, width1)
	m.w3 = make([]float64, width2)
	for i := range m.w3 {
		m.w3[i] = r.Float64() / 10
	}
	m.b3 = bias(1, width2)[0]
}

// reward returns the reward of an action inside the polytope. Where grad is not
// nil it receives the gradient in the action.
func (m *rewardNet) reward(state int, action, grad []float64) float64 {
	n := 1 + len(action)
	h1 := m.sums(state, action)
	h2, y := m.output(&h1)
	if grad == nil {
		return scale * y
	}
	var g1 [width1]float64
	for i, h := range h2 {
		if h > 0 {
			for j := range g1 {
				g1[j] += m.w3[i] * m.w2[i*len(h1)+j]
			}
		}
	}
	clear(grad)
	for j, h := range h1 {
		if h > 0 {
			for k := range grad {
				grad[k] += scale * g1[j] * m.w1[j*n+1+k]
			}
		}
	}
	return scale * y
}

// sums returns what the ReLU of the first layer is taken of.
func (m *rewardNet) sums(state int, action []float64) (sums [width1]float64) {
	n := 1 + len(action)
	for i := range sums {
		w := m.w1[i*n : (i+1)*n]
		sums[i] = m.b1[i] + w[0]*float64(state) + dot(w[1:], action)
	}
	return sums
}

// output takes the ReLU of the sums of the first layer, in place, and returns the second layer and
// the network's output.
func (m *rewardNet) output(h1 *[width1]float64) (h2 [width2]float64, y float64) {
	for i, s := range h1 {
		h1[i] = max(0, s)
	}
	y = m.b3
	for i := range h2 {
		h2[i] = max(0, m.b2[i]+dot(m.w2[i*len(h1):(i+1)*len(h1)], h1[:]))
		y += m.w3[i] * h2[i]
	}
	return h2, y
}

// along returns the reward on the segment between two actions, by the share of the way.
// The sums of the first layer are affine there, so that it takes no more time with many entities.
func (m *rewardNet) along(state int, from, to []float64) func(float64) float64 {
	a, b := m.sums(state, from), m.sums(state, to)
	return func(t float64) float64 {
		var h1 [width1]float64
		for i := range h1 {
			h1[i] = a[i] + t*(b[i]-a[i])
		}
		_, y := m.output(&h1)
		return scale * y
	}
}

// Spec implements Problem.
func (p *Problem) Spec() envs.Spec { return p.spec }

// CheckObservation implements envs.ObservationChecker: one component is 1, the others are 0.
func (p *Problem) CheckObservation(obs []float64) error {
	ones := 0
	for i, x := range obs {
		if x != 0 && x != 1 {
			return fmt.Errorf("component %d of the observation is %g: 1 for the present state and else 0 is allowed", i, x)
		}
		ones += int(x)
	}
	if ones != 1 {
		return fmt.Errorf("%d components of the observation are 1: that of the present state alone is allowed", ones)
	}
	return nil
}

// New implements Problem.
func (p *Problem) New() envs.Env { return &Env{p: p} }

// Env is one copy of the synthetic benchmark.
type Env struct {
	p     *Problem
	state int
}

// Reset implements Env.
func (e *Env) Reset(_ *rand.Rand, obs []float64) {
	e.state = 0
	e.observe(obs)
}

func (e *Env) observe(obs []float64) {
	if len(obs) != e.p.cfg.States+1 {
		panic(badObs)
	}
	clear(obs)
	obs[e.state] = 1
}

// Step implements Env.
func (e *Env) Step(_ *rand.Rand, action, obs []float64) (reward float64, done bool) {
	if len(action) != e.p.cfg.Entities {
		panic(badAction)
	}
	if e.state >= e.p.cfg.States {
		panic(badEpisode)
	}
	reward = e.p.net.reward(e.state, action, nil)
	e.state++
	e.observe(obs)
	return reward, e.state == e.p.cfg.States
}

// Infeasible implements envs.Coster.
func (p *Problem) Infeasible() func(action []float64, excess, reward float64) float64 {
	if !p.cfg.Penalty {
		return nil
	}
	return func(action []float64, _, _ float64) float64 {
		return -penaltySlope*distance(p.spec.Polytope, action) - penaltyOffset
	}
}

// distance returns the Euclidean distance of a from p.
func distance(p *lp.Polytope, a []float64) float64 {
	x, err := lp.Project(p, a)
	if err != nil {
		return math.NaN()
	}
	var ss float64
	for i := range x {
		ss += (x[i] - a[i]) * (x[i] - a[i])
	}
	return math.Sqrt(ss)
}

const (
	badAction  = "synthetic: the length of the action is not the number of entities"
	badObs     = "synthetic: the length of the observation is not the problem's"
	badEpisode = "synthetic: a step after the end of the episode"
)

func (e *Env) fields() snapshot.Fields {
	return snapshot.Fields{Kind: 0x73796e74_00000001, Of: "the synthetic environment", List: []snapshot.Field{
		snapshot.Count("the state", &e.state, e.p.cfg.States),
	}}
}

// MarshalBinary implements Snapshotter.
func (e *Env) MarshalBinary() ([]byte, error) { return e.fields().Marshal(), nil }

// UnmarshalBinary implements Snapshotter.
func (e *Env) UnmarshalBinary(b []byte) error { return e.fields().Unmarshal(b) }

func dot(a, b []float64) float64 {
	var s float64
	for i, x := range a {
		s += x * b[i]
	}
	return s
}
