// Package closedform answers intervals from their closed form: every endpoint is the
// largest or the least of affine pieces, which are found once for a polytope
// (docs/method.md, section 3). Other limits, prefixes and ill-conditioned endpoints are
// handed over.
package closedform
