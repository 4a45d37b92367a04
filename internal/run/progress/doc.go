// Package progress shows on a terminal how far training is.
package progress
