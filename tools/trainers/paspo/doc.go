// Command paspo takes gradient steps on the portfolio benchmark, for the table that compare.py makes: it prints how many
// a second the best of its bursts made, the floating-point operations of one for a row, and GFLOP/s of the core in a loop of
// multiply-adds, or writes a rollout and what steps on it give.
package main
