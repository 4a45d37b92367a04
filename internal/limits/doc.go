// Package limits bounds what is read, so that memory does not follow whatever a
// file or a line happens to hold.
package limits
