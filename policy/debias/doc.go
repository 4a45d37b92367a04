// Package debias fits the start of a policy to uniform points of its polytope, so that the
// initial policy is close to the uniform distribution (docs/method.md, section 8).
package debias
