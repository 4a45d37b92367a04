package portfolio

import (
	"fmt"
	"math"
	"math/rand/v2"

	"paspo/envs"
	"paspo/envs/internal/bounds"
	"paspo/envs/internal/snapshot"
	"paspo/internal/count"
	"paspo/lp"
	"paspo/lp/constraints"
)

// Modes of the portfolio: where the returns of an episode come from.
const (
	Simulated  = "simulated"  // the market model
	Presampled = "presampled" // fixed trajectories, drawn from the market model once
	Backtest   = "backtest"   // real monthly returns
)

// Config configures the portfolio benchmark. Defaults are the paper's.
type Config struct {
	Mode string `yaml:"mode" doc:"where returns come from: simulated, presampled (fixed trajectories) or backtest (real months)"`

	Parameters   string `yaml:"parameters" doc:"file of the market model (model_parameter_*.json); empty for the built-in one"`
	Meta         string `yaml:"meta" doc:"file that names the assets of the market model (model_meta_info_*.json); empty for the built-in names"`
	BacktestFile string `yaml:"backtest_file" doc:"file of real monthly returns (model_backtesting_*.json); empty for the built-in ones"`

	Decisions int     `yaml:"decisions" doc:"decisions of an episode, one a month"`
	Spread    float64 `yaml:"spread" doc:"transaction cost of buying and of selling, as a share of the amount; cash is free"`

	TradeLimit float64 `yaml:"trade_limit" doc:"largest change of an asset's share in one month, from the drifted holdings; 0 for no limit"`
	CashLimit  float64 `yaml:"cash_limit" doc:"the same for cash, where trade_limit is set; 0 leaves cash free"`

	Penalty float64 `yaml:"penalty" doc:"taken off the reward of an action that breaks constraints, times the sum of its scaled excesses; 0 for nothing, as in the paper"`

	Trajectories   int    `yaml:"trajectories" doc:"number of fixed trajectories of the presampled mode"`
	TrajectorySeed uint64 `yaml:"trajectory_seed" doc:"seed of the fixed trajectories"`

	// Polytope is the set of allocations, cash first and then the assets of the
	// model in their order. Nil stands for the paper's.
	Polytope *lp.Polytope `yaml:"-"`
}

// DefaultConfig returns the paper's settings.
func DefaultConfig() Config {
	return Config{Mode: Simulated, Decisions: 13, Trajectories: 200, TrajectorySeed: 1}
}

// Validate returns an error that names the field, its value and what is allowed.
func (c Config) Validate() error {
	switch {
	case c.Mode != Simulated && c.Mode != Presampled && c.Mode != Backtest:
		return fmt.Errorf("mode is %q: simulated, presampled and backtest are allowed", c.Mode)
	case c.Decisions < 1 || c.Decisions > 1_000_000:
		return fmt.Errorf("decisions is %d: 1 to 1000000 are allowed", c.Decisions)
	case !(c.Spread >= 0 && c.Spread < 1):
		return fmt.Errorf("spread is %g: 0 up to, but not including, 1 is allowed", c.Spread)
	case !(c.TradeLimit >= 0 && c.TradeLimit <= 1):
		return fmt.Errorf("trade_limit is %g: 0 (none) to 1 is allowed", c.TradeLimit)
	case !(c.CashLimit >= 0 && c.CashLimit <= 1):
		return fmt.Errorf("cash_limit is %g: 0 (none) to 1 is allowed", c.CashLimit)
	case c.CashLimit > 0 && c.TradeLimit == 0:
		return fmt.Errorf("cash_limit is %g without a trade_limit: only 0 is allowed there", c.CashLimit)
	case !(c.Penalty >= 0 && c.Penalty <= 1e9):
		return fmt.Errorf("penalty is %g: 0 (nothing) to 1e9 is allowed", c.Penalty)
	case c.Trajectories < 1 || c.Trajectories > 1_000_000:
		return fmt.Errorf("trajectories is %d: 1 to 1000000 are allowed", c.Trajectories)
	case c.Parameters != "" && c.Meta == "":
		return fmt.Errorf("parameters is %q, but meta is empty: it has to be the file that names the assets", c.Parameters)
	case c.Parameters == "" && c.Meta != "":
		return fmt.Errorf("meta is %q, but parameters is empty: it has to be the file of the market model", c.Meta)
	}
	return nil
}

