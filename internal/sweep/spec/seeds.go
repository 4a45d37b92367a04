package spec

import (
	"fmt"
	"strconv"
	"strings"
)

// Seeds is a list of seeds as files and flags have it, such as 1..10 or 3,5,7..9.
type Seeds []uint64

// maxSeeds bounds a list.
const maxSeeds = 10_000

// Set implements pflag.Value. No seed may come twice: it would count twice.
func (s *Seeds) Set(text string) error {
	var all Seeds
	seen := map[uint64]bool{}
	for part := range strings.SplitSeq(text, ",") {
		part = strings.TrimSpace(part)
		from, to, found := strings.Cut(part, "..")
		if !found {
			to = from
		}
		a, e1 := strconv.ParseUint(from, 10, 64)
		b, e2 := strconv.ParseUint(to, 10, 64)
		if e1 != nil || e2 != nil || b < a {
			return fmt.Errorf("%q: seeds such as 1..10 or 3,5,7..9 are allowed", part)
		}
		if b-a >= maxSeeds || len(all)+int(b-a) >= maxSeeds {
			return fmt.Errorf("%q: at most %d seeds are allowed", text, maxSeeds)
		}
		for x := a; ; x++ {
			if seen[x] {
				return fmt.Errorf("seed %d comes twice", x)
			}
			seen[x] = true
			all = append(all, x)
			if x == b {
				break
			}
		}
	}
	*s = all
	return nil
}

// String writes the list with its ranges.
func (s Seeds) String() string {
	var parts []string
	for i := 0; i < len(s); {
		j := i
		for j+1 < len(s) && s[j+1] == s[j]+1 {
			j++
		}
		text := strconv.FormatUint(s[i], 10)
		if j > i {
			text += ".." + strconv.FormatUint(s[j], 10)
		}
		parts = append(parts, text)
		i = j + 1
	}
	return strings.Join(parts, ",")
}

// Type implements pflag.Value.
func (s *Seeds) Type() string { return "LIST" }
