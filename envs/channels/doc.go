// Package channels is a problem that no setting was tuned on: a budget over twenty
// channels with caps that follow the state.
package channels
