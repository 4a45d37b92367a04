// Package plan prints what a sweep would train, and about how long that takes.
package plan
