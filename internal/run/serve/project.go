package serve

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"paspo/internal/limits"
	"paspo/lp"
)

// StartsCSV says whether the first character after white space is none that a list begins with.
func StartsCSV(in *bufio.Reader) (bool, error) {
	for {
		c, err := in.ReadByte()
		switch {
		case errors.Is(err, io.EOF):
			return false, nil
		case err != nil:
			return false, fmt.Errorf("reading points: %w", err)
		case !strings.ContainsRune(" \t\r\n", rune(c)):
			return c != '[' && c != '{', in.UnreadByte()
		}
	}
}

// ProjectCSV answers a table of points, with a column an entity, with one of the closest allocations.
// Other columns are copied.
func ProjectCSV(projector *lp.Projector, entities []string, in io.Reader, out io.Writer) error {
	data, err := io.ReadAll(io.LimitReader(in, limits.Prices+1))
	if err != nil {
		return fmt.Errorf("reading points: %w", err)
	}
	if len(data) > limits.Prices {
		return fmt.Errorf("the points are more than %s: JSON lines may be any number", limits.Bytes(limits.Prices))
	}
	r, w := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(data, []byte("\ufeff")))), csv.NewWriter(out)
	r.TrimLeadingSpace = true
	head, err := r.Read()
	if err != nil {
		return fmt.Errorf("points: %w", err)
	}
	column := make([]int, len(entities))
	for i, name := range entities {
		column[i] = slices.Index(head, name)
		if column[i] < 0 {
			return fmt.Errorf("points, line 1: there is no column %s: names of all entities are needed, or points as JSON lines", name)
		}
		if slices.Contains(head[column[i]+1:], name) {
			return fmt.Errorf("points, line 1: two columns are called %s", name)
		}
	}
	x, y := make([]float64, len(entities)), make([]float64, len(entities))
	for row := head; ; {
		if err := w.Write(row); err != nil {
			return fmt.Errorf("writing answers: %w", err)
		}
		if row, err = r.Read(); errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("points: %w", err)
		}
		for i, c := range column {
			text := strings.TrimSpace(row[c])
			if x[i], err = strconv.ParseFloat(text, 64); err != nil {
				line, _ := r.FieldPos(c)
				return fmt.Errorf("points, line %d: %s is %q: a number is needed", line, entities[i], text)
			}
		}
		if err := projector.Project(y, x, nil); err != nil {
			line, _ := r.FieldPos(0)
			return fmt.Errorf("points, line %d: %w", line, err)
		}
		for i, c := range column {
			row[c] = strconv.FormatFloat(y[i], 'g', -1, 64)
		}
	}
	if w.Flush(); w.Error() != nil {
		return fmt.Errorf("writing answers: %w", w.Error())
	}
	return nil
}
