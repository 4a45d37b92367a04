// Command train trains allocation policies under hard linear constraints,
// evaluates and runs them.
package main

import "paspo/cli"

func main() { cli.Main(nil) }
