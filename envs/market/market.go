package market

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"

	"paspo/envs"
	"paspo/internal/marketmodel"
	"paspo/internal/rng"
	"paspo/lp"
	"paspo/lp/relax"
)

const (
	// Name is what a configuration calls this environment.
	Name = "market"

	// Cash is the entity that is no asset. It earns the rate of cash and costs nothing to trade.
	Cash = "CASH"

	// Ruin is the least share of the wealth that remains after a period, see Problem.
	Ruin = 1e-3
)

// Features of an asset in an observation, over the last periods.
const (
	Return     = "return"     // logarithmic return of the last period
	Momentum   = "momentum"   // mean logarithmic return over the lookback
	Volatility = "volatility" // deviation of the logarithmic returns over the lookback
)

// MostDecisions is the largest number of decisions of an episode.
const MostDecisions = 100_000

// Config configures the environment.
type Config struct {
	Model string `yaml:"model" file:"true" doc:"file of the market model (market.json, docs/portfolio.md), which train portfolio writes"`

	Decisions int      `yaml:"decisions" doc:"decisions of an episode, one a period"`
	Lookback  int      `yaml:"lookback" doc:"periods that momentum and volatility look back"`
	Features  []string `yaml:"features" doc:"what an observation says of every asset beside what is held: some of return, momentum, volatility"`
	Costs     Costs    `yaml:"costs" doc:"costs of buying and of selling, as a share of the amount: a number, or by asset as {default: 0.001, AAPL: 0.002}"`
	CashRate  float64  `yaml:"cash_rate" doc:"what cash earns in a period, as a share"`
	Borrow    Costs    `yaml:"borrow" doc:"what being short costs in a period, as a share of the amount: a number, or by asset as {default: 0.001, AAPL: 0.002}; of CASH beside its rate"`

	Reward       string  `yaml:"reward" doc:"what a period is rewarded with: growth, mean-variance, cvar, drawdown or sharpe (docs/portfolio.md)"`
	RewardWeight float64 `yaml:"reward_weight" doc:"weight of the risk in the rewards mean-variance, cvar and drawdown"`
	SharpeRate   float64 `yaml:"sharpe_rate" doc:"rate of the moving averages of the reward sharpe"`

	// Polytope is the set of allocations. Nil stands for all of cash and the assets of the
	// model.
	Polytope *lp.Polytope `yaml:"-"`
}

// DefaultConfig returns the defaults, which lack a model.
func DefaultConfig() Config {
	return Config{Decisions: 12, Lookback: 6, Features: []string{Momentum, Volatility}, Costs: "0.001", Borrow: "0", Reward: Growth, RewardWeight: 1, SharpeRate: 0.01}
}

// Validate returns an error that names the field, its value and what is allowed.
func (c Config) Validate() error {
	switch {
	case c.Model == "":
		return fmt.Errorf("model is empty: the file of a market model is needed; train portfolio makes one of prices")
	case c.Decisions < 1 || c.Decisions > MostDecisions:
		return fmt.Errorf("decisions is %d: 1 to %d are allowed", c.Decisions, MostDecisions)
	case c.Lookback < 2 || c.Lookback > 10_000:
		return fmt.Errorf("lookback is %d: 2 to 10000 are allowed", c.Lookback)
	case !(c.CashRate > -1 && c.CashRate < 1):
		return fmt.Errorf("cash_rate is %g: a number between -1 and 1 is allowed", c.CashRate)
	case !slices.Contains(Rewards(), c.Reward):
		return fmt.Errorf("reward is %q: one of %s is allowed", c.Reward, strings.Join(Rewards(), ", "))
	case !(c.RewardWeight >= 0 && c.RewardWeight <= 1e6):
		return fmt.Errorf("reward_weight is %g: 0 to 1e6 is allowed", c.RewardWeight)
	case !(c.SharpeRate > 0 && c.SharpeRate <= 1):
		return fmt.Errorf("sharpe_rate is %g: a number above 0, up to 1, is allowed", c.SharpeRate)
	}
	for i, f := range c.Features {
		if f != Return && f != Momentum && f != Volatility || slices.Index(c.Features, f) != i {
			return fmt.Errorf("features is [%s]: each of return, momentum, volatility is allowed, once", strings.Join(c.Features, ", "))
		}
	}
	if _, err := c.Costs.byName("costs"); err != nil {
		return err
	}
	_, err := c.Borrow.byName("borrow")
	return err
}

