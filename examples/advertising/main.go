// Command advertising trains policies for an environment of one's own: a module outside
// of paspo's, whose binary has every command.
//
//	go run . --steps 20_000
package main

import "paspo/cli"

func main() { cli.Main(Problem{}) }
