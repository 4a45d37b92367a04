package jsonkeys

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// DuplicateError says that an object has a key twice.
type DuplicateError struct {
	Key    string
	Offset int64 // in bytes, behind the second key
}

func (e *DuplicateError) Error() string {
	key := e.Key
	const most = 60
	if len(key) > most {
		key = key[:most] + "..."
	}
	return fmt.Sprintf("the key %q is given twice", key)
}

// Check returns a *DuplicateError for the first key that an object in data, at any
// depth, has twice. What is not valid JSON is left to the decoder: Check ends where
// that begins.
func Check(data []byte) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	type level struct {
		seen map[string]bool // nil of a list
		key  bool            // the next token is a key
	}
	var open []level
	for {
		token, err := d.Token()
		if err != nil {
			return nil
		}
		var top *level
		if len(open) > 0 {
			top = &open[len(open)-1]
		}
		if key, ok := token.(string); ok && top != nil && top.key {
			if top.seen[key] {
				return &DuplicateError{key, d.InputOffset()}
			}
			top.seen[key], top.key = true, false
			continue
		}
		if top != nil && top.seen != nil {
			top.key = true // behind this value, or the end of this object
		}
		switch token {
		case json.Delim('{'):
			open = append(open, level{map[string]bool{}, true})
		case json.Delim('['):
			open = append(open, level{})
		case json.Delim('}'), json.Delim(']'):
			open = open[:len(open)-1]
			if len(open) > 0 && open[len(open)-1].seen != nil {
				open[len(open)-1].key = true
			}
		}
	}
}
