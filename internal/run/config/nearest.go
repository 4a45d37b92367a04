package config

import "strings"

// Nearest returns the key that a misspelt one most likely means, empty where
// none is close. A key may also be right but in the wrong section.
func Nearest(key string, keys []string) string {
	best, least := "", 1+max(2, len(last(key))/2)
	for _, k := range keys {
		d := distance(key, k)
		// One more for the section, so that the own one wins.
		if l := 1 + distance(last(key), last(k)); l < d {
			d = l
		}
		if d < least && d < len(key) { // else they have nothing in common
			best, least = k, d
		}
	}
	return best
}

func last(key string) string { return key[strings.LastIndexByte(key, '.')+1:] }

// distance is the Damerau-Levenshtein distance with adjacent transpositions
// (optimal string alignment).
func distance(a, b string) int {
	older := make([]int, len(b)+1)
	prev := make([]int, len(b)+1)
	row := make([]int, len(b)+1)
	for j := range prev {
		prev[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(prev[j]+1, row[j-1]+1, prev[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], older[j-2]+1)
			}
		}
		older, prev, row = prev, row, older
	}
	return prev[len(b)]
}
