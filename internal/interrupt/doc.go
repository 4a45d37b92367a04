// Package interrupt calls functions that do not look at their context, or not often, and returns soon
// after that ends: a linear program of CLP, the fit of a de-biasing, a model of a market.
package interrupt
