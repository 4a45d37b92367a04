package interval

import (
	"fmt"
	"runtime"

	"paspo/internal/setting"
	"paspo/lp/interval/closedform"
)

// Config says how intervals are computed.
type Config struct {
	Method    string  `yaml:"method" doc:"auto, clp (linear programs), explicit (closed form) or lazy (warm-start bases); auto takes the closed form where it stays within its budget, else warm-start bases"`
	Tolerance float64 `yaml:"tolerance" doc:"largest infeasibility of a prefix that is answered on relaxed limits, scaled"`
	Workers   int     `yaml:"workers" doc:"goroutines that solve linear programs; 0 takes one for every CPU"`
	MaxPieces int     `yaml:"max_pieces" doc:"budget of the closed form: pieces of one interval, both endpoints together"`
	MaxEffort int     `yaml:"max_effort" doc:"budget of the closed form: elementary steps, in millions, to find it"`
	MaxBases  int     `yaml:"max_bases" doc:"bases that lazy keeps for each endpoint of an interval; answers do not depend on it"`
}

// Methods returns the values of Config.Method: auto, then the methods themselves.
func Methods() []string { return []string{"auto", "clp", "explicit", "lazy"} }

// DefaultConfig returns the settings that are used where none are given.
// The budget of the closed form counts steps, not time, so that what is chosen
// does not depend on the machine.
func DefaultConfig() Config {
	return Config{Method: "auto", Tolerance: 1e-6, MaxPieces: 2000, MaxBases: 200, MaxEffort: 100}
}

// Validate returns an error that names the first setting that is not allowed.
func (c Config) Validate() error {
	return setting.First(
		setting.Choice("method", c.Method, Methods()...),
		setting.Float("tolerance", c.Tolerance, setting.Span{Lo: 0, Hi: 0.1}),
		setting.Int("workers", c.Workers, 0),
		setting.Int("max_pieces", c.MaxPieces, 1),
		setting.Int("max_bases", c.MaxBases, 1),
		setting.Int("max_effort", c.MaxEffort, 1),
	)
}

// complete gives zero fields their defaults, and checks all.
func (cfg Config) complete() (Config, error) {
	def := DefaultConfig()
	if cfg.Method == "" {
		cfg.Method = def.Method
	}
	if cfg.Tolerance == 0 {
		cfg.Tolerance = def.Tolerance
	}
	if cfg.MaxPieces == 0 {
		cfg.MaxPieces = def.MaxPieces
	}
	if cfg.MaxEffort == 0 {
		cfg.MaxEffort = def.MaxEffort
	}
	if cfg.MaxBases == 0 {
		cfg.MaxBases = def.MaxBases
	}
	if cfg.Workers == 0 {
		cfg.Workers = runtime.GOMAXPROCS(0)
	}
	if err := cfg.Validate(); err != nil {
		return cfg, fmt.Errorf("lp: %w", err)
	}
	return cfg, nil
}

// budget bounds the closed form.
func (cfg Config) budget() closedform.Budget {
	return closedform.Budget{Pieces: cfg.MaxPieces, Effort: cfg.MaxEffort}
}
