// Package checkout finds the folders of the source tree that a tool or a test
// runs in.
package checkout
