// Package planner plays the compute benchmark by looking ahead: a policy that knows the law of
// arrivals, to say what can be reached.
package planner
