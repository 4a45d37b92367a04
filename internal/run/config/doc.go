// Package config composes the settings of all packages into one YAML document.
package config
