package rng

import (
	"math"
	"math/rand/v2"
	"testing"
)

// Known answers of the Random123 distribution (kat_vectors, philox4x32 10).
func TestPhiloxKnownAnswers(t *testing.T) {
	for _, test := range []struct {
		ctr  [4]uint32
		key  [2]uint32
		want [4]uint32
	}{
		{want: [4]uint32{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
		{
			ctr:  [4]uint32{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
			key:  [2]uint32{0xffffffff, 0xffffffff},
			want: [4]uint32{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd},
		},
		{
			ctr:  [4]uint32{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
			key:  [2]uint32{0xa4093822, 0x299f31d0},
			want: [4]uint32{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1},
		},
	} {
		if got := Philox(test.ctr, test.key); got != test.want {
			t.Errorf("Philox(%x, %x) = %x, want %x", test.ctr, test.key, got, test.want)
		}
	}
}

func TestStreamResumes(t *testing.T) {
	for drawn := range 5 {
		s := New(7, "env").Split(3)
		for range drawn {
			s.Uint64()
		}
		b, err := s.MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		var r Stream
		if err := r.UnmarshalBinary(b); err != nil {
			t.Fatal(err)
		}
		for i := range 9 {
			if a, b := s.Uint64(), r.Uint64(); a != b {
				t.Fatalf("drawn %d: word %d after resume is %x, want %x", drawn, i, b, a)
			}
		}
	}
	if err := new(Stream).UnmarshalBinary(make([]byte, 3)); err == nil {
		t.Error("a short state was accepted")
	}
}

func TestStreamsDiffer(t *testing.T) {
	seen := map[uint64]bool{}
	for seed := range uint64(20) {
		for _, path := range [][]string{{"a"}, {"b"}, {"a", "b"}, {"ab"}} {
			s := New(seed, path...)
			for i := range uint64(20) {
				w := s.Split(i).Uint64()
				if seen[w] {
					t.Fatalf("two streams start with %x", w)
				}
				seen[w] = true
			}
		}
	}
}

// Sibling streams are uncorrelated: 4 standard errors of a zero correlation.
func TestSiblingsUncorrelated(t *testing.T) {
	const n = 100000
	root := New(1, "test")
	a, b := rand.New(root.Split(0)), rand.New(root.Split(1))
	var sum float64
	for range n {
		sum += a.NormFloat64() * b.NormFloat64()
	}
	if z := sum / math.Sqrt(n); math.Abs(z) > 4 {
		t.Errorf("correlation of siblings is %.2f standard errors", z)
	}
}

func BenchmarkUint64(b *testing.B) {
	s := New(1)
	for b.Loop() {
		s.Uint64()
	}
}

func TestSetDrawn(t *testing.T) {
	s, ahead := New(4, "set"), New(4, "set")
	for n := range uint64(9) {
		s.SetDrawn(n)
		if got, want := s.Uint64(), ahead.Uint64(); got != want {
			t.Errorf("word %d is %x, want %x", n, got, want)
		}
	}
}
