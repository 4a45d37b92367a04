// Package refuse ends reading in the middle of functions that call one another: what is
// wrong becomes the error of the function where reading began.
package refuse
