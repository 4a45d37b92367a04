package agent

import (
	"fmt"
	"log/slog"
	"path/filepath"

	"paspo/envs"
	"paspo/envs/python"
	"paspo/internal/run/config"
	"paspo/lp"
	"paspo/lp/constraints"
)

// inPython returns the problem of an environment in Python. The file of constraints goes
// over the bounds of its action space.
func inPython(c *config.Config) (envs.Problem, error) {
	if c.Preset() {
		return nil, fmt.Errorf("constraints is %q: the presets are those of benchmarks, for an environment in Python a file is allowed", c.Constraints)
	}
	p, err := python.Open(c.Env.Name, c.Env.Python, func(box lp.Description) (*lp.Polytope, error) {
		if c.Constraints == "" {
			return lp.New(box)
		}
		return constraints.ReadFileWithin(c.Constraints, box)
	})
	if err != nil {
		return nil, err
	}
	for _, w := range p.Spec().Polytope.Warnings() {
		slog.Warn(w, "constraints", c.Constraints)
	}
	return p, nil
}

// located returns a configuration that names the folder of the environment's module: a
// run goes on from wherever it is resumed.
func located(c *config.Config) (*config.Config, error) {
	if !python.Is(c.Env.Name) {
		return c, nil
	}
	path, err := filepath.Abs(c.Env.Python.Path)
	if err != nil {
		return nil, err
	}
	out := *c
	out.Env.Python.Path = path
	return &out, nil
}
