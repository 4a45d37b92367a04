// Package baselines holds the algorithms that PASPO is compared with, one a file. A file
// reads as its paper's pseudocode; what algorithms share is in files of its own.
package baselines
