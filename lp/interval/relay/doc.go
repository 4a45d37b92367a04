// Package relay hands rows of a batch from one method to the next, in the middle of an
// action where need be, and says what a query for an interval is.
package relay
