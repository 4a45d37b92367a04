// Package page writes one HTML file that needs no network about runs and sweeps.
package page
