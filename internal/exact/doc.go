// Package exact solves small linear programs in rational arithmetic. It decides
// where floating point cannot.
package exact
