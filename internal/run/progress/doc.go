// Package progress shows the progress of commands on a terminal.
package progress
