package parquet

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"io"
	"math/bits"

	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"

	"paspo/internal/limits"
)

// pages reads column chunks. What it decompresses is counted.
type pages struct {
	data []byte
	left int // bytes that may still be decompressed
	zstd *zstd.Decoder
}

// Types of pages, and encodings.
const (
	dataPage, dictionaryPage, dataPage2 = 0, 2, 3

	plain, plainDictionary, rle, rleDictionary = 0, 2, 3, 8
)

var encodings = map[int64]string{
	4: "BIT_PACKED", 5: "DELTA_BINARY_PACKED", 6: "DELTA_LENGTH_BYTE_ARRAY", 7: "DELTA_BYTE_ARRAY", 9: "BYTE_STREAM_SPLIT",
}

// read appends the rows of a chunk to a column.
func (p *pages) read(c *column, chunk fields, rows int) {
	begin, size := chunk.number(9, -1), chunk.number(7, -1)
	if d := chunk.number(11, 0); d > 0 {
		begin = min(begin, d)
	}
	if begin < 0 || size < 0 || begin > int64(len(p.data)) || size > int64(len(p.data))-begin {
		corrupted("its data would lie beyond the file")
	}
	if chunk.number(1, -1) != c.physical || chunk.number(5, -1) != int64(rows) {
		corrupted("a row group has another type or number of values than the table")
	}
	s := &scanner{data: p.data[begin : begin+size]}
	var dictionary vector
	for left := rows; left > 0; {
		head := s.structure(0)
		raw := s.take(int(head.number(3, -1)))
		unpacked := head.number(2, -1)
		codec := chunk.number(4, -1)
		switch head.number(1, -1) {
		case dictionaryPage:
			d := head.sub(7)
			n := d.number(1, -1)
			if n < 0 || n > int64(p.left) {
				corrupted("a dictionary has %d values", n)
			}
			body := p.unpack(raw, codec, unpacked)
			dictionary = vector{}
			c.plain(&dictionary, body, int(n))
		case dataPage:
			d := head.sub(5)
			n := within(d.number(1, -1), left)
			body := p.unpack(raw, codec, unpacked)
			var levels []byte
			if c.optional {
				if e := d.number(3, -1); e != rle {
					corrupted("levels have the encoding %s", name(e))
				}
				b := &scanner{data: body}
				levels = b.take(int(binary.LittleEndian.Uint32(b.take(4))))
				body = body[b.at:]
			}
			c.values(levels, body, d.number(2, -1), n, dictionary)
			left -= n
		case dataPage2:
			d := head.sub(8)
			n := within(d.number(1, -1), left)
			r := d.number(6, -1)
			b := &scanner{data: raw}
			b.take(int(r))
			levels := b.take(int(d.number(5, -1)))
			body := raw[b.at:]
			if d.number(7, 1) == 1 {
				body = p.unpack(body, codec, unpacked-int64(b.at))
			}
			c.values(levels, body, d.number(4, -1), n, dictionary)
			left -= n
		}
	}
}

// within returns the number of values of a page, of those that are left of a chunk.
func within(n int64, left int) int {
	if n < 0 || n > int64(left) {
		corrupted("a page has %d values of %d that are left", n, left)
	}
	return int(n)
}

func name(encoding int64) string {
	if text, ok := encodings[encoding]; ok {
		return text + ", which is not read: PLAIN and dictionaries are (most writers have an option)"
	}
	return "of an unknown number"
}

var codecs = []string{"none", "Snappy", "gzip", "LZO", "Brotli", "LZ4", "Zstandard", "LZ4"}

// unpack decompresses a page to size bytes.
func (p *pages) unpack(raw []byte, codec, size int64) []byte {
	if size < 0 || size > int64(p.left) {
		corrupted("a page has %d bytes: at most %s, decompressed, is allowed in all", size, limits.Bytes(int64(p.left)))
	}
	p.left -= int(size)
	var out []byte
	var err error
	switch codec {
	case 0:
		out = raw
	case 1:
		n, wrong := snappy.DecodedLen(raw)
		if err = wrong; err == nil && int64(n) != size {
			corrupted("a page has %d bytes, its header says %d", n, size)
		}
		if err == nil {
			out, err = snappy.Decode(make([]byte, size), raw)
		}
	case 2:
		var z *gzip.Reader
		if z, err = gzip.NewReader(bytes.NewReader(raw)); err == nil {
			out, err = io.ReadAll(io.LimitReader(z, size+1))
		}
	case 6:
		if p.zstd == nil {
			if p.zstd, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecodeAllCapLimit(true), zstd.WithDecoderMaxMemory(limits.Prices)); err != nil {
				break
			}
		}
		out, err = p.zstd.DecodeAll(raw, make([]byte, 0, size))
	default:
		what := "an unknown number"
		if codec > 0 && codec < int64(len(codecs)) {
			what = codecs[codec]
		}
		corrupted("it is compressed by %s: none, Snappy, gzip and Zstandard are allowed", what)
	}
	if err != nil {
		corrupted("a page cannot be decompressed: %w", err)
	}
	if int64(len(out)) != size {
		corrupted("a page has other than the %d bytes that its header says", size)
	}
	return out
}