// Problem is the allocation of wealth over cash and assets.
//
// Holdings h are shares of the wealth, as prices have moved them. Costs of trading take a part of
// the wealth and a share f of it remains (see Remainder), of which allocation a is bought. A
// period with returns r makes f sum_i a_i (1 + r_i) of it. The reward is the logarithm of that, or another
// one of Rewards. The observation is h and, by feature, a number an asset that nothing but
// periods before the decision has gone into. An episode begins with holdings drawn uniformly
// from the simplex.
//
// Entities may be below 0 where the limits have cash: what is sold that is not held has been
// borrowed. Cash pays what that costs at the end of the period, sum_i borrow_i max(0, -a_i),
// which makes the growth smaller by as much. Where less than Ruin of the wealth would remain after
// a period, all positions end, and Ruin of it remains in cash.
//
// Rows that count from what is held, as turnover does, count from h: copies of the
// environment are envs.Relaxers then. Where the other limits ask for more trade than these
// rows allow, as where prices have carried a holding beyond its bound, they are relaxed by the
// least amount with which some allocation satisfies all of them (see relax.Held).
type Problem struct {
	cfg    Config
	model  *marketmodel.Model
	costs  []float64 // an entity each
	borrow []float64 // an entity each; nil where nothing may be below 0
	cash   int       // -1 for none
	asset  []int     // of the model, an entity each; -1 for cash
	held   *relax.HeldTemplate
	score  score
	spec   envs.Spec
}

// New returns the problem. Errors name the file or the setting.
func New(c Config) (*Problem, error) {
	if err := c.Validate(); err != nil {
		return nil, fmt.Errorf("market: %w", err)
	}
	m, err := marketmodel.Read(c.Model)
	if err != nil {
		return nil, fmt.Errorf("market: model: %w", err)
	}
	p, err := over(c, m)
	if err != nil {
		return nil, fmt.Errorf("market: %w", err)
	}
	return p, nil
}

// over returns the problem over a model, whatever file the configuration names.
func over(c Config, m *marketmodel.Model) (*Problem, error) {
	p := &Problem{cfg: c, model: m, cash: -1}
	polytope := c.Polytope
	if polytope == nil {
		var err error
		if polytope, err = lp.New(Simplex(m.Assets())); err != nil {
			return nil, err
		}
	}
	if err := CheckLimits(polytope); err != nil {
		return nil, err
	}
	entities := polytope.Entities()
	lower, _ := polytope.Bounds()
	for i, name := range entities {
		j := slices.Index(m.Assets(), name)
		if name == Cash {
			j, p.cash = -1, i
		} else if j < 0 {
			return nil, fmt.Errorf("the constraints have %s, the market model has %s", name, strings.Join(m.Assets(), ", "))
		}
		p.asset = append(p.asset, j)
	}
	if err := m.CheckLength(c.Lookback + c.Decisions); err != nil {
		return nil, fmt.Errorf("env.market.lookback is %d and env.market.decisions is %d: %w", c.Lookback, c.Decisions, err)
	}
	var err error
	if p.costs, err = c.Costs.of("env.market.costs", entities, true); err != nil {
		return nil, err
	}
	borrow, err := c.Borrow.of("env.market.borrow", entities, false)
	if err != nil {
		return nil, err
	}
	if slices.Min(lower) < 0 {
		p.borrow = borrow
	}
	if p.held, err = relax.NewHeld(polytope); err != nil {
		return nil, err
	}
	if p.score, err = newScore(c, p.equal()); err != nil {
		return nil, err
	}
	p.spec = envs.Spec{
		Name: Name, Polytope: polytope, NormalizeObs: true,
		Reward:  p.score.describe(),
		Episode: fmt.Sprintf("%d decisions, one a %s, cut off there", c.Decisions, m.Every()),
	}
	for _, name := range entities {
		p.spec.ObsNames = append(p.spec.ObsNames, "holding "+name)
	}
	for _, f := range c.Features {
		for i, name := range entities {
			if p.asset[i] >= 0 {
				p.spec.ObsNames = append(p.spec.ObsNames, f+" "+name)
			}
		}
	}
	p.spec.ObsDim = len(p.spec.ObsNames)
	return p, nil
}

