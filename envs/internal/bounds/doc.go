// Package bounds holds bounds that follow the state of an environment. Where no allocation
// of its polytope satisfies them, they are relaxed by the least amount that lets one.
package bounds
