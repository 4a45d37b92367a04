package config

import (
	"strings"

	"paspo/internal/spelling"
)

// Nearest returns the key with the nearest spelling, empty where none is near. A key that is right
// but in the wrong section counts as near.
func Nearest(key string, keys []string) string {
	best, least := "", 1+max(2, len(last(key))/2)
	for _, k := range keys {
		d := spelling.Distance(key, k)
		// A wrong section costs 1, so that the right one is preferred.
		if l := 1 + spelling.Distance(last(key), last(k)); l < d {
			d = l
		}
		if d < least && d < len(key) { // a distance of len(key) leaves nothing in common
			best, least = k, d
		}
	}
	return best
}

func last(key string) string { return key[strings.LastIndexByte(key, '.')+1:] }
