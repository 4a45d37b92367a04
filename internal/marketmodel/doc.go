// Package marketmodel draws returns of assets as they could have been, from those that there
// were: in blocks, as they were, or from a Gaussian. It shows what a model misses of the data.
package marketmodel
