// Package finite looks for numbers that are NaN or infinite.
package finite
