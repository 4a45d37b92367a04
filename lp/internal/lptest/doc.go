// Package lptest draws polytopes and limits for tests, and walks solvers through actions
// that rational arithmetic judges.
package lptest
