// Command train trains allocation policies under hard linear constraints,
// evaluates and runs them.
package main
