// Package factor is a portfolio whose exposure to a risk factor is capped. The betas of its
// assets follow the state, and with them a row of the constraints' matrix.
package factor