// CheckLimits returns an error where no market can have these limits.
func CheckLimits(p *lp.Polytope) error {
	lower, _ := p.Bounds()
	short := slices.IndexFunc(lower, func(l float64) bool { return l < 0 })
	if short >= 0 && !slices.Contains(p.Entities(), Cash) {
		return fmt.Errorf("the lower bound of %s is %g: without %s, which pays for what is borrowed, at least 0 is allowed", p.Entities()[short], lower[short], Cash)
	}
	return envs.CheckBudget(p)
}

// equal returns the returns of equal weights in the periods of the model.
func (p *Problem) equal() []float64 {
	all := make([]float64, p.model.Periods())
	for t := range all {
		for _, j := range p.asset {
			r := p.cfg.CashRate
			if j >= 0 {
				r = p.model.Returns(t)[j]
			}
			all[t] += r / float64(len(p.asset))
		}
	}
	return all
}

// Simplex describes all allocations over cash and assets.
func Simplex(assets []string) lp.Description {
	return lp.Description{Name: Name, Entities: append([]string{Cash}, assets...), Total: 1}
}

// Spec implements envs.Problem.
func (p *Problem) Spec() envs.Spec { return p.spec }

// Constrain implements envs.Constrainable.
func (p *Problem) Constrain(polytope *lp.Polytope) (envs.Problem, error) {
	c := p.cfg
	c.Polytope = polytope
	q, err := over(c, p.model)
	if err != nil {
		return nil, err
	}
	return q, nil
}

// Config returns the settings, Assets the names of the model's assets in its order.
func (p *Problem) Config() Config   { return p.cfg }
func (p *Problem) Assets() []string { return p.model.Assets() }

// Until returns the end of the last period of the model, "" where it does not say.
func (p *Problem) Until() string { return p.model.Until() }

// AssetOf returns for every entity which asset of the model it is, -1 for cash. The slice must
// not be modified.
func (p *Problem) AssetOf() []int { return p.asset }

// Free returns the problem at no costs of trading, and without the limits that count from
// what is held.
func (p *Problem) Free() (*Problem, error) {
	q := *p
	q.cfg.Costs, q.costs = "0", make([]float64, len(p.costs))
	if p.held == nil {
		return &q, nil
	}
	d := p.spec.Polytope.Description()
	var err error
	q.held = nil
	q.spec.Polytope, err = lp.New(d.WithoutHoldings())
	return &q, err
}

// Costs returns those of every entity. The slice must not be modified.
func (p *Problem) Costs() []float64 { return p.costs }

// CheckObservation implements envs.ObservationChecker: holdings are shares of the whole, up to
// what is rounded in files of others, and deviations are not below 0.
func (p *Problem) CheckObservation(obs []float64) error {
	const rounding = 0.01
	sum := 0.
	for i, name := range p.spec.Polytope.Entities() {
		if p.borrow == nil && obs[i] < -rounding {
			return fmt.Errorf("the holding of %s is %g: at least 0 is allowed", name, obs[i])
		}
		sum += obs[i]
	}
	if !(math.Abs(sum-1) <= rounding) {
		return fmt.Errorf("the holdings add up to %g: shares of the whole add up to 1", sum)
	}
	for i, name := range p.spec.ObsNames {
		if strings.HasPrefix(name, Volatility+" ") && obs[i] < 0 {
			return fmt.Errorf("the %s is %g: at least 0 is allowed", name, obs[i])
		}
	}
	return nil
}

