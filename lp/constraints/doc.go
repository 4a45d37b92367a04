// Package constraints reads and writes polytopes: YAML files with bounds, groups and linear
// expressions (internal/expression), NumPy archives, generators of random ones, and the
// presets of the paper.
package constraints
