// Command experiments regenerates docs/experiments: trainings over several
// seeds, which are sweeps, with tables, plots and learning curves.
package main
