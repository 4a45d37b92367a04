// Package count writes numbers of things.
package count
