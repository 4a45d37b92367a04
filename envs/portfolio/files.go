package portfolio

import (
	_ "embed"
	"fmt"
	"strconv"

	"paspo/envs/internal/jsonfile"
)

//go:embed data.json
var data []byte

// builtinMarket returns the paper's market model and its backtest, decisions x
// assets.
func builtinMarket() (*market, []float64, error) {
	var d struct {
		Assets      []string
		Start       []float64
		Transition  [][]float64
		Means       [][]float64
		Covariances [][][]float64 `json:"covariances_lower"`
		Months      []string      `json:"backtest_months"`
		Returns     [][]float64   `json:"backtest_returns"`
	}
	if err := jsonfile.DecodeStrict(data, &d); err != nil {
		return nil, nil, fmt.Errorf("data.json: %w", err)
	}
	for _, c := range d.Covariances {
		for i := range c {
			for j := i + 1; j < len(c); j++ {
				c[i] = append(c[i], c[j][i])
			}
		}
	}
	m, err := newMarket(plainNames, d.Assets, d.Start, d.Transition, d.Means, d.Covariances)
	if err != nil {
		return nil, nil, fmt.Errorf("data.json: %w", err)
	}
	var months []float64
	for _, r := range d.Returns {
		months = append(months, r...)
	}
	return m, months, nil
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
func readMarket(file string, assets []string) (*market, error) {
	var d struct {
		Start       jsonfile.Vector   `json:"model.startprob_"`
		Transition  []jsonfile.Vector `json:"model.transmat_"`
		Means       []jsonfile.Vector `json:"model.means_"`
		Covariances []jsonfile.Matrix `json:"model.covars_"`
	}
	if err := jsonfile.Read(file, &d); err != nil {
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
		covariances[s] = jsonfile.Rows(c)
	}
	m, err := newMarket(names, assets, d.Start, jsonfile.Rows(d.Transition), jsonfile.Rows(d.Means), covariances)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return m, nil
}

// readMeta reads the names of the assets from a published meta-information file
// (model_meta_info_*.json).
func readMeta(file string) ([]string, error) {
	var d metaInfo
	if err := jsonfile.Read(file, &d); err != nil {
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
		Returns map[string]jsonfile.Vector `json:"data_ordered_returns"`
	}
	if err := jsonfile.Read(file, &d); err != nil {
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
