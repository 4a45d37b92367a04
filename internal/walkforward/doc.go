// Package walkforward trains on a window of prices and trades what follows it, window after
// window, so that every number is of periods that nothing was trained on; and compares that
// with policies that need no training, under the same limits and costs.
package walkforward
