// Package checkpoint keeps the state of training in files: what a Checkpoint holds, the facts that
// say whose it is, its bytes, and the folder in which a training keeps the last few. It knows
// nothing of the loop, which package rl takes checkpoints of and goes on from them.
package checkpoint
