// Package vec holds arithmetic of vectors that several parts of lp share: products and
// sizes, orthonormal bases, powers of two to scale by, and numbers as fractions.
package vec
