// Package rl trains policies: the loop that every algorithm shares. A Trainer plays a
// rollout, computes advantages, lets a Learner improve the policy, evaluates now and
// then, and keeps checkpoints.
//
// The rollout stores the intervals that actions were drawn from, so that learning computes no
// interval again (docs/method.md, section 7). All randomness comes from named streams, which a
// checkpoint carries, so that a resumed run goes on bit for bit.
package rl
