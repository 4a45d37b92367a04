package jsonfile

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"paspo/internal/jsonkeys"
	"paspo/internal/limits"
)

// Read decodes a file that holds one JSON value. Fields that v lacks are passed over: published
// files have many that nothing here needs.
func Read(file string, v any) error {
	data, err := limits.ReadFile(file, limits.Market)
	if err != nil {
		return err
	}
	var twice *jsonkeys.DuplicateError
	if err := jsonkeys.Check(data); errors.As(err, &twice) {
		return fmt.Errorf("%s:%d: %w", file, lineOf(data, twice.Offset), err)
	}
	d := json.NewDecoder(bytes.NewReader(data))
	err = d.Decode(v)
	if err == nil {
		if _, next := d.Token(); next != io.EOF {
			err = errors.New("something follows the JSON value")
		}
	}
	if err == nil {
		return nil
	}
	at := d.InputOffset()
	var syntax *json.SyntaxError
	var mistyped *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		at = syntax.Offset
	case errors.As(err, &mistyped):
		return fmt.Errorf("%s:%d: %s holds a %s, not a %s", file, lineOf(data, mistyped.Offset), mistyped.Field, mistyped.Value, mistyped.Type)
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return fmt.Errorf("%s: the file ends inside the JSON value", file)
	}
	return fmt.Errorf("%s:%d: %w", file, lineOf(data, at), err)
}

// DecodeStrict decodes data whose fields v has all.
func DecodeStrict(data []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	return d.Decode(v)
}

// Vector is a list of numbers in a file. A null, which encoding/json takes for
// 0, is an error.
type Vector []float64

// Matrix is a list of rows.
type Matrix []Vector

func (v *Vector) UnmarshalJSON(b []byte) error {
	var xs []*float64
	if err := json.Unmarshal(b, &xs); err != nil {
		return err
	}
	*v = make(Vector, len(xs))
	for i, x := range xs {
		if x == nil {
			return fmt.Errorf("entry %d of a list of numbers is null", i)
		}
		(*v)[i] = *x
	}
	return nil
}

// Rows returns rows as slices.
func Rows(rows []Vector) [][]float64 {
	out := make([][]float64, len(rows))
	for i, r := range rows {
		out[i] = r
	}
	return out
}

func lineOf(data []byte, offset int64) int {
	offset = min(max(offset, 0), int64(len(data)))
	return 1 + bytes.Count(data[:offset], []byte{'\n'})
}
