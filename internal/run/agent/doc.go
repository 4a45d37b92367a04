// Package agent puts together what a configuration describes: a problem, the
// intervals of its polytope, and a policy.
package agent
