// Package docs holds the test that what the documentation names is in the tree.
package docs
