// Package ppo improves policies by proximal policy optimisation (Schulman et al.,
// Proximal Policy Optimization Algorithms, arXiv 1707.06347). Package rl has the loop of
// rollouts and updates.
package ppo
