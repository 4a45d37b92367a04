// Package report compares a trained policy with policies that need no training, and has the tables
// and the summary of a run.
package report
