package warm

import "paspo/lp/internal/basis"

// sightings counts how often states were found lately, by their hashes.
type sightings [128]struct {
	hash  uint64
	times int64
}

// again returns how often the state was found, this time included.
func (s *sightings) again(state []basis.State) int64 {
	h := uint64(14695981039346656037) // FNV-1a
	for _, v := range state {
		h = (h ^ uint64(v)) * 1099511628211
	}
	at := &s[h>>57]
	if at.hash != h {
		at.hash, at.times = h, 0
	}
	at.times++
	return at.times
}

// halve halves all counts, so that recent states weigh more.
func (s *sightings) halve() {
	for x := range s {
		s[x].times /= 2
	}
}
