// Package expression is the language of constraints in words, such as
// "0.1 <= TECH + 2*CASH <= 0.4": it reads what people write into rows of a polytope, and
// writes rows as people write them.
package expression
