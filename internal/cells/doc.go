// Package cells measures text in the cells of a terminal, of which a letter of some
// scripts takes two and a mark over another none.
package cells
