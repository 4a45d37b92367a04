package ppo

// Adaptive is the schedule that lets the learning rate follow the divergence of updates.
const Adaptive = "adaptive"

// Bounds of an adaptive learning rate, and the factor of a change.
const (
	leastRate, mostRate = 1e-5, 1e-2
	rateFactor          = 1.5
)

// adapted returns the learning rate after an epoch whose approximate KL, the mean over its
// minibatches, was kl: smaller where that is above twice the target, larger where it is below half
// of it. Schulman et al. (arXiv 1707.06347, section 4) steer a penalty so; that it is the
// learning rate, with this factor and these bounds, is the rule of RSL-RL (Rudin et al., arXiv 2109.11978).
func adapted(rate, kl, target float64) float64 {
	switch {
	case kl > 2*target:
		return max(min(leastRate, rate), rate/rateFactor)
	case kl < target/2:
		return min(max(mostRate, rate), rate*rateFactor)
	}
	return rate
}

// Kept implements rl.Keeper: the learning rate where it is adaptive.
func (l *learner) Kept() []float64 {
	if l.LRSchedule != Adaptive {
		return nil
	}
	return []float64{l.rate}
}

// Keep implements rl.Keeper.
func (l *learner) Keep(kept []float64) {
	if l.LRSchedule == Adaptive {
		l.rate = kept[0]
	}
}
