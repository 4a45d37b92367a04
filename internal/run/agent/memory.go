package agent

import (
	"fmt"

	"paspo/envs"
	"paspo/internal/limits"
	"paspo/internal/run/config"
)

// checkMemory returns an error where a rollout alone takes more memory than the machine has. A
// process that ran out of memory would be killed without a message.
func checkMemory(c *config.Config, s envs.Spec) error {
	has, ok := limits.Memory()
	if need := rolloutBytes(c, s); ok && need > float64(has) {
		return fmt.Errorf("ppo.envs %d with ppo.steps_per_env %d takes %.3g GiB at least, more than the memory of %.3g GiB: fewer of either are allowed",
			c.PPO.Envs, c.PPO.StepsPerEnv, need/(1<<30), float64(has)/(1<<30))
	}
	return nil
}

// rolloutBytes returns a lower bound of the memory of the environments and transitions of one
// iteration in rl.Rollout, the backend and envs.Vector.
func rolloutBytes(c *config.Config, s envs.Spec) float64 {
	obs, n := float64(s.ObsDim), float64(s.Polytope.Dim())
	step := 48 + 4*obs + 8*4*n // prefix, mask, parameters, logarithms of x, 1-x and the width
	env := 64 + 16*obs + 16*n
	return float64(c.PPO.Envs) * (float64(c.PPO.StepsPerEnv)*step + env)
}
