// Package baselines holds the algorithms that PASPO is compared with. Each file of an algorithm
// reads as its paper's pseudocode: cpo.go, cup.go, ipo.go, lagrangian.go, optlayer.go, p3o.go.
// Those of confined.go are PPO with policies whose actions satisfy every constraint. shared.go and
// update.go hold what they share, published.go the faults of the published code.
package baselines
