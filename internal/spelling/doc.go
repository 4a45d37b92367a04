// Package spelling compares names that may be misspelt.
package spelling
