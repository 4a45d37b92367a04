// Package dist holds the distributions that policies are made of: densities, gradients, entropies,
// exact sampling of logarithms, and maximum likelihood. They are complete: moments and distribution
// functions that training has no use for serve whoever checks it.
package dist
