package jsonkeys

import (
	"errors"
	"testing"
)

func TestCheck(t *testing.T) {
	for data, want := range map[string]string{
		``: "", `[`: "", `{`: "", `nonsense`: "", `{"a":1`: "", `"a"`: "",
		`{"a":1,"b":{"a":2},"c":[{"a":3},{"a":4}]}`: "",
		`{"a":"a","b":"a"}`:                         "",
		`["a","a"]`:                                 "",
		`{"a":["b","b"],"b":1}`:                     "",
		`{"a":1,"a":1}`:                             "a",
		`{"a":{"x":1},"a":null}`:                    "a",
		`{"a":{"x":{},"y":[],"x":1}}`:               "x",
		`[1,{"b":[{"c":"","c":""}]}]`:               "c",
		`{"a":1,"\u0061":2}`:                        "a",
		`{"a":1,"a":`:                               "a",
		`{"":1,"":2}`:                               "",
	} {
		err := Check([]byte(data))
		var e *DuplicateError
		if found := errors.As(err, &e); found != (want != "" || data == `{"":1,"":2}`) || found && e.Key != want {
			t.Errorf("%s: %v", data, err)
		}
	}
	err := Check([]byte(`{"obs":[1], "obs":[2]}`))
	var e *DuplicateError
	if !errors.As(err, &e) || e.Offset != 17 || e.Error() != `the key "obs" is given twice` {
		t.Errorf("%v", err)
	}
}
