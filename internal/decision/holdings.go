package decision

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"paspo/envs/market"
	"paspo/internal/atomicfile"
	"paspo/internal/limits"
	"paspo/internal/run/config"
	"paspo/lp"
)

// readHoldings reads how much of every entity is held, 0 of one that the file does not name. An
// amount may be below 0 where the lower bound of the entity is, and of cash: fees may leave an
// account overdrawn that limits keep above 0.
func readHoldings(path string, entities, known []string, lower []float64) ([]float64, error) {
	data, err := limits.ReadFile(path, limits.Config)
	if err != nil {
		return nil, fmt.Errorf("cannot read holdings from %s: %w", path, atomicfile.Cause(err))
	}
	r := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(data, []byte("\ufeff"))))
	r.FieldsPerRecord, r.TrimLeadingSpace = -1, true
	held, seen := make([]float64, len(entities)), map[string]int{}
	var head []string
	ticker, shares := -1, -1
	for {
		record, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		var parse *csv.ParseError
		if errors.As(err, &parse) {
			return nil, fmt.Errorf("%s:%d: %w", path, parse.Line, parse.Err)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		n, _ := r.FieldPos(0)
		if head == nil {
			head, ticker, shares = record, only(record, "ticker", "symbol"), only(record, "shares", "quantity", "qty")
			if ticker < 0 || shares < 0 {
				return nil, fmt.Errorf(`%s:%d: the names are %q: "ticker,shares" are allowed, then lines such as "AAPL,10", separated by commas; symbol stands for ticker, quantity or qty for shares, and other columns are not read`, path, n, strings.Join(head, ","))
			}
			continue
		}
		if len(record) != len(head) {
			return nil, fmt.Errorf("%s:%d: the number of fields is %d: %d are allowed, as in the first line, and no commas between thousands", path, n, len(record), len(head))
		}
		name := strings.TrimSpace(record[ticker])
		i := slices.Index(entities, name)
		if i < 0 {
			msg := fmt.Sprintf("%s:%d: %s is no entity of the limits", path, n, name)
			if lp.CheckName(name) != nil {
				msg = fmt.Sprintf("%s:%d: %q is no entity of the limits", path, n, name)
			}
			near := config.Nearest(name, entities)
			if k := slices.IndexFunc(entities, func(e string) bool { return strings.EqualFold(e, name) }); k >= 0 {
				near = entities[k]
			}
			if near != "" && !slices.Contains(known, name) {
				msg += fmt.Sprintf("; did you mean %s?", near)
			}
			return nil, errors.New(msg)
		}
		if before, twice := seen[name]; twice {
			return nil, fmt.Errorf("%s:%d: %s was given in line %d already", path, n, name, before)
		}
		seen[name] = n
		text := strings.TrimSpace(record[shares])
		x, err := strconv.ParseFloat(text, 64)
		least, why := 0., ", as the limits allow no shorts of it"
		if lower[i] < 0 || name == market.Cash {
			least, why = -1e15, ""
		}
		if err != nil && strings.Contains(text, ",") {
			return nil, fmt.Errorf("%s:%d: %s: what is held is %q: a number with a point for decimals and nothing between thousands is allowed", path, n, name, text)
		}
		if err != nil || !(x >= least && x <= 1e15) {
			return nil, fmt.Errorf("%s:%d: %s: what is held is %q: a number from %g to 1e15 is allowed%s", path, n, name, text, least, why)
		}
		held[i] = x
	}
	return held, nil
}

// only returns the only column that has one of these names, -1 where there is none or more.
func only(head []string, names ...string) (at int) {
	at = -1
	for i, h := range head {
		if !slices.Contains(names, strings.ToLower(strings.TrimSpace(h))) {
			continue
		}
		if at >= 0 {
			return -1
		}
		at = i
	}
	return at
}
