// Package cli is the command line: training allocation policies under hard linear
// constraints, evaluating and running them. A main of one's own adds a problem to the
// benchmarks and has every command:
//
//	func main() { cli.Main(mine.Problem{}) }
package cli
