package tensorboard

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// maskedCRC rotates the checksum right by 15 bits and adds a constant, so that
// a checksum of data that holds checksums stays useful.
func maskedCRC(b []byte) uint32 {
	c := crc32.Checksum(b, castagnoli)
	return (c>>15 | c<<17) + 0xa282ead8
}

const (
	headLen = 8 + 4
	tailLen = 4

	// maxRecord bounds what a damaged length can make the reader take. Records of
	// this package have some kilobytes.
	maxRecord = 1 << 20
)

// appendRecord appends data in its frame.
func appendRecord(dst, data []byte) []byte {
	at := len(dst)
	dst = binary.LittleEndian.AppendUint64(dst, uint64(len(data)))
	dst = binary.LittleEndian.AppendUint32(dst, maskedCRC(dst[at:]))
	dst = append(dst, data...)
	return binary.LittleEndian.AppendUint32(dst, maskedCRC(data))
}

// errDamaged says that a record is cut or changed.
var errDamaged = errors.New("damaged record")

// A span is a range of bytes of a file.
type span struct{ from, to int64 }

// records calls f with the data of every record that is whole, in order, and where
// it stands. What is damaged is passed over byte by byte, until a record begins
// whose checksums hold, and returned.
func records(r io.Reader, f func(data []byte, at span) error) (damaged []span, err error) {
	b := bufio.NewReaderSize(r, headLen+maxRecord+tailLen)
	for at := int64(0); ; {
		data, err := peekRecord(b)
		size := headLen + len(data) + tailLen
		switch {
		case err == io.EOF:
			return damaged, nil
		case errors.Is(err, errDamaged):
			size = 1
			if last := len(damaged) - 1; last >= 0 && damaged[last].to == at {
				damaged[last].to++
			} else {
				damaged = append(damaged, span{at, at + 1})
			}
		case err != nil:
			return damaged, err
		default:
			if err := f(data, span{at, at + int64(size)}); err != nil {
				return damaged, err
			}
		}
		b.Discard(size)
		at += int64(size)
	}
}

// peekRecord returns the data of the record that the reader stands at. The error is
// io.EOF at the end and wraps errDamaged where the record is not whole.
func peekRecord(r *bufio.Reader) ([]byte, error) {
	head, err := r.Peek(headLen)
	if err != nil {
		return nil, cut(err, len(head) == 0)
	}
	n := binary.LittleEndian.Uint64(head)
	if maskedCRC(head[:8]) != binary.LittleEndian.Uint32(head[8:]) || n > maxRecord {
		return nil, fmt.Errorf("%w: checksum of its length", errDamaged)
	}
	b, err := r.Peek(headLen + int(n) + tailLen)
	if err != nil {
		return nil, cut(err, false)
	}
	data, tail := b[headLen:headLen+n], b[headLen+n:]
	if maskedCRC(data) != binary.LittleEndian.Uint32(tail) {
		return nil, fmt.Errorf("%w: checksum of its data", errDamaged)
	}
	return data, nil
}

// cut makes of the end of a file in the middle of a record a damaged record.
func cut(err error, clean bool) error {
	if err == io.EOF && !clean {
		return fmt.Errorf("%w: it is cut", errDamaged)
	}
	return err
}
