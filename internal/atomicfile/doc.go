// Package atomicfile writes files whole or not at all.
package atomicfile
