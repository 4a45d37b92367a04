package marketmodel

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"paspo/internal/atomicfile"
	"paspo/internal/jsonkeys"
	"paspo/internal/limits"
)

// format is what a file calls its form.
const format = "market 1"

// file is market.json. docs/portfolio.md has its fields.
type file struct {
	Format  string   `json:"format"`
	Kind    string   `json:"kind"`
	Every   string   `json:"every"`
	Block   float64  `json:"block"`
	Assets  []string `json:"assets"`
	Dates   []string `json:"dates"`
	Returns []period `json:"returns"`
}

// period has the returns of a period. A null, which encoding/json takes for 0, is an error.
type period []float64

// UnmarshalJSON implements json.Unmarshaler.
func (p *period) UnmarshalJSON(data []byte) error {
	var all []*float64
	if err := json.Unmarshal(data, &all); err != nil {
		return err
	}
	*p = make(period, len(all))
	for j, x := range all {
		if x == nil {
			return fmt.Errorf("a list of returns holds null in the place of number %d: a number above -1 is allowed", j)
		}
		(*p)[j] = *x
	}
	return nil
}

// Read reads the file of a model. Errors begin with its name.
func Read(path string) (*Model, error) {
	data, err := limits.ReadFile(path, limits.Market)
	if err != nil {
		return nil, fmt.Errorf("cannot read the market model %s: %w", path, atomicfile.Cause(err))
	}
	m, err := Parse(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return m, nil
}

// Parse reads what a file holds.
func Parse(data []byte) (*Model, error) {
	if err := jsonkeys.Check(data); err != nil {
		return nil, err
	}
	var f file
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(&f); err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows the model")
	}
	if f.Format != format {
		return nil, fmt.Errorf("format is %q: %q is allowed", f.Format, format)
	}
	returns := make([][]float64, len(f.Returns))
	for i, p := range f.Returns {
		returns[i] = p
	}
	return New(Description{f.Kind, f.Every, f.Block, f.Assets, f.Dates, returns})
}

// Marshal returns what Parse reads.
func (m *Model) Marshal() ([]byte, error) {
	f := file{format, m.kind, m.every, m.block, m.assets, m.dates, make([]period, len(m.returns))}
	for i, r := range m.returns {
		f.Returns[i] = r
	}
	b, err := json.Marshal(f)
	if err != nil {
		return nil, err
	}
	return append(b, '\n'), nil
}
