// Package check finds out what constraints are like: the range of every entity, redundant rows,
// the feasible share, and how intervals are answered.
package check
