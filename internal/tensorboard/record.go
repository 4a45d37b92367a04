// Package tensorboard writes scalars into event files that TensorBoard opens,
// and reads them back.
//
// An event file is a sequence of records, each an Event message
// (tensorflow/core/util/event.proto) in the framing of TFRecord
// (tensorflow.org/tutorials/load_data/tfrecord): length as uint64, masked
// CRC-32C of the length, data, masked CRC-32C of the data, little-endian.
package tensorboard

import (
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

	// maxRecord bounds what a damaged length can make the reader allocate.
	maxRecord = 1 << 24
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

// readRecord reads one record. The error is io.EOF at a clean end and wraps
// errDamaged where the record is not whole.
func readRecord(r io.Reader) ([]byte, error) {
	var head [headLen]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		if err == io.EOF {
			return nil, io.EOF
		}
		return nil, fmt.Errorf("%w: its head is cut", errDamaged)
	}
	n := binary.LittleEndian.Uint64(head[:])
	if maskedCRC(head[:8]) != binary.LittleEndian.Uint32(head[8:]) || n > maxRecord {
		return nil, fmt.Errorf("%w: checksum of its length", errDamaged)
	}
	b := make([]byte, n+tailLen)
	if _, err := io.ReadFull(r, b); err != nil {
		return nil, fmt.Errorf("%w: its data is cut", errDamaged)
	}
	data := b[:n]
	if maskedCRC(data) != binary.LittleEndian.Uint32(b[n:]) {
		return nil, fmt.Errorf("%w: checksum of its data", errDamaged)
	}
	return data, nil
}
