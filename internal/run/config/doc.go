// Package config combines the settings of all packages into one YAML document. It reads and writes
// the document, and has the presets.
package config
