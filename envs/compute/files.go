package compute

import (
	_ "embed"
	"fmt"
	"math"
	"strconv"
	"strings"

	"paspo/envs/internal/jsonfile"
)

//go:embed data.json
var data []byte

func builtinCompute() ([]float64, []user, error) {
	var d struct {
		Hz    []float64 `json:"servers_hz"`
		Users []struct {
			Bits, Cycles   [2]int64
			Tasks, Seconds float64
		}
	}
	if err := jsonfile.DecodeStrict(data, &d); err != nil {
		return nil, nil, fmt.Errorf("data.json: %w", err)
	}
	users := make([]user, len(d.Users))
	for i, u := range d.Users {
		users[i] = user{bits: u.Bits, cycles: u.Cycles, tasks: u.Tasks, seconds: u.Seconds}
	}
	return d.Hz, users, nil
}

// readCompute reads a published parameter file: servers and users numbered from
// "0" on, numbers as strings with commas between thousands.
func readCompute(file string) ([]float64, []user, error) {
	var d struct {
		Servers map[string]map[string]string `json:"server_config"`
		Users   map[string]map[string]string `json:"user_config"`
	}
	if err := jsonfile.Read(file, &d); err != nil {
		return nil, nil, err
	}
	f := fields{file: file}
	hz := make([]float64, len(d.Servers))
	for i := range hz {
		f.enter("server_config", strconv.Itoa(i), d.Servers)
		r := f.integers("server_max_frequency", "hz", 1)
		if f.err == nil && r[0] != r[1] {
			f.err = fmt.Errorf("%s: the limits of server_max_frequency are %d and %d: only servers of a fixed frequency are supported", f.at, r[0], r[1])
		}
		hz[i] = float64(r[0])
	}
	users := make([]user, len(d.Users))
	for i := range users {
		f.enter("user_config", strconv.Itoa(i), d.Users)
		users[i] = user{
			bits:    f.integers("task_data_size", "bits", 0),
			cycles:  f.integers("task_computing_size", "cycles", 0),
			tasks:   f.positive("average_number_task_spawning_per_interval", 1e6),
			seconds: f.positive("interval_length_in_sec", 1e9),
		}
	}
	switch {
	case f.err != nil:
		return nil, nil, f.err
	case len(hz) == 0:
		return nil, nil, fmt.Errorf("%s: server_config is missing or empty", file)
	case len(users) == 0:
		return nil, nil, fmt.Errorf("%s: user_config is missing or empty", file)
	}
	return hz, users, nil
}

// fields reads the numbers of one entry. Its first error sticks.
type fields struct {
	file, at string
	m        map[string]string
	err      error
}

func (f *fields) enter(section, key string, entries map[string]map[string]string) {
	if f.err != nil {
		return
	}
	f.at = fmt.Sprintf("%s: %s.%s", f.file, section, key)
	var ok bool
	if f.m, ok = entries[key]; !ok {
		f.err = fmt.Errorf("%s: %s has %d entries, but none is %q: they are numbered from \"0\" on", f.file, section, len(entries), key)
	}
}

func (f *fields) text(name string) string {
	s, ok := f.m[name]
	if !ok && f.err == nil {
		f.err = fmt.Errorf("%s.%s is missing", f.at, name)
	}
	return s
}

// integers reads name_lower_limit_unit and name_upper_limit_unit.
func (f *fields) integers(name, unit string, least int64) [2]int64 {
	var r [2]int64
	for k, end := range [...]string{"lower", "upper"} {
		field := fmt.Sprintf("%s_%s_limit_%s", name, end, unit)
		s := f.text(field)
		x, err := strconv.ParseInt(strings.ReplaceAll(s, ",", ""), 10, 64)
		// 2^53 is where float64 stops holding every integer.
		if f.err == nil && (err != nil || x < least || x > 1<<53) {
			f.err = fmt.Errorf("%s.%s is %q: a whole number of at least %d is allowed, as \"1,690,694\"", f.at, field, s, least)
		}
		r[k] = x
	}
	if f.err == nil && r[0] > r[1] {
		f.err = fmt.Errorf("%s: the lower limit of %s, %d, is above the upper one, %d", f.at, name, r[0], r[1])
	}
	return r
}

func (f *fields) positive(name string, most float64) float64 {
	s := f.text(name)
	x, err := strconv.ParseFloat(strings.ReplaceAll(s, ",", ""), 64)
	if f.err == nil && (err != nil || math.IsNaN(x) || x <= 0 || x > most) {
		f.err = fmt.Errorf("%s.%s is %q: a number above 0 and at most %g is allowed", f.at, name, s, most)
	}
	return x
}
