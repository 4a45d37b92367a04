// Package checkpoint keeps the state of training in files. It has the Checkpoint, the facts of the
// training that it comes from, its encoding, and the folder that holds the last few checkpoints
// of a training. Package rl makes checkpoints and restores trainers from them.
package checkpoint
