package serve

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
)

var exampleLines = []string{
	"[1,2]", ` [ -0.0 , 1.5e-7,123456789012345678901234567890, 0.1 ] `, `{"obs":[1],"b":[2,null]}`, "[null]", "{}", "[1e999]", `{"obs":null}`, "nul", "[[1]]",
	`{"obs":[1],"obs":[2,3]}`, `{"id":"x y","obs":[1],"lower":[null,0],"upper":[null],"total":[1]}`, `{"id":-1.5e3,"obs":[]}`, `{"id":"\u0061","obs":[1]}`,
	`{"id":[1],"obs":[1]}`, `{"obs":[1],"A":[[1,2],[3,4]]}`, `{"obs":[1],"A":[[1,2],[3]]}`, `{"obs":[1],"total":[null]}`, "[01]", "[1.]", "[.5]", "[+1]", "[1e]", "[-]", "[1,]", "[1 2]",
	"[9007199254740993,9007199254740992.0,4503599627370497.5,1e22,1e23,0.000001e28]", `{"obs":[1]}x`, `{"obs":[1],}`, `{"ob":[1]}`, "[0x1p-2]", "[1_0]", "[NaN]", "[inf]", `{"id":"é","obs":[1]}`,
	`{"i\u0064":1,"obs":[1]}`, "[1]\v", "[]", "[-0]", "[5e-324,1.7976931348623157e308,2.2250738585072011e-308]", `{"id":1e999,"obs":[1]}`, `{"obs":[1],"b":[]}`, "{", `{"obs`, `{"obs":`, `{"obs":[nul`, `{"id":nul`,
}

// readFast and readStrictly give the same result for every line that readFast parses.
func FuzzRequest(f *testing.F) {
	for _, s := range exampleLines {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		if line = bytes.Trim(line, " \t\r"); len(line) == 0 || bytes.IndexByte(line, '\n') >= 0 {
			return
		}
		var fast, strict request
		err := strict.readStrictly(line)
		for i, list := range strict.lists {
			for _, x := range list {
				if math.IsNaN(x) || math.IsInf(x, 0) && math.IsNaN(none[i]) {
					t.Errorf("%q: %g", line, x)
				}
			}
		}
		if !fast.readFast(line) {
			return
		}
		if err != nil {
			t.Fatalf("%q is read, and strictly it is %v", line, err)
		}
		if fast.given != strict.given || !bytes.Equal(fast.id, strict.id) {
			t.Errorf("%q: given %v and %v, id %q and %q", line, fast.given, strict.given, fast.id, strict.id)
		}
		for i := range fast.lists {
			if !slices.EqualFunc(fast.lists[i], strict.lists[i], func(x, y float64) bool { return math.Float64bits(x) == math.Float64bits(y) }) {
				t.Errorf("%q: %v and %v", line, fast.lists[i], strict.lists[i])
			}
		}
	})
}

// readFast parses the lines that programs usually write.
func TestReadFast(t *testing.T) {
	for _, line := range []string{
		"[1, 2.5, -3e-7]", "[100.0,0.1251,1e+20,1E-5,123456789.123456789]", `{"obs": [1, 2], "id": "a-1"}`, `{"id":17,"obs":[1],"b":[0.5,null],"lower":[null],"upper":[1],"total":[1]}`,
		"[0.30000000000000004,9007199254740993,1e-300]",
	} {
		var q request
		if !q.readFast([]byte(line)) {
			t.Errorf("%s is left to the strict reader", line)
		}
	}
}

func TestRequests(t *testing.T) {
	for line, want := range map[string]string{
		`{"obs":[1],"id":true}`:       "id is true: a string or a number is allowed",
		`{"obs":[1],"Obs":[2]}`:       `unknown field "Obs": obs, b, total, lower, upper, holdings, A, id are allowed`,
		`{"obs":[1],"a":[[2]]}`:       `unknown field "a": obs, b, total, lower, upper, holdings, A, id are allowed`,
		`{"obs":[1],"c":[1]}`:         `unknown field "c": obs, b, total, lower, upper, holdings, A, id are allowed`,
		`{"b":[1]}`:                   "no obs: an observation is needed",
		`{"obs":[1,null]}`:            "component 1 of obs is null: a finite number is allowed",
		`{"obs":[1],"total":[null]}`:  "component 0 of total is null: a finite number is allowed",
		`{"obs":[1],"A":[1]}`:         "row 0 of A is no JSON list of numbers",
		`{"obs":[1],"A":[[1],[1,2]]}`: "row 1 of A has 2 numbers, row 0 has 1",
		"[1e400]":                     "component 0 of the observation is 1e400: a finite number is allowed",
	} {
		var q request
		if err := q.read([]byte(line)); !strings.HasPrefix(fmt.Sprint(err), want) {
			t.Errorf("%s: got %v, want %s", line, err, want)
		}
	}
	// The id is known where other fields have errors.
	var q request
	if err := q.read([]byte(`{"obs":[1,"x"],"id":"7"}`)); err == nil || string(q.id) != `"7"` {
		t.Errorf("id %s, error %v", q.id, err)
	}
}
