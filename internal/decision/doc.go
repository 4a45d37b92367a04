// Package decision says what to trade today: what the policy of a walk wants to hold, at the last
// prices and from what is held, and orders in whole lots that keep every limit.
package decision