// values appends n rows. levels are those of definition, 1 where there is a value.
func (c *column) values(levels, body []byte, encoding int64, n int, dictionary vector) {
	count := n
	if c.optional {
		for _, x := range hybrid(levels, 1, n) {
			c.there = append(c.there, x == 1)
			if x == 0 {
				count--
			}
		}
	}
	var v vector
	switch encoding {
	case plain:
		c.plain(&v, body, count)
	case plainDictionary, rleDictionary:
		if count == 0 {
			break
		}
		width := (&scanner{data: body}).take(1)[0]
		if width > 32 {
			corrupted("indices of a dictionary have %d bits", width)
		}
		for _, k := range hybrid(body[1:], int(width), count) {
			switch {
			case int(k) >= dictionary.len():
				corrupted("index %d of a dictionary of %d values", k, dictionary.len())
			case dictionary.bits != nil:
				v.bits = append(v.bits, dictionary.bits[k])
			default:
				v.bytes = append(v.bytes, dictionary.bytes[k])
			}
		}
	default:
		corrupted("values have the encoding %s", name(encoding))
	}
	if !c.optional {
		c.bits, c.bytes = append(c.bits, v.bits...), append(c.bytes, v.bytes...)
		return
	}
	fixed := c.physical != int96Type && c.physical < bytesType
	for k, i := 0, len(c.there)-n; i < len(c.there); i++ {
		var x uint64
		var b []byte
		if c.there[i] {
			if fixed {
				x = v.bits[k]
			} else {
				b = v.bytes[k]
			}
			k++
		}
		if fixed {
			c.bits = append(c.bits, x)
		} else {
			c.bytes = append(c.bytes, b)
		}
	}
}

// plain appends n values to v. Integers of 32 bits keep their sign.
func (c *column) plain(v *vector, body []byte, n int) {
	s := &scanner{data: body}
	size := map[int64]int{int32Type: 4, floatType: 4, int64Type: 8, doubleType: 8, int96Type: 12, bytesType: 4, fixedType: c.size}[c.physical]
	if size <= 0 || n > len(body)/size {
		corrupted("a page of %d bytes has no %d values", len(body), n)
	}
	for range n {
		switch c.physical {
		case int32Type:
			v.bits = append(v.bits, uint64(int32(binary.LittleEndian.Uint32(s.take(4)))))
		case floatType:
			v.bits = append(v.bits, uint64(binary.LittleEndian.Uint32(s.take(4))))
		case int64Type, doubleType:
			v.bits = append(v.bits, binary.LittleEndian.Uint64(s.take(8)))
		case bytesType:
			v.bytes = append(v.bytes, s.take(int(binary.LittleEndian.Uint32(s.take(4)))))
		default:
			v.bytes = append(v.bytes, s.take(size))
		}
	}
}

// hybrid reads n numbers of a width in bits, in runs and packed groups of eight.
func hybrid(data []byte, width, n int) []uint32 {
	s, all := &scanner{data: data}, make([]uint32, 0, n)
	for len(all) < n {
		head := s.uvarint()
		if head&1 == 0 {
			var b [4]byte
			copy(b[:], s.take((width+7)/8))
			x := binary.LittleEndian.Uint32(b[:])
			if bits.Len32(x) > width || head == 0 {
				corrupted("a run is none")
			}
			for range min(head>>1, uint64(n-len(all))) {
				all = append(all, x)
			}
			continue
		}
		if head>>1 == 0 || head>>1 > uint64(n-len(all)+7)/8 {
			corrupted("%d groups of eight numbers, and %d are left", head>>1, n-len(all))
		}
		packed := s.take(int(head>>1) * width)
		var rest uint64
		have := 0
		for range 8 * int(head>>1) {
			for have < width {
				rest |= uint64(packed[0]) << have
				packed, have = packed[1:], have+8
			}
			if x := uint32(rest & (1<<width - 1)); len(all) < n {
				all = append(all, x)
			}
			rest, have = rest>>width, have-width
		}
	}
	return all
}
