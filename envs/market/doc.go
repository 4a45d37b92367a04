// Package market allocates wealth over cash and assets, period by period, under costs of
// trading: on returns that a model of the market draws, or on those that there were.
package market