// Observe writes the observation at holdings h after a history of returns, periods x assets
// of the model, of which it looks at the last ones alone.
func (p *Problem) Observe(h, history, obs []float64) {
	copy(obs, h)
	at := len(h)
	m, back := len(p.model.Assets()), p.cfg.Lookback
	history = history[len(history)-m*back:]
	for _, f := range p.cfg.Features {
		for _, j := range p.asset {
			if j < 0 {
				continue
			}
			obs[at] = feature(f, history[j:], m)
			at++
		}
	}
}

// feature computes one from the returns of an asset, one every stride.
func feature(name string, returns []float64, stride int) float64 {
	var sum, squares, x, n float64
	for i := 0; i < len(returns); i += stride {
		x = math.Log1p(returns[i])
		sum += x
		squares += x * x
		n++
	}
	switch name {
	case Return:
		return x
	case Momentum:
		return sum / n
	}
	return math.Sqrt(max(0, squares/n-sum/n*sum/n))
}

// Grow takes an allocation at holdings h through a period with returns of the model's assets:
// it writes what is held then over h, and returns the share of the wealth that remains after
// costs, and what a unit of that has grown to.
func (p *Problem) Grow(h, a, returns []float64) (remainder, growth float64) {
	remainder = Remainder(h, a, p.costs)
	for i, j := range p.asset {
		r := p.cfg.CashRate
		if j >= 0 {
			r = returns[j]
		}
		h[i] = a[i] * (1 + r)
		growth += h[i]
	}
	if p.borrow != nil {
		fees := p.Borrowing(a)
		h[p.cash] -= fees
		growth -= fees
		if remainder = max(remainder, Ruin); !(remainder*growth >= Ruin) {
			growth = Ruin / remainder
			clear(h)
			h[p.cash] = growth
		}
	}
	for i := range h {
		h[i] /= growth
	}
	return remainder, growth
}

// Borrowing returns what a period costs of which an allocation is short, as a share of the
// wealth after trading.
func (p *Problem) Borrowing(a []float64) (fees float64) {
	for i, c := range p.borrow {
		fees += c * max(0, -a[i])
	}
	return fees
}

// New implements envs.Problem.
func (p *Problem) New() envs.Env {
	e := p.new()
	if p.held != nil {
		return &Limited{e, p.Limits()}
	}
	return e
}

func (p *Problem) new() *Env {
	return &Env{p: p, holdings: make([]float64, p.spec.Polytope.Dim()), path: make([]float64, (p.cfg.Lookback+p.cfg.Decisions)*len(p.model.Assets()))}
}

// Env is one copy of the environment. It is an envs.Snapshotter and an envs.Truncator.
type Env struct {
	p        *Problem
	time     int
	memory   memory
	holdings []float64
	path     []float64 // the lookback before the first decision, and a period a decision
}

// Reset implements envs.Env.
func (e *Env) Reset(r *rand.Rand, obs []float64) {
	e.time, e.memory = 0, e.p.score.begin
	copy(e.holdings, rng.Simplex(r, len(e.holdings)))
	e.p.model.Draw(r, e.path)
	e.p.Observe(e.holdings, e.seen(), obs)
}

// seen returns the periods before the next decision.
func (e *Env) seen() []float64 {
	return e.path[:(e.p.cfg.Lookback+e.time)*len(e.p.model.Assets())]
}

// Step implements envs.Env.
func (e *Env) Step(_ *rand.Rand, action, obs []float64) (reward float64, done bool) {
	remainder, growth := e.p.Grow(e.holdings, action, e.path[len(e.seen()):])
	e.time++
	e.p.Observe(e.holdings, e.seen(), obs)
	return e.p.score.of(&e.memory, remainder*growth), e.time == e.p.cfg.Decisions
}

// Truncated implements envs.Truncator: the market goes on.
func (e *Env) Truncated() bool { return true }
