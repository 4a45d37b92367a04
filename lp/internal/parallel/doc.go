// Package parallel runs parts of a computation in goroutines.
package parallel
