package constraints

import (
	"bytes"
	"regexp"
	"strings"
	"testing"
)

var large = regexp.MustCompile(`[0-9]{2}`)

// Any file is a polytope that survives being written, or one line of an error
// that starts with the name of the file.
func FuzzDescription(f *testing.F) {
	f.Add([]byte(handWritten))
	f.Add([]byte("points: [[0.2, 0.8], [0.6, 0.4]]"))
	f.Add([]byte("entities: [A, B]\ntotal: none\nbounds: {A: [-1, 1], B: [-.inf, null]}\nconstraints: [A - B = 0.5]"))
	f.Add([]byte("generate: {method: rejection_sampling, entities: 4, rows: 2, seed: 1}"))
	for _, c := range badFiles {
		f.Add([]byte(c.file))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if large.Match(data) && bytes.Contains(data, []byte("generate")) {
			t.Skip() // large draws take their time
		}
		p, err := Parse("f.yaml", data)
		if err != nil {
			if s := err.Error(); !strings.HasPrefix(s, "f.yaml") || strings.ContainsAny(s, "\n\r") {
				t.Errorf("error %q", s)
			}
			return
		}
		roundTrip(t, p)
	})
}
