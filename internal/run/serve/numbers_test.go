package cli

import (
	"bytes"
	"math"
	"testing"

	"paspo/envs"
)

func FuzzParseObservation(f *testing.F) {
	for _, s := range []string{"[1,2]", `{"obs":[1],"b":[2],"A":[[1,2],[3,4]]}`, `{"obs":[1],"A":[[1],[3,4]],"lower":[0]}`, "[null]", "{}", "[1e999]", `{"obs":null}`, "nul", "[[1]]", `{"obs":[1],"obs":[2,3]}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		if line = bytes.TrimSpace(line); len(line) == 0 {
			return
		}
		obs, lim, given, err := parseObservation(line)
		if err != nil {
			return
		}
		if obs == nil {
			t.Errorf("%q: no observation and no error", line)
		}
		all := obs
		for _, name := range given {
			v := *envs.Fields(&lim)[name]
			if v == nil {
				t.Errorf("%q: %s is given and nil", line, name)
			}
			all = append(all, v...)
		}
		for _, x := range all {
			if math.IsNaN(x) || math.IsInf(x, 0) {
				t.Errorf("%q: %g", line, x)
			}
		}
	})
}
