package main

import "paspo/cli"

func main() { cli.Main(nil) }
