// Package warm answers intervals from bases that were optimal before (docs/method.md,
// section 4), and those of states with a matrix of their own by a simplex whose basis goes
// on from one entity to the next. It hands over what it cannot prove.
package warm
