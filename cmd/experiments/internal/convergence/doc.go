// Package convergence holds what the convergence experiment measured, and shows it: the steps
// that trainings took, by the size of the problem, and the noise of their first gradients.
package convergence
