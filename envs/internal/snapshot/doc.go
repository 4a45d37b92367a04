// Package snapshot writes and reads the fixed little-endian form in which
// environments are saved.
package snapshot
