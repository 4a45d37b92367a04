// Package marketmodel draws returns of assets as they could have been, from those that there
// were: in blocks, as they were, from a Gaussian, or from one of a few hidden states. It shows
// what a model misses of the data.
package marketmodel
