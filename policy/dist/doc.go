// Package dist holds the distributions that policies are made of: densities,
// gradients, entropies, exact sampling of logarithms, and maximum likelihood.
package dist
