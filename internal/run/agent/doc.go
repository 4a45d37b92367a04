// Package agent makes what a configuration describes: a problem, a solver for the intervals of its
// polytope, and a policy. It starts, resumes and finishes training runs.
package agent
