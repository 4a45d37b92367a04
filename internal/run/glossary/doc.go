// Package glossary explains the numbers of a run and the words of its reports.
package glossary
