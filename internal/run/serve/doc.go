// Package serve answers lines of JSON (docs/serving.md). Lines that arrive together are answered
// together.
package serve
