package agent

import (
	"errors"
	"fmt"
	"runtime"
	"sync"

	"paspo/baselines"
	"paspo/cuda"
	"paspo/internal/run/config"
	"paspo/policy"
	"paspo/policy/cpu"
	"paspo/policy/gpu"
)

// gpus are the devices that this process has opened. They stay open, since opening one takes a
// large part of a second, and agents share it.
var gpus struct {
	sync.Mutex
	open map[int]*cuda.Context
}

func openGPU(ordinal int) (*cuda.Context, error) {
	gpus.Lock()
	defer gpus.Unlock()
	if c := gpus.open[ordinal]; c != nil {
		return c, nil
	}
	c, err := cuda.Open(ordinal)
	if err != nil {
		return nil, err
	}
	if gpus.open == nil {
		gpus.open = map[int]*cuda.Context{}
	}
	gpus.open[ordinal] = c
	return c, nil
}

// CheckDevice returns an error where a configuration requires a GPU that cannot be opened.
func CheckDevice(c *config.Config) error {
	_, _, err := onGPU(c, func(*cuda.Context) (bool, error) { return true, nil })
	if _, _, must := c.GPU(); !must {
		return nil
	}
	return err
}

// onGPU returns the result of make on the GPU of a configuration, nil for the CPU. Where there is
// no GPU, it is an error if the configuration requires one; else why says why there is none.
func onGPU[T any](c *config.Config, make func(*cuda.Context) (T, error)) (made T, why, err error) {
	ordinal, may, must := c.GPU()
	if !may {
		return made, nil, nil
	}
	gpu, err := openGPU(ordinal)
	if err == nil {
		made, err = make(gpu)
	}
	switch {
	case err == nil:
		return made, nil, nil
	case must:
		return made, nil, fmt.Errorf("device %s: %w", c.Device, err)
	case errors.Is(err, cuda.ErrNotBuilt):
		return made, nil, nil
	}
	return made, err, nil
}

// makeBackend makes the policy that the configuration describes.
func (a *Agent) makeBackend() error { return makeBackends([]*Agent{a}) }

// makeBackends makes the policies of agents, those on one GPU in one call, so that they share it.
func makeBackends(agents []*Agent) error {
	byDevice := map[string][]*Agent{}
	for _, a := range agents {
		if a.Config.Algo.Name != baselines.PASPO {
			if err := a.makeBaseline(); err != nil {
				return err
			}
			continue
		}
		byDevice[a.Config.Device] = append(byDevice[a.Config.Device], a)
	}
	for _, members := range byDevice {
		made, why, err := onGPU(members[0].Config, func(g *cuda.Context) ([]policy.Shared, error) {
			specs := make([]gpu.Spec, len(members))
			for i, a := range members {
				specs[i] = a.gpuSpec()
			}
			return gpu.NewAll(g, specs)
		})
		if err != nil {
			return err
		}
		for i, a := range members {
			if made != nil {
				a.Backend = made[i]
				continue
			}
			c := a.Config
			cpu, err := cpu.New(a.Solver, a.Problem.Spec().ObsDim, c.PPO.Minibatch, c.Policy, a.Fit, c.Seed)
			if err != nil {
				return err
			}
			cpu.SetThreads(max(1, runtime.GOMAXPROCS(0)/len(agents)))
			a.Backend, a.noGPU = cpu, why
		}
	}
	return nil
}

// makeBaseline makes the policy of an algorithm that PASPO is compared with.
func (a *Agent) makeBaseline() (err error) {
	c, spec := a.Config, a.Problem.Spec()
	if _, _, must := c.GPU(); must {
		return fmt.Errorf("device is %s: cpu is allowed for algo.name %s", c.Device, c.Algo.Name)
	}
	a.Backend, err = baselines.NewBackend(spec.Polytope, spec.ObsDim, c.Algo, c.Policy, c.Seed)
	return err
}

func (a *Agent) gpuSpec() gpu.Spec {
	c := a.Config
	batch := c.PPO.BatchSize()
	return gpu.Spec{
		Solver: a.Solver, ObsDim: a.Problem.Spec().ObsDim, Minibatch: c.PPO.Minibatch,
		Config: c.Policy, Fit: a.Fit, Seed: c.Seed,
		Rows: batch, Steps: c.PPO.Epochs * ((batch + c.PPO.Minibatch - 1) / c.PPO.Minibatch),
	}
}

// Device returns the name of the policy's device, and why it is not a GPU where the setting is auto
// and there is none.
func (a *Agent) Device() string {
	if a.noGPU != nil {
		return fmt.Sprintf("%s (no GPU: %v)", a.Backend.Device(), a.noGPU)
	}
	return a.Backend.Device()
}
