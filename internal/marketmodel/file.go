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
	Format  string      `json:"format"`
	Kind    string      `json:"kind"`
	Every   string      `json:"every"`
	Block   float64     `json:"block"`
	Assets  []string    `json:"assets"`
	Dates   []string    `json:"dates"`
	Returns [][]float64 `json:"returns"`
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
	return New(Description{f.Kind, f.Every, f.Block, f.Assets, f.Dates, f.Returns})
}

// Marshal returns what Parse reads.
func (m *Model) Marshal() ([]byte, error) {
	b, err := json.Marshal(file{format, m.kind, m.every, m.block, m.assets, m.dates, m.returns})
	if err != nil {
		return nil, err
	}
	return append(b, '\n'), nil
}
