// Package envstest holds what the tests of the benchmarks share.
package envstest
