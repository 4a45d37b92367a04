// Package slurmtest runs Slurm for tests: its real daemons as plain processes of this
// machine, each node one of them.
package slurmtest
