// Package jsonfile reads the JSON files of the benchmarks with errors that name file
// and line.
package jsonfile
