// Package serve answers lines of JSON (docs/serving.md): whatever lines are there at a time
// are answered together.
package serve
