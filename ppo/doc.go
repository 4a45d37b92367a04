// Package ppo trains policies by proximal policy optimisation (Schulman et al.,
// Proximal Policy Optimization Algorithms, arXiv 1707.06347) with generalised
// advantage estimation (Schulman et al., arXiv 1506.02438).
//
// A Trainer alternates a rollout and an update. The rollout stores with every
// transition the intervals its action was drawn from, so that an update needs no
// linear programs (DESIGN section 3). All randomness comes from named streams,
// which a checkpoint carries, so a resumed run continues bit for bit.
package ppo
