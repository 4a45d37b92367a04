package benchmarks

import (
	"fmt"
	"slices"
	"strings"

	"paspo/envs"
	"paspo/envs/channels"
	"paspo/envs/compute"
	"paspo/envs/factor"
	"paspo/envs/market"
	"paspo/envs/portfolio"
	"paspo/envs/python"
	"paspo/envs/synthetic"
	"paspo/lp"
)

// Config chooses one of the paper's benchmarks, or what this binary adds, and configures
// all of them.
type Config struct {
	Name      string           `yaml:"name" doc:"portfolio, compute or synthetic; portfolio-limited and compute-capped have limits that follow the state; channels and factor are ones that nothing was tuned on, and the matrix of factor follows the state; market is what train portfolio trains on; python:MODULE:FUNCTION is an environment of Gymnasium's interface; a binary of one's own adds its problem"`
	Options   any              `yaml:"options" doc:"of the problem that this binary adds to the benchmarks"` // nil where it has none
	Portfolio portfolio.Config `yaml:"portfolio" doc:"the portfolio benchmark"`
	Compute   compute.Config   `yaml:"compute" doc:"the compute benchmark"`
	Synthetic synthetic.Config `yaml:"synthetic" doc:"the synthetic benchmark"`
	Market    market.Config    `yaml:"market" doc:"wealth over cash and assets, under a model of the market"`
	Python    python.Config    `yaml:"python" doc:"environments in Python"`
}

// DefaultConfig returns the paper's settings, of the portfolio benchmark or of the problem
// that this binary adds.
func DefaultConfig() Config {
	c := Config{
		Name:      "portfolio",
		Portfolio: portfolio.DefaultConfig(), Compute: compute.DefaultConfig(), Synthetic: synthetic.DefaultConfig(),
		Market: market.DefaultConfig(), Python: python.DefaultConfig(),
	}
	if own.problem != nil {
		c.Name = own.name
		if with, ok := own.problem.(envs.Configurable); ok {
			c.Options, _ = optionsOf(with) // it had some when it was registered
		}
	}
	return c
}

// environment is one that every binary has.
type environment struct {
	name string
	kind kind
	new  func(Config) (envs.Problem, error)

	// validate checks the settings, and polytope is where other constraints than the
	// environment's own are put. Both are nil where nothing can be set.
	validate func(*Config) error
	polytope func(*Config) **lp.Polytope
}

// kind says which of the lists of names an environment is in.
type kind int

const (
	paper    kind = iota // Names
	variant              // Variants; resolved says what it sets
	other                // AllNames alone
	unlisted             // none: a command of its own trains on it
)

// environments are in the order in which messages list them. A variant has nothing but
// its name, because resolved replaces it.
var environments = []environment{
	{
		name: "portfolio", new: func(c Config) (envs.Problem, error) { return asProblem(portfolio.New(c.Portfolio)) },
		validate: func(c *Config) error { return c.Portfolio.Validate() },
		polytope: func(c *Config) **lp.Polytope { return &c.Portfolio.Polytope },
	},
	{
		name: "compute", new: func(c Config) (envs.Problem, error) { return asProblem(compute.New(c.Compute)) },
		validate: func(c *Config) error { return c.Compute.Validate() },
		polytope: func(c *Config) **lp.Polytope { return &c.Compute.Polytope },
	},
	{
		name: "synthetic", new: func(c Config) (envs.Problem, error) { return asProblem(synthetic.New(c.Synthetic)) },
		validate: func(c *Config) error { return c.Synthetic.Validate() },
		polytope: func(c *Config) **lp.Polytope { return &c.Synthetic.Polytope },
	},
	{name: portfolio.LimitedName, kind: variant},
	{name: compute.CappedName, kind: variant},
	{name: channels.Name, kind: other, new: func(Config) (envs.Problem, error) { return asProblem(channels.New()) }},
	{name: factor.Name, kind: other, new: func(Config) (envs.Problem, error) { return asProblem(factor.New()) }},
	{
		name: market.Name, kind: unlisted, new: func(c Config) (envs.Problem, error) { return asProblem(market.New(c.Market)) },
		validate: func(c *Config) error { return c.Market.Validate() },
		polytope: func(c *Config) **lp.Polytope { return &c.Market.Polytope },
	},
}

// named returns the environment of that name, nil where there is none.
func named(name string) *environment {
	for i := range environments {
		if e := &environments[i]; e.name == name {
			return e
		}
	}
	return nil
}

func namesOf(kinds ...kind) (names []string) {
	for _, e := range environments {
		if slices.Contains(kinds, e.kind) {
			names = append(names, e.name)
		}
	}
	return names
}

// Names returns the names of the benchmarks, which are those of their presets.
func Names() []string { return namesOf(paper) }

// Variants returns the names of benchmarks whose limits follow the state: the
// portfolio with a trade_limit, DefaultTradeLimit where it is 0, and compute with
// a queue_half, DefaultQueueHalf where it is 0.
func Variants() []string { return namesOf(variant) }

// resolved replaces a variant by its benchmark with the setting.
func (c Config) resolved() Config {
	switch c.Name {
	case portfolio.LimitedName:
		c.Name = "portfolio"
		if c.Portfolio.TradeLimit == 0 {
			c.Portfolio.TradeLimit = portfolio.DefaultTradeLimit
		}
	case compute.CappedName:
		c.Name = "compute"
		if c.Compute.QueueHalf == 0 {
			c.Compute.QueueHalf = compute.DefaultQueueHalf
		}
	}
	return c
}

// Section returns the name of the section with the settings of the chosen benchmark, which may have
// none.
func (c Config) Section() string {
	switch {
	case python.Is(c.Name):
		return "python"
	case c.IsOwn():
		return "options"
	}
	return c.resolved().Name
}

func allNames() string { return strings.Join(AllNames(), ", ") }

// Validate returns an error that names the field, its value and what is allowed.
// Only the chosen benchmark is looked at.
func (c Config) Validate() error {
	if python.Is(c.Name) {
		return c.Python.Validate(c.Name)
	}
	if c.IsOwn() {
		return c.checkOwn()
	}
	c = c.resolved()
	e := named(c.Name)
	if e == nil {
		return fmt.Errorf("name is %q: %s are allowed, and %s", c.Name, allNames(), PythonName)
	}
	if e.validate == nil {
		return nil
	}
	if err := e.validate(&c); err != nil {
		return fmt.Errorf("%s.%w", c.Name, err)
	}
	return nil
}

// New returns the chosen benchmark over the given polytope; nil stands for the
// one of the configuration, and there for the paper's.
func New(c Config, p *lp.Polytope) (envs.Problem, error) {
	if c.IsOwn() {
		return c.newOwn(p)
	}
	c = c.resolved()
	e := named(c.Name)
	if e == nil {
		return nil, fmt.Errorf("environment %q: %s are allowed", c.Name, allNames())
	}
	if p != nil {
		if e.polytope == nil {
			return nil, ownConstraints(c.Name)
		}
		*e.polytope(&c) = p
	}
	return e.new(c)
}

// asProblem keeps a nil pointer from becoming a Problem that is not nil.
func asProblem[P envs.Problem](p P, err error) (envs.Problem, error) {
	if err != nil {
		return nil, err
	}
	return p, nil
}
