//go:build cgo

// Command genptx makes the PTX of the kernels. It needs neither GPU nor driver,
// only NVRTC 12.0, which is taken from PyPI where none is named. With -check it
// compares instead, and with -usage it prints what the kernels take of a card, as
// ptxas of PyPI says.
//
//	go run ./kernels/internal/genptx [-lib libnvrtc.so.12] [-check] [-usage] [kernels]
package main
