// Package policy defines the autoregressive policy of PASPO: the interface of a backend with
// its requests and results, the sizes of the networks, the state that is saved, and the
// normaliser of observations.
//
// The Beta distribution is in policy/dist, the de-biased start in policy/debias; the
// backends are policy/cpu and policy/gpu. A Family is another kind of policy, which draws
// an action as a whole: those that there are, and their backend, are in policy/joint.
package policy
