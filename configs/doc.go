// Package configs holds the settings that learn best on a benchmark each.
package configs
