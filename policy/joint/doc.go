// Package joint holds policies that draw an action as a whole, not entity by entity. The
// methods that PASPO is compared with train them.
package joint
