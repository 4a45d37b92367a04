// Package bench measures the speed of every stage of training.
package bench
