// Package stats holds the statistics that reports share.
package stats
