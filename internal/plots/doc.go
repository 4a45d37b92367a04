// Package plots draws what runs leave behind.
package plots
