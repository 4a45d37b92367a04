// Package arm64 tests the program for arm64 on other machines: compiled by a cross compiler and
// run by qemu-user, which says whether it computes what it should and nothing of its speed.
package arm64
