// Package search chooses points of a space of settings.
package search
