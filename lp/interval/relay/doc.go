// Package relay hands rows of a batch over from one method to the next, in the middle of an
// action where need be, and keeps what an action in the making has come to.
package relay
