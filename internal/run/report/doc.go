// Package report compares a trained policy with policies that need no training.
package report
