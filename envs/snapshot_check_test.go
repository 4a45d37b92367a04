package envs

import (
	"encoding/binary"
	"errors"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

type saver struct{ *houseEnv }

func (s saver) MarshalBinary() ([]byte, error) {
	b := binary.LittleEndian.AppendUint64(nil, uint64(s.time))
	return binary.LittleEndian.AppendUint64(b, math.Float64bits(s.sum)), nil
}

type forgetful struct{ saver }

func (s forgetful) UnmarshalBinary(b []byte) error {
	s.time = int(binary.LittleEndian.Uint64(b))
	return nil
}

type whole struct{ saver }

func (s whole) UnmarshalBinary(b []byte) error {
	s.time, s.sum = int(binary.LittleEndian.Uint64(b)), math.Float64frombits(binary.LittleEndian.Uint64(b[8:]))
	return nil
}

type restorer struct{ *houseEnv }

func (restorer) UnmarshalBinary([]byte) error { return nil }

type dated struct {
	*houseEnv
	time.Time
}

func (d *dated) Reset(r *rand.Rand, obs []float64) { d.houseEnv.Reset(r, obs) }

type unwilling struct{ whole }

func (unwilling) MarshalBinary() ([]byte, error) { return nil, errors.New("not on a Sunday") }

type brittle struct{ whole }

func (brittle) UnmarshalBinary(b []byte) error { panic("too old") }

// A promise to be resumed that is not kept is found before training starts.
func TestCheckSnapshots(t *testing.T) {
	for _, c := range []struct {
		name string
		make func(e *houseEnv) Env
		want string // empty: no error
	}{
		{"none", nil, ""},
		{"both", func(e *houseEnv) Env { return whole{saver{e}} }, ""},
		{"one", func(e *houseEnv) Env { return saver{e} }, "(envs.saver) has MarshalBinary and no UnmarshalBinary"},
		{"the other", func(e *houseEnv) Env { return restorer{e} }, "(envs.restorer) has UnmarshalBinary and no MarshalBinary"},
		{"embedded time", func(e *houseEnv) Env { return &dated{houseEnv: e} }, "(*envs.dated) cannot be resumed bit for bit"},
		{"part of the state", func(e *houseEnv) Env { return forgetful{saver{e}} }, "1 steps after it was restored, the reward is"},
		{"refuses to save", func(e *houseEnv) Env { return unwilling{whole{saver{e}}} }, "after 2 steps of its episode: MarshalBinary: not on a Sunday"},
		{"panics", func(e *houseEnv) Env { return brittle{whole{saver{e}}} }, "UnmarshalBinary: panic: too old (snapshot_check_test.go:"},
	} {
		u := newHouse(t)
		u.make = c.make
		u.step = func(e *houseEnv, action, _ []float64) float64 {
			e.sum += e.rng.Float64() // the stream that Reset was given
			return e.sum
		}
		err := CheckSnapshots(u)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: got %v, want %q", c.name, err, c.want)
		}
	}
}
