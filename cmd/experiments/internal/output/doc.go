// Package output writes what an experiment found: tables, plots and data.
package output
