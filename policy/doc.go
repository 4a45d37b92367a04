// Package policy holds the autoregressive policy of PASPO: its networks, the
// Beta distribution of each entity, the de-biased initialisation, and the
// backends that run them.
package policy