const (
	startWealth = 100
	cashName    = "CASH"
)

// Path is what the market does in one episode.
type Path struct {
	First   []float64 // the month that the first observation carries, one an asset
	Returns []float64 // one month a decision, months x assets
}

// Problem is the portfolio benchmark: allocate wealth over cash and m
// assets once a month.
//
// The reward of allocation a is a . r - fees with r = [0, returns of the month]
// and fees = spread * sum over assets of |a_i - w_i|, where w are the drifted
// holdings; wealth grows by the factor 1 + reward. The observation is [wealth,
// w (1+m), r (1+m)]. An episode starts with a wealth of 100, all in cash, and
// with one month of returns to look at.
type Problem struct {
	cfg      Config
	market   *market
	polytope *lp.Polytope
	backtest []float64        // months x assets; nil where there is none
	fixed    []Path           // of the presampled mode
	trading  *bounds.Template // nil without a trading limit
	spec     envs.Spec
}

// New returns the benchmark. Errors name the file and field, or the
// setting.
func New(c Config) (*Problem, error) {
	if err := c.Validate(); err != nil {
		return nil, fmt.Errorf("portfolio: %w", err)
	}
	p := &Problem{cfg: c, polytope: c.Polytope}
	var err error
	if c.Parameters == "" {
		p.market, p.backtest, err = builtinMarket()
	} else {
		var assets []string
		if assets, err = readMeta(c.Meta); err == nil {
			p.market, err = readMarket(c.Parameters, assets)
		}
	}
	if err == nil && c.BacktestFile != "" {
		p.backtest, err = readBacktest(c.BacktestFile, p.market.assets)
	}
	if err == nil && p.polytope == nil {
		p.polytope, err = constraints.Preset("portfolio", 0)
	}
	if err == nil {
		err = p.checkPolytope()
	}
	if err == nil && c.Mode == Backtest {
		err = p.checkBacktest()
	}
	if err != nil {
		return nil, fmt.Errorf("portfolio: %w", err)
	}
	name := "portfolio"
	if c.TradeLimit > 0 {
		name = LimitedName
		limited := func(i int) bool { return i > 0 || c.CashLimit > 0 }
		if p.trading, err = bounds.New(p.polytope, limited, limited); err != nil {
			return nil, fmt.Errorf("portfolio: %w", err)
		}
	}
	if c.Mode == Presampled {
		p.fixed = p.SimulatedPaths(c.Trajectories, c.TrajectorySeed)
	}
	p.spec = envs.Spec{
		Name: name, Polytope: p.polytope, NormalizeObs: true,
		ObsDim: 1 + 2*p.polytope.Dim(), ObsNames: []string{"wealth"},
		Reward:  "return of the month, after transaction costs, as a share of the wealth",
		Episode: fmt.Sprintf("%d months, from a wealth of %d that is all in cash", c.Decisions, startWealth),
	}
	for _, what := range []string{"share ", "return "} {
		p.spec.ObsNames = append(p.spec.ObsNames, what+cashName)
		for _, a := range p.market.assets {
			p.spec.ObsNames = append(p.spec.ObsNames, what+a)
		}
	}
	return p, nil
}

func (p *Problem) checkPolytope() error {
	names := append([]string{cashName}, p.market.assets...)
	got := p.polytope.Entities()
	if len(got) != len(names) {
		return fmt.Errorf("the constraints have %s, cash and the assets of the market model are %d: --env synthetic --set env.synthetic.entities=%d --set env.synthetic.seed=1 takes any",
			count.Of(len(got), "entity"), len(names), len(got))
	}
	// Entities without these names are taken in their order.
	at := map[string]int{}
	for i, name := range names {
		at[name] = i
	}
	for i, name := range got {
		if j, ok := at[name]; ok && i != j {
			return fmt.Errorf("entity %d of the constraints is %s: entities have to be in the order of the market model, %v", i+1, name, names)
		}
	}
	return envs.CheckBudget(p.polytope)
}

