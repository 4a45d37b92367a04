package benchmarks

import (
	"fmt"
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

// Names returns the names of the benchmarks, which are those of their presets.
func Names() []string { return []string{"portfolio", "compute", "synthetic"} }

// Variants returns the names of benchmarks whose limits follow the state: the
// portfolio with a trade_limit, DefaultTradeLimit where it is 0, and compute with
// a queue_half, DefaultQueueHalf where it is 0.
func Variants() []string { return []string{portfolio.LimitedName, compute.CappedName} }

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
	var err error
	switch c.Name {
	case "portfolio":
		err = c.Portfolio.Validate()
	case "compute":
		err = c.Compute.Validate()
	case "synthetic":
		err = c.Synthetic.Validate()
	case market.Name:
		err = c.Market.Validate()
	case channels.Name, factor.Name:
		return nil
	default:
		return fmt.Errorf("name is %q: %s are allowed, and %s", c.Name, allNames(), PythonName)
	}
	if err != nil {
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
	switch c.Name {
	case "portfolio":
		if p != nil {
			c.Portfolio.Polytope = p
		}
		return asProblem(portfolio.New(c.Portfolio))
	case "compute":
		if p != nil {
			c.Compute.Polytope = p
		}
		return asProblem(compute.New(c.Compute))
	case "synthetic":
		if p != nil {
			c.Synthetic.Polytope = p
		}
		return asProblem(synthetic.New(c.Synthetic))
	case market.Name:
		if p != nil {
			c.Market.Polytope = p
		}
		return asProblem(market.New(c.Market))
	case channels.Name, factor.Name:
		if p != nil {
			return nil, ownConstraints(c.Name)
		}
		if c.Name == factor.Name {
			return asProblem(factor.New())
		}
		return asProblem(channels.New())
	}
	return nil, fmt.Errorf("environment %q: %s are allowed", c.Name, allNames())
}

// asProblem keeps a nil pointer from becoming a Problem that is not nil.
func asProblem[P envs.Problem](p P, err error) (envs.Problem, error) {
	if err != nil {
		return nil, err
	}
	return p, nil
}
