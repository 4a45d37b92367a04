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
	Returns []numbers   `json:"returns"`
	Hidden  *hiddenFile `json:"hidden,omitempty"`
}

// hiddenFile is Hidden in a file.
type hiddenFile struct {
	Initial     numbers     `json:"initial"`
	Transition  []numbers   `json:"transition"`
	Means       []numbers   `json:"means"`
	Covariances [][]numbers `json:"covariances"`
}

// numbers is a list of numbers. A null, which encoding/json takes for 0, is an error.
type numbers []float64

// UnmarshalJSON implements json.Unmarshaler.
func (p *numbers) UnmarshalJSON(data []byte) error {
	var all []*float64
	if err := json.Unmarshal(data, &all); err != nil {
		return err
	}
	*p = make(numbers, len(all))
	for j, x := range all {
		if x == nil {
			return fmt.Errorf("a list of numbers holds null in the place of number %d: a number is allowed", j)
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
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&f); err != nil {
		return nil, err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows the model")
	}
	if f.Format != format {
		return nil, fmt.Errorf("format is %q: %q is allowed", f.Format, format)
	}
	d := Description{
		Kind: f.Kind, Every: f.Every, Block: f.Block, Assets: f.Assets, Dates: f.Dates, Returns: lists[[]float64](f.Returns),
	}
	if h := f.Hidden; h != nil {
		d.Hidden = &Hidden{Initial: h.Initial, Transition: lists[[]float64](h.Transition), Means: lists[[]float64](h.Means)}
		for _, cov := range h.Covariances {
			d.Hidden.Covariances = append(d.Hidden.Covariances, lists[[]float64](cov))
		}
	}
	return New(d)
}

// lists returns lists of numbers as another type of such.
func lists[To, From ~[]float64](all []From) []To {
	out := make([]To, len(all))
	for i, x := range all {
		out[i] = To(x)
	}
	return out
}

// Marshal returns what Parse reads.
func (m *Model) Marshal() ([]byte, error) {
	f := file{Format: format, Kind: m.kind, Every: m.every, Block: m.block, Assets: m.assets, Dates: m.dates, Returns: lists[numbers](m.returns)}
	if h := m.hidden; h != nil {
		f.Hidden = &hiddenFile{Initial: h.Initial, Transition: lists[numbers](h.Transition), Means: lists[numbers](h.Means)}
		for _, cov := range h.Covariances {
			f.Hidden.Covariances = append(f.Hidden.Covariances, lists[numbers](cov))
		}
	}
	b, err := json.Marshal(f)
	if err != nil {
		return nil, err
	}
	return append(b, '\n'), nil
}
