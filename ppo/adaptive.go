package ppo

// Adaptive is the schedule that adapts the learning rate to the KL divergence of updates.
const Adaptive = "adaptive"

// Bounds of an adaptive learning rate, and the factor of a change.
const (
	leastRate, mostRate = 1e-5, 1e-2
	rateFactor          = 1.5
)

// adapted returns the learning rate after an epoch with the approximate KL kl, a mean over
// minibatches. It is smaller where kl is above twice the target and larger where kl is below half
// of it. Schulman et al. (arXiv 1707.06347, section 4) adapt the weight of a penalty in this way;
// RSL-RL (Rudin et al., arXiv 2109.11978) adapts the learning rate, with this factor and these
// bounds.
func adapted(rate, kl, target float64) float64 {
	switch {
	case kl > 2*target:
		return max(min(leastRate, rate), rate/rateFactor)
	case kl < target/2:
		return min(max(mostRate, rate), rate*rateFactor)
	}
	return rate
}

// LearnerState implements rl.Stateful. It is the learning rate where that is adaptive.
func (l *learner) LearnerState() []float64 {
	if l.LRSchedule != Adaptive {
		return nil
	}
	return []float64{l.rate}
}

// SetLearnerState implements rl.Stateful.
func (l *learner) SetLearnerState(state []float64) {
	if l.LRSchedule == Adaptive {
		l.rate = state[0]
	}
}
