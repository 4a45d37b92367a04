package interval

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"paspo/internal/rng"
	"paspo/lp"
	"paspo/lp/internal/lptest"
	"paspo/lp/interval/closedform"
)

// magic begins a file.
const magic = "paspo intervals\n"

func compiledFile(t testing.TB, p *lp.Polytope) (lp.Solver, []byte) {
	t.Helper()
	s, err := New(p, Config{Method: "explicit"})
	if err != nil {
		t.Fatal(err)
	}
	data, ok := MarshalCompiled(s)
	if !ok {
		t.Fatal("no closed form")
	}
	return s, data
}

func TestCompiledFile(t *testing.T) {
	r := rand.New(rng.New(6, "report"))
	all := append(lptest.Presets(t), lptest.CappedPortfolio(t, 0.2), lptest.RandomSimplex(t, r, 8, 24, 0))
	for _, p := range all {
		s, data := compiledFile(t, p)
		if p.Name() != "" { // the last one takes long
			if _, again := compiledFile(t, p); !bytes.Equal(again, data) {
				t.Errorf("%s: not the same file twice", p.Name())
			}
		}
		loaded, err := NewCompiled(p, Config{}, data)
		if err != nil {
			t.Fatal(err)
		}
		if again, _ := MarshalCompiled(loaded); !bytes.Equal(again, data) {
			t.Errorf("%s: another file after loading", p.Name())
		}
		if fmt.Sprint(loaded.(closedform.Tabled).Tables()) != fmt.Sprint(s.(closedform.Tabled).Tables()) {
			t.Errorf("%s: other tables after loading", p.Name())
		}
		var limits []lp.Limits
		if s.(closedform.Describer).Compiled().AnyLimits {
			b := append([]float64(nil), p.Form().B...)
			for k := range b {
				b[k] *= 1.1
			}
			limits = []lp.Limits{{B: b}, {}, {}}
		}
		want, _ := lptest.Walk(t, s, rand.New(rng.New(1, "a")), 3, limits)
		got, _ := lptest.Walk(t, loaded, rand.New(rng.New(1, "a")), 3, limits)
		for k := range want {
			for i := range want[k] {
				if got[k][i] != want[k][i] {
					t.Fatalf("%s: %v, want %v", p.Name(), got[k], want[k])
				}
			}
		}
		if d := loaded.(closedform.Describer).Compiled(); d.Steps != s.(closedform.Describer).Compiled().Steps || d.String() == "" {
			t.Errorf("%+v", d)
		}
		s.Close()
		loaded.Close()
	}
}

func TestBadCompiledFile(t *testing.T) {
	all := lptest.Presets(t)
	p := all[0]
	_, data := compiledFile(t, p)
	_, other := compiledFile(t, all[1])
	older := bytes.Clone(data)
	older[len(magic)] = 0
	check := func(want string, data []byte, cfg Config) {
		t.Helper()
		if _, err := NewCompiled(p, cfg, data); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
	check("something else", nil, Config{})
	check("something else", []byte("PK\x03\x04"), Config{})
	check("cut off", data[:len(magic)+10], Config{})
	check("version 0, this is version 3", older, Config{})
	check("another polytope", other, Config{})
	check("max_pieces 2000 and max_effort 100, not 50 and 100", data, Config{MaxPieces: 50})
	check("does not serve method clp", data, Config{Method: "clp"})
	check("tolerance is 2", data, Config{Tolerance: 2})
	for at := len(magic) + 4; at < len(data); at += 1 + at/20 {
		bad := bytes.Clone(data)
		bad[at] ^= 0x10
		check("damaged", bad, Config{})
	}
	for _, n := range []int{len(data) - 1, len(data) / 2} {
		check("damaged", data[:n], Config{})
	}
	check("damaged", append(bytes.Clone(data), 0), Config{})
	if _, ok := MarshalCompiled(opened(t, p, Config{Method: "clp", Workers: 1})); ok {
		t.Error("linear programs have a closed form")
	}
}

// FuzzCompiledFile reads files whose checksum is right whatever they hold: they
// are refused, or answer without reading out of range.
func FuzzCompiledFile(f *testing.F) {
	p, err := lp.New(lp.Description{
		Entities: []string{"a", "b", "c"}, Total: 1, Upper: []float64{0.5, 0.6, 0.7},
		Rows: []lp.Row{{Name: "row", Coef: []float64{1, 2, 0}, Min: -1e9, Max: 0.5}},
	})
	if err != nil {
		f.Fatal(err)
	}
	s, data := compiledFile(f, p)
	defer s.Close()
	head := len(magic) + 4 + sha256.Size
	f.Add(0, []byte{1}, 0)
	f.Add(100, []byte{255, 255, 255, 255, 255, 255, 255, 127}, 0)
	f.Add(90, []byte{2, 0, 0, 0}, 30)
	f.Fuzz(func(t *testing.T, at int, patch []byte, cut int) {
		bad := bytes.Clone(data)
		if at < 0 || at > len(bad)-head || cut < 0 || cut > len(bad)-head {
			return
		}
		copy(bad[head+at:], patch)
		bad = bad[:len(bad)-cut]
		sum := sha256.Sum256(bad[head:])
		copy(bad[head-sha256.Size:], sum[:])
		s, err := NewCompiled(p, Config{Workers: 1}, bad)
		if err != nil {
			return
		}
		defer s.Close()
		c := s.Chain(2)
		lo, hi := make([]float64, 2), make([]float64, 2)
		c.Begin(2, []lp.Limits{{}, {B: p.Form().B}})
		for range p.Dim() {
			if c.Next(lo, hi) != nil {
				return
			}
			c.Fix(lo)
		}
	})
}
