// Package hulltest draws points and points of their convex hull, for tests.
package hulltest
