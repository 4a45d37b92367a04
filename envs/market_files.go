package envs

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"

	"paspo/internal/jsonkeys"
	"paspo/internal/limits"
)

//go:embed data/portfolio.json
var portfolioData []byte

// builtinMarket returns the paper's market model and its backtest, decisions x
// assets.
func builtinMarket() (*Market, []float64, error) {
	var d struct {
		Assets      []string
		Start       []float64
		Transition  [][]float64
		Means       [][]float64
		Covariances [][][]float64 `json:"covariances_lower"`
		Months      []string      `json:"backtest_months"`
		Returns     [][]float64   `json:"backtest_returns"`
	}
	if err := decodeStrict(portfolioData, &d); err != nil {
		return nil, nil, fmt.Errorf("data/portfolio.json: %w", err)
	}
	for _, c := range d.Covariances {
		for i := range c {
			for j := i + 1; j < len(c); j++ {
				c[i] = append(c[i], c[j][i])
			}
		}
	}
	m, err := NewMarket(d.Assets, d.Start, d.Transition, d.Means, d.Covariances)
	if err != nil {
		return nil, nil, fmt.Errorf("data/portfolio.json: %w", err)
	}
	var months []float64
	for _, r := range d.Returns {
		months = append(months, r...)
	}
	return m, months, nil
}

func decodeStrict(data []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	return d.Decode(v)
}

// metaInfo is what this project reads of a published meta-information file; the
// backtest file states the same of its data.
type metaInfo struct {
	Info *struct {
		Assets []string `json:"ordered_list_data_sets"`
	} `json:"data_info"`
}

func (m *metaInfo) check(file string) error {
	if m.Info == nil || len(m.Info.Assets) == 0 {
		return fmt.Errorf("%s: data_info.ordered_list_data_sets is missing or empty: it has to name the assets", file)
	}
	seen := map[string]bool{}
	for i, a := range m.Info.Assets {
		if a == "" || seen[a] {
			return fmt.Errorf("%s: data_info.ordered_list_data_sets[%d] is %q: names have to be distinct and not empty", file, i, a)
		}
		seen[a] = true
	}
	return nil
}

// readMarket reads a published parameter file (model_parameter_*.json) of the
// named assets.
func readMarket(file string, assets []string) (*Market, error) {
	var d struct {
		Start       vector   `json:"model.startprob_"`
		Transition  []vector `json:"model.transmat_"`
		Means       []vector `json:"model.means_"`
		Covariances []matrix `json:"model.covars_"`
	}
	if err := readJSON(file, &d); err != nil {
		return nil, err
	}
	names := marketNames{"model.startprob_", "model.transmat_", "model.means_", "model.covars_"}
	for _, f := range []struct {
		name string
		n    int
	}{
		{names.start, len(d.Start)},
		{names.transition, len(d.Transition)},
		{names.means, len(d.Means)},
		{names.covariances, len(d.Covariances)},
	} {
		if f.n == 0 {
			return nil, fmt.Errorf("%s: %s is missing or empty", file, f.name)
		}
	}
	covariances := make([][][]float64, len(d.Covariances))
	for s, c := range d.Covariances {
		covariances[s] = plain(c)
	}
	m, err := newMarket(names, assets, d.Start, plain(d.Transition), plain(d.Means), covariances)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return m, nil
}

// readMeta reads the names of the assets from a published meta-information file
// (model_meta_info_*.json).
func readMeta(file string) ([]string, error) {
	var d metaInfo
	if err := readJSON(file, &d); err != nil {
		return nil, err
	}
	if err := d.check(file); err != nil {
		return nil, err
	}
	return d.Info.Assets, nil
}

// readBacktest reads real monthly returns, months x assets, from a published
// backtest file (model_backtesting_*.json).
func readBacktest(file string, assets []string) ([]float64, error) {
	var d struct {
		metaInfo
		Returns map[string]vector `json:"data_ordered_returns"`
	}
	if err := readJSON(file, &d); err != nil {
		return nil, err
	}
	if err := d.check(file); err != nil {
		return nil, err
	}
	if got := d.Info.Assets; len(got) != len(assets) {
		return nil, fmt.Errorf("%s: data_info.ordered_list_data_sets has %d assets, the market model %d", file, len(got), len(assets))
	}
	for i, a := range d.Info.Assets {
		if a != assets[i] {
			return nil, fmt.Errorf("%s: data_info.ordered_list_data_sets[%d] is %q, in the market model it is %q", file, i, a, assets[i])
		}
	}
	if len(d.Returns) == 0 {
		return nil, fmt.Errorf("%s: data_ordered_returns is missing or empty", file)
	}
	var months []float64
	for t := range len(d.Returns) {
		r, ok := d.Returns[strconv.Itoa(t)]
		if !ok {
			return nil, fmt.Errorf("%s: data_ordered_returns has %d months, but none is %q: they are numbered from \"0\" on", file, len(d.Returns), strconv.Itoa(t))
		}
		if len(r) != len(assets) {
			return nil, fmt.Errorf("%s: data_ordered_returns[%q] has %d returns, not one for each of %d assets", file, strconv.Itoa(t), len(r), len(assets))
		}
		for i, x := range r {
			if x <= -1 {
				return nil, fmt.Errorf("%s: data_ordered_returns[%q][%d] is %g: a return is above -1", file, strconv.Itoa(t), i, x)
			}
		}
		months = append(months, r...)
	}
	return months, nil
}

// vector is a list of numbers in a file. A null, which encoding/json takes for
// 0, is an error.
type vector []float64

type matrix []vector

func (v *vector) UnmarshalJSON(b []byte) error {
	var xs []*float64
	if err := json.Unmarshal(b, &xs); err != nil {
		return err
	}
	*v = make(vector, len(xs))
	for i, x := range xs {
		if x == nil {
			return fmt.Errorf("entry %d of a list of numbers is null", i)
		}
		(*v)[i] = *x
	}
	return nil
}

func plain(rows []vector) [][]float64 {
	out := make([][]float64, len(rows))
	for i, r := range rows {
		out[i] = r
	}
	return out
}

// readJSON decodes a file that holds one JSON value. Fields that v lacks are
// left out, since published files carry much besides.
func readJSON(file string, v any) error {
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

func lineOf(data []byte, offset int64) int {
	offset = min(max(offset, 0), int64(len(data)))
	return 1 + bytes.Count(data[:offset], []byte{'\n'})
}
