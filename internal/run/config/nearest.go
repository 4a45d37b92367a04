package config

import (
	"strings"

	"paspo/internal/spelling"
)

// Nearest returns the key that a misspelt one most likely means, empty where
// none is close. A key may also be right but in the wrong section.
func Nearest(key string, keys []string) string {
	best, least := "", 1+max(2, len(last(key))/2)
	for _, k := range keys {
		d := spelling.Distance(key, k)
		// One more for the section, so that the own one wins.
		if l := 1 + spelling.Distance(last(key), last(k)); l < d {
			d = l
		}
		if d < least && d < len(key) { // else they have nothing in common
			best, least = k, d
		}
	}
	return best
}

func last(key string) string { return key[strings.LastIndexByte(key, '.')+1:] }
