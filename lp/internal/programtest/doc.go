// Package programtest checks what package program says of linear programs.
package programtest
