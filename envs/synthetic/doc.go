// Package synthetic is the synthetic benchmark: in each of a few states the reward is a
// fixed random network of the action. Its optimum is found by a search.
package synthetic
