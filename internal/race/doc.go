// Package race tells tests whether they run under the race detector, which is
// twenty times slower in loops of arithmetic and lets sync.Pool forget.
package race
