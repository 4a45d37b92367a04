// Package setting checks settings. Its errors name the setting, its value and what is
// allowed.
package setting
