package python

import (
	"fmt"
	"strings"

	"paspo/internal/setting"
)

// Config sets how environments in Python are run.
type Config struct {
	Interpreter string  `yaml:"interpreter" doc:"program that runs Python 3.10 or later; it needs NumPy and what the environment needs"`
	Path        string  `yaml:"path" doc:"folder in which modules are looked for first"`
	Workers     int     `yaml:"workers" doc:"processes that hold the environments; 0 for one a core"`
	Start       string  `yaml:"start" doc:"spawn starts every process anew; fork copies one that has imported the module"`
	Actions     string  `yaml:"actions" doc:"dtype of actions: space for that of the action space, float64 whatever the space has"`
	Timeout     float64 `yaml:"timeout" doc:"seconds that a process may take for one answer"`
}

// Processes start in one of these ways.
const (
	Spawn = "spawn"
	Fork  = "fork"
)

// The dtype of actions is one of these.
const (
	OfSpace = "space"
	Float64 = "float64"
)

// DefaultConfig returns the settings that fit most environments.
func DefaultConfig() Config {
	return Config{Interpreter: "python3", Start: Spawn, Actions: OfSpace, Timeout: 60}
}

// Validate returns an error that names the field, its value and what is allowed. Name is
// that of the environment.
func (c Config) Validate(name string) error {
	if _, _, err := parseName(name); err != nil {
		return err
	}
	if c.Interpreter == "" {
		return fmt.Errorf("python.interpreter is empty: the name or path of a program is allowed")
	}
	return setting.First(
		setting.Int("python.workers", c.Workers, 0),
		setting.Choice("python.start", c.Start, Spawn, Fork),
		setting.Choice("python.actions", c.Actions, OfSpace, Float64),
		setting.Float("python.timeout", c.Timeout, setting.Positive),
	)
}

// prefix begins the names of environments in Python, which are of this form.
const (
	prefix = "python:"
	Form   = prefix + "MODULE:FUNCTION"
)

// Is says whether a name is one of an environment in Python, python:MODULE:FUNCTION.
func Is(name string) bool { return strings.HasPrefix(name, prefix) }

// parseName returns the module and the function of python:MODULE:FUNCTION.
func parseName(name string) (module, function string, err error) {
	module, function, ok := strings.Cut(strings.TrimPrefix(name, prefix), ":")
	if !ok || module == "" || function == "" || strings.ContainsAny(module+function, ": \t\n/") || strings.HasSuffix(module, ".py") {
		return "", "", fmt.Errorf("name is %q: python:MODULE:FUNCTION is allowed, for example python:my.envs:make", name)
	}
	return module, function, nil
}
