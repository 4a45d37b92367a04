// Package powerlaw fits powers of sizes to measurements, some of which did not end.
package powerlaw
