// Package policytest makes requests, batches, settings and solvers for the tests of the
// packages of the policy.
package policytest
