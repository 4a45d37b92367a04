package baselines

import (
	"paspo/lp"
	"paspo/policy"
	"paspo/policy/joint"
)

// The algorithms of this file are PPO (Schulman et al., arXiv 1707.06347, equation 9) with policies
// whose actions satisfy every constraint.

// rejectionClip is the epsilon of the surrogate of rejected draws, equal to ppo.clip of the PASPO
// paper.
const rejectionClip = 0.3

// dirichletProjected projects draws of a Dirichlet distribution to the closest allocation.
func dirichletProjected(p *lp.Polytope, c policy.Config, _ Config) (policy.Family, error) {
	return joint.NewDirichletProjected(p, c)
}

// projection projects the actor's mean and differentiates the projection (OptLayer: Pham, De
// Magistris and Tachibana, arXiv 1709.07643).
func projection(p *lp.Polytope, _ policy.Config, c Config) (policy.Family, error) {
	return joint.NewProjection(p, c.Penalty)
}

// acceptReject draws until an allocation is feasible, and penalises draws that are not (ARAM:
// Hung, Sun and Hsieh, arXiv 2503.12932).
func acceptReject(p *lp.Polytope, net policy.Config, c Config) (policy.Family, error) {
	return joint.NewAcceptReject(p, net, c.Tries, c.RejectionPenalty, rejectionClip)
}

// rayMask scales the rays of a box to those of the polytope (Stolz et al., arXiv 2406.03704).
func rayMask(p *lp.Polytope, c policy.Config, _ Config) (policy.Family, error) {
	return joint.NewRayMask(p, c)
}

// truncatedNormal truncates a normal distribution to the polytope (Stolz, Eichelbeck and Althoff,
// arXiv 2511.22406).
func truncatedNormal(p *lp.Polytope, _ policy.Config, _ Config) (policy.Family, error) {
	return joint.NewTruncatedNormal(p, joint.DefaultTruncatedConfig())
}