func (p *Problem) checkBacktest() error {
	months := len(p.backtest) / len(p.market.assets)
	switch {
	case months == 0:
		return fmt.Errorf("mode is backtest, but backtest_file is empty: a market model from a file needs one")
	case months < p.cfg.Decisions:
		return fmt.Errorf("decisions is %d, but the backtest has %d months", p.cfg.Decisions, months)
	}
	return nil
}

// Spec implements Problem.
func (p *Problem) Spec() envs.Spec { return p.spec }

// CheckObservation implements envs.ObservationChecker: holdings are shares of the whole, up
// to what is rounded in files of others, and nothing loses more than all.
func (p *Problem) CheckObservation(obs []float64) error {
	n := p.polytope.Dim()
	lower, _ := p.polytope.Bounds()
	const rounding = 0.01
	sum := 0.
	for i, w := range obs[1 : 1+n] {
		if w < -rounding && lower[i] >= 0 {
			return fmt.Errorf("the holding of %s is %g: at least 0 is allowed", p.polytope.Entities()[i], w)
		}
		sum += w
	}
	if !(math.Abs(sum-1) <= rounding) {
		return fmt.Errorf("the holdings add up to %g: shares of the whole add up to 1", sum)
	}
	for i, r := range obs[1+n:] {
		if r < -1 {
			return fmt.Errorf("the return of %s is %g: at least -1 is allowed", p.polytope.Entities()[i], r)
		}
	}
	return nil
}

// Infeasible implements envs.Coster.
func (p *Problem) Infeasible() func(action []float64, excess, reward float64) float64 {
	return envs.PerExcess(p.cfg.Penalty)
}

// New implements Problem.
func (p *Problem) New() envs.Env {
	if p.trading == nil {
		return p.NewEnv()
	}
	e := p.NewEnv()
	return &Limited{e, e.limits}
}

// NewEnv is New with the type of the environment.
func (p *Problem) NewEnv() *Env {
	n := p.polytope.Dim()
	e := &Env{
		p:       p,
		weights: make([]float64, n), returns: make([]float64, n),
		scratch: make([]float64, n-1),
	}
	if p.trading != nil {
		e.limits = p.follow(e.weights)
	}
	return e
}

// Env is one copy of the portfolio benchmark.
type Env struct {
	p *Problem

	time   int
	state  int       // hidden state, meaningless on a path
	path   []float64 // months x assets that are to come; nil where they are simulated
	onPath bool
	wealth float64

	weights, returns []float64 // 1 + assets
	scratch          []float64 // assets

	limits *bounds.Bounds // nil without a trading limit
}

// Wealth returns the wealth, 100 at the start of an episode.
func (e *Env) Wealth() float64 { return e.wealth }

// Fees returns what allocation a would cost now, as a share of the wealth.
func (e *Env) Fees(a []float64) float64 { return e.p.fees(e.weights, a) }

// fees returns those of allocation a from drifted holdings w.
func (p *Problem) fees(w, a []float64) float64 {
	if p.cfg.Spread == 0 {
		return 0
	}
	var turnover float64
	for i := 1; i < len(a); i++ {
		turnover += math.Abs(a[i] - w[i])
	}
	return p.cfg.Spread * turnover
}

// Reset implements Env.
func (e *Env) Reset(rng *rand.Rand, obs []float64) {
	switch e.p.cfg.Mode {
	case Presampled:
		e.ResetTo(&e.p.fixed[rng.IntN(len(e.p.fixed))], obs)
		return
	case Backtest:
		e.onPath, e.path = true, e.p.backtest
	default:
		e.onPath, e.path = false, nil
	}
	m := e.p.market
	e.state = draw(rng, m.start)
	m.sample(rng, e.state, e.returns[1:], e.scratch)
	e.begin(obs)
}

