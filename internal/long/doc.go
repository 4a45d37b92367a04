// Package long marks tests that take long.
package long
