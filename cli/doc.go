// Package cli is the command line: it trains, evaluates and runs allocation policies under
// hard linear constraints. A program of your own that calls Main adds a problem to the
// benchmarks and has every command:
//
//	func main() { cli.Main(mine.Problem{}) }
package cli
