// Package policytest holds what tests of several packages of the policy share: requests,
// batches, settings and solvers.
package policytest
