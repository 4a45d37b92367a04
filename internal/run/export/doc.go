// Package export writes trained policies for use without this program.
package export
