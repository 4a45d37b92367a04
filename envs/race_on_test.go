//go:build race

package envs

// raceDetector says that the tests run under the race detector, twenty times
// slower in loops of arithmetic.
const raceDetector = true
