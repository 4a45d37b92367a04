package cli

import (
	"bytes"
	"math"
	"testing"
)

func FuzzParseObservation(f *testing.F) {
	for _, s := range []string{"[1,2]", `{"obs":[1],"b":[2]}`, "[null]", "{}", "[1e999]", `{"obs":null}`, "nul", "[[1]]", `{"obs":[1],"obs":[2,3]}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		if line = bytes.TrimSpace(line); len(line) == 0 {
			return
		}
		obs, b, err := parseObservation(line)
		if err != nil {
			return
		}
		if obs == nil {
			t.Errorf("%q: no observation and no error", line)
		}
		for _, x := range append(obs, b...) {
			if math.IsNaN(x) || math.IsInf(x, 0) {
				t.Errorf("%q: %g", line, x)
			}
		}
	})
}
