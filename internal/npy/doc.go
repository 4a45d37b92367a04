// Package npy reads arrays in the .npy format of NumPy (NumPy Enhancement Proposal 1), and
// checks what a header claims before anything is allocated.
package npy
