package rng

import (
	"encoding/binary"
	"errors"
	"hash/fnv"
	"math/rand/v2"
)

const (
	mul0  = 0xD2511F53
	mul1  = 0xCD9E8D57
	weyl0 = 0x9E3779B9
	weyl1 = 0xBB67AE85

	rounds = 10
)

// Philox returns the Philox4x32-10 block of a counter under a key.
func Philox(ctr [4]uint32, key [2]uint32) [4]uint32 {
	c0, c1, c2, c3 := uint64(ctr[0]), ctr[1], uint64(ctr[2]), ctr[3]
	k0, k1 := key[0], key[1]
	for range rounds {
		p0, p1 := mul0*c0, mul1*c2
		c0, c1 = uint64(uint32(p1>>32)^c1^k0), uint32(p1)
		c2, c3 = uint64(uint32(p0>>32)^c3^k1), uint32(p0)
		k0 += weyl0
		k1 += weyl1
	}
	return [4]uint32{uint32(c0), c1, uint32(c2), c3}
}

// Stream is a random stream. It implements rand.Source of math/rand/v2, so
// rand.New(stream) gives every distribution of that package. A Stream is not
// safe for concurrent use.
type Stream struct {
	key, id uint64
	n       uint64 // words drawn
	spare   uint64 // second word of the current block, valid where n is odd
}

// New returns the stream of a seed at a path of labels, for example
// New(seed, "env").Split(3).
func New(seed uint64, path ...string) *Stream {
	h := fnv.New64a()
	for _, p := range path {
		h.Write([]byte(p))
		h.Write([]byte{0})
	}
	return &Stream{key: mix(seed), id: mix(h.Sum64())}
}

// From returns a stream that the next number of a source names, or the source itself where
// it is a stream.
func From(source rand.Source) *Stream {
	if s, ok := source.(*Stream); ok {
		return s
	}
	return New(source.Uint64())
}

// Split returns the i-th child of s. It draws nothing from s.
func (s *Stream) Split(i uint64) *Stream {
	return &Stream{key: s.key, id: mix(s.id ^ mix(i+0x632BE59BD9B4E019))}
}

// Uint64 returns the next word.
func (s *Stream) Uint64() uint64 {
	if s.n&1 == 1 {
		s.n++
		return s.spare
	}
	w0, w1 := s.block(s.n >> 1)
	s.spare = w1
	s.n++
	return w0
}

func (s *Stream) block(c uint64) (uint64, uint64) {
	b := Philox(
		[4]uint32{uint32(c), uint32(c >> 32), uint32(s.id), uint32(s.id >> 32)},
		[2]uint32{uint32(s.key), uint32(s.key >> 32)})
	return uint64(b[0]) | uint64(b[1])<<32, uint64(b[2]) | uint64(b[3])<<32
}

// State returns the words that name the stream and how many words it has drawn.
func (s *Stream) State() (key, id, drawn uint64) { return s.key, s.id, s.n }

// SetDrawn makes drawn the number of words that s has drawn.
func (s *Stream) SetDrawn(drawn uint64) {
	s.n = drawn
	if drawn&1 == 1 {
		_, s.spare = s.block(drawn >> 1)
	}
}

// stateLen is the length of a marshalled stream in bytes.
const stateLen = 24

// AppendBinary implements encoding.BinaryAppender.
func (s *Stream) AppendBinary(b []byte) ([]byte, error) {
	for _, w := range [...]uint64{s.key, s.id, s.n} {
		b = binary.LittleEndian.AppendUint64(b, w)
	}
	return b, nil
}

// MarshalBinary implements encoding.BinaryMarshaler.
func (s *Stream) MarshalBinary() ([]byte, error) { return s.AppendBinary(make([]byte, 0, stateLen)) }

// UnmarshalBinary implements encoding.BinaryUnmarshaler.
func (s *Stream) UnmarshalBinary(b []byte) error {
	if len(b) != stateLen {
		return errors.New("rng: a stream's state has 24 bytes")
	}
	s.key = binary.LittleEndian.Uint64(b)
	s.id = binary.LittleEndian.Uint64(b[8:])
	s.SetDrawn(binary.LittleEndian.Uint64(b[16:]))
	return nil
}

// mix is the finaliser of SplitMix64 (Steele, Lea, Flood, OOPSLA 2014).
func mix(x uint64) uint64 {
	x += 0x9E3779B97F4A7C15
	x = (x ^ x>>30) * 0xBF58476D1CE4E5B9
	x = (x ^ x>>27) * 0x94D049BB133111EB
	return x ^ x>>31
}
