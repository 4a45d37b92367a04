// Package joint holds policies that draw an action as a whole, not entity by entity:
// what the methods that PASPO is compared with train.
package joint
