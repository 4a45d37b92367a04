// Package envs states what an environment is, and steps them: one (Copy), many
// side by side (Vector), or whole episodes under a policy (Play). It knows
// polytopes and nothing of training.
//
// An environment of one's own implements Env, and a Problem makes copies of it
// and states the polytope of its actions: see the first example. Limits that
// follow the state are set by a Limiter, and a Coster says what an action earns that
// breaks constraints. Where runs are to resume bit for bit, the environment is a
// Snapshotter too. Policies that need no training come as an Allocator.
//
// The benchmarks of the paper are packages of their own: portfolio, compute and
// synthetic. So are channels and factor, which no setting was tuned on, market, which
// train portfolio trains on, and python, for environments in Python. Package benchmarks
// makes them by name, but for those in Python.
package envs
