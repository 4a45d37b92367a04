// Package race tells tests whether they run under the race detector, which lets sync.Pool
// forget.
package race
