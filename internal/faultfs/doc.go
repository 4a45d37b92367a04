// Package faultfs makes the disk that runs are kept on fail, fill up or stop at a
// chosen operation, for tests.
package faultfs