// ResetTo starts an episode on a given path, whatever the mode: its returns are
// what the market does, and nothing is drawn. The path is read until the end of
// the episode.
func (e *Env) ResetTo(path *Path, obs []float64) {
	if len(path.First) != len(e.scratch) || len(path.Returns) < e.p.cfg.Decisions*len(e.scratch) {
		panic(badPath)
	}
	e.onPath, e.path, e.state = true, path.Returns, 0
	copy(e.returns[1:], path.First)
	e.begin(obs)
}

func (e *Env) begin(obs []float64) {
	e.time, e.wealth = 0, startWealth
	clear(e.weights)
	e.weights[0] = 1
	if e.limits != nil {
		e.limits.Moved(nil)
	}
	e.observe(obs)
}

func (e *Env) observe(obs []float64) {
	n := len(e.weights)
	if len(obs) != 1+2*n {
		panic(badObs)
	}
	obs[0] = e.wealth
	copy(obs[1:], e.weights)
	copy(obs[1+n:], e.returns)
}

// Step implements Env.
func (e *Env) Step(rng *rand.Rand, action, obs []float64) (reward float64, done bool) {
	if len(action) != len(e.weights) {
		panic(badAction)
	}
	if e.time >= e.p.cfg.Decisions {
		panic(badEpisode)
	}
	reward = -e.Fees(action)

	m := len(e.scratch)
	if e.onPath {
		copy(e.returns[1:], e.path[:m])
		e.path = e.path[m:]
	} else {
		e.state = draw(rng, e.p.market.transition[e.state])
		e.p.market.sample(rng, e.state, e.returns[1:], e.scratch)
	}

	var grown float64
	for i, a := range action {
		reward += a * e.returns[i]
		e.weights[i] = a * (1 + e.returns[i])
		grown += e.weights[i]
	}
	for i := range e.weights {
		e.weights[i] /= grown
	}
	e.wealth *= 1 + reward
	e.time++
	if e.limits != nil {
		e.limits.Moved(action)
	}
	e.observe(obs)
	return reward, e.time >= e.p.cfg.Decisions
}

const (
	badAction  = "portfolio: the length of the action is not the number of entities"
	badObs     = "portfolio: the length of the observation is not the problem's"
	badEpisode = "portfolio: a step after the end of the episode"
	badPath    = "portfolio: the path has too few months or another number of assets"
)

const snapshotKind = 0x706f7274_00000001 // kind and version

// MarshalBinary implements Snapshotter.
func (e *Env) MarshalBinary() ([]byte, error) {
	var w snapshot.Writer
	w.Word(snapshotKind)
	w.Int(e.time)
	w.Int(e.state)
	w.Float(e.wealth)
	w.Floats(e.weights)
	w.Floats(e.returns)
	e.limits.Save(&w)
	if !e.onPath {
		w.Int(0)
		return w.B, nil
	}
	w.Int(1)
	w.Floats(e.path)
	return w.B, nil
}

// UnmarshalBinary implements Snapshotter.
func (e *Env) UnmarshalBinary(b []byte) error {
	n := len(e.weights)
	r := snapshot.Reader{B: b}
	r.Header(snapshotKind, "a portfolio")
	time := r.Int("the number of steps", 0, e.p.cfg.Decisions)
	state := r.Int("the hidden state", 0, e.p.market.states()-1)
	wealth := r.Float()
	weights := r.Floats("the holdings", n, n)
	returns := r.Floats("the returns", n, n)
	relaxation := e.limits.Load(&r)
	onPath := r.Int("the path", 0, 1) == 1
	var path []float64
	if onPath {
		path = r.Floats("the path", (e.p.cfg.Decisions-time)*(n-1), 1<<40)
	}
	if err := r.End(); err != nil {
		return err
	}
	e.time, e.state, e.wealth, e.onPath, e.path = time, state, wealth, onPath, path
	copy(e.weights, weights)
	copy(e.returns, returns)
	if e.limits != nil {
		e.limits.Set(relaxation)
	}
	return nil
}
