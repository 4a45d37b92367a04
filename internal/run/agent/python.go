package agent

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"paspo/envs"
	"paspo/envs/python"
	"paspo/internal/atomicfile"
	"paspo/internal/limits"
	"paspo/internal/run/config"
	"paspo/internal/run/runfolder"
	"paspo/lp"
	"paspo/lp/constraints"
)

// inPython returns the problem of an environment in Python. The constraints file overrides the
// bounds of its action space. The run folder dir, empty for none, holds a description of the
// environment, so that a policy can act without it.
func inPython(c *config.Config, dir string) (envs.Problem, error) {
	if c.Preset() {
		return nil, fmt.Errorf("constraints is %q: the presets are those of benchmarks, for an environment in Python a file is allowed", c.Constraints)
	}
	var description []byte
	if dir != "" {
		var err error
		path := filepath.Join(dir, runfolder.EnvironmentFile)
		if description, err = limits.ReadFile(path, limits.Environment); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("cannot read %s: %w", path, atomicfile.Cause(err))
		}
	}
	p, err := python.Open(c.Env.Name, c.Env.Python, bytes.TrimSpace(description), func(box lp.Description) (*lp.Polytope, error) {
		if c.Constraints == "" {
			return lp.New(box)
		}
		return constraints.ReadFileWithin(c.Constraints, box)
	})
	if err != nil {
		return nil, err
	}
	if k := p.Together(); k > 0 && c.PPO.Envs%k != 0 {
		p.Close()
		return nil, fmt.Errorf("ppo.envs is %d: a multiple of %d is allowed, the environments of one vector of %s", c.PPO.Envs, k, c.Env.Name)
	}
	warn(c, p.Spec().Polytope)
	return p, nil
}

// withPythonPath returns a configuration with an absolute path of the environment's module, so that
// the run can be resumed from any folder.
func withPythonPath(c *config.Config) (*config.Config, error) {
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

// saveEnvironment writes the description of an environment in Python to the run folder.
func (a *Agent) saveEnvironment(f *runfolder.Folder) error {
	p, ok := a.Problem.(*python.Problem)
	if !ok {
		return nil
	}
	return f.WriteFile(runfolder.EnvironmentFile, append(bytes.Clone(p.Description()), '\n'))
}
