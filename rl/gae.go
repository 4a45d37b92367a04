package rl

// gae writes the advantages of a rollout by generalised advantage estimation
// (Schulman et al., arXiv 1506.02438, equation 16):
//
//	delta_t = r_t + gamma V(s_{t+1}) - V(s_t)
//	A_t     = delta_t + gamma lambda A_{t+1}
//
// If the episode ended with step t, A_{t+1} is 0 and V(s_{t+1}) is after: 0 if the episode
// terminated, the value of the final observation if it was truncated. The return that the
// critic learns is A_t + V(s_t). All slices but last have one element a transition, in the
// units of rewards; row t*envs+e is step t of environment e. last holds the values of the
// observations after the last step.
func gae(adv, rewards, values []float64, done []bool, after, last []float64, gamma, lambda float64) {
	envs := len(last)
	if len(rewards) != len(adv) || len(values) != len(adv) || len(done) != len(adv) || len(after) != len(adv) || len(adv)%envs != 0 {
		panic(badRollout)
	}
	for e, next := range last {
		var running float64
		for i := len(adv) - envs + e; i >= 0; i -= envs {
			if done[i] {
				next, running = after[i], 0
			}
			delta := rewards[i] + gamma*next - values[i]
			running = delta + gamma*lambda*running
			adv[i] = running
			next = values[i]
		}
	}
}

const badRollout = "rl: lengths of a rollout differ"
