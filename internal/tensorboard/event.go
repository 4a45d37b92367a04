package tensorboard

import (
	"fmt"
	"math"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
)

// Scalar is one value under a tag.
type Scalar struct {
	Tag   string
	Value float32

	// Description is shown beside it, where a file holds one for the tag.
	Description string
}

// Event is what one record holds: scalars of one step, or the version of the
// file, which the first record states.
type Event struct {
	Time    time.Time
	Step    int64
	Version string
	Scalars []Scalar
}

// Field numbers of Event, Summary and Summary.Value.
const (
	eventWallTime    = 1
	eventStep        = 2
	eventFileVersion = 3
	eventSummary     = 5

	summaryValue = 1

	valueTag      = 1
	valueSimple   = 2
	valueMetadata = 9

	metadataPlugin      = 1
	metadataDescription = 3
	metadataClass       = 4

	pluginName  = 1
	classScalar = 1
)

// scalarPlugin shows scalars.
const scalarPlugin = "scalars"

// fileVersion is what TensorBoard's readers expect of the first record.
const fileVersion = "brain.Event:2"

func (e Event) append(b []byte) []byte {
	b = protowire.AppendTag(b, eventWallTime, protowire.Fixed64Type)
	b = protowire.AppendFixed64(b, math.Float64bits(float64(e.Time.UnixMicro())/1e6))
	if e.Step != 0 {
		b = protowire.AppendTag(b, eventStep, protowire.VarintType)
		b = protowire.AppendVarint(b, uint64(e.Step))
	}
	if e.Version != "" {
		b = protowire.AppendTag(b, eventFileVersion, protowire.BytesType)
		b = protowire.AppendString(b, e.Version)
	}
	if len(e.Scalars) == 0 {
		return b
	}
	var summary, value []byte
	for _, s := range e.Scalars {
		value = protowire.AppendTag(value[:0], valueTag, protowire.BytesType)
		value = protowire.AppendString(value, s.Tag)
		value = protowire.AppendTag(value, valueSimple, protowire.Fixed32Type)
		value = protowire.AppendFixed32(value, math.Float32bits(s.Value))
		if s.Description != "" {
			value = protowire.AppendTag(value, valueMetadata, protowire.BytesType)
			value = protowire.AppendBytes(value, metadata(s.Description))
		}
		summary = protowire.AppendTag(summary, summaryValue, protowire.BytesType)
		summary = protowire.AppendBytes(summary, value)
	}
	b = protowire.AppendTag(b, eventSummary, protowire.BytesType)
	return protowire.AppendBytes(b, summary)
}

// metadata returns the SummaryMetadata of a scalar. TensorBoard takes those of a tag's
// first value for all.
func metadata(description string) []byte {
	b := protowire.AppendTag(nil, metadataPlugin, protowire.BytesType)
	b = protowire.AppendBytes(b, protowire.AppendString(protowire.AppendTag(nil, pluginName, protowire.BytesType), scalarPlugin))
	b = protowire.AppendTag(b, metadataDescription, protowire.BytesType)
	b = protowire.AppendString(b, description)
	b = protowire.AppendTag(b, metadataClass, protowire.VarintType)
	return protowire.AppendVarint(b, classScalar)
}

func parseEvent(b []byte) (e Event, err error) {
	err = fields(b, func(num protowire.Number, bits uint64, data []byte) error {
		switch num {
		case eventWallTime:
			e.Time = time.UnixMicro(int64(math.Float64frombits(bits) * 1e6))
		case eventStep:
			e.Step = int64(bits)
		case eventFileVersion:
			e.Version = string(data)
		case eventSummary:
			return fields(data, func(num protowire.Number, _ uint64, data []byte) error {
				if num != summaryValue {
					return nil
				}
				s, err := parseScalar(data)
				e.Scalars = append(e.Scalars, s)
				return err
			})
		}
		return nil
	})
	return e, err
}

func parseScalar(b []byte) (s Scalar, err error) {
	err = fields(b, func(num protowire.Number, bits uint64, data []byte) error {
		switch num {
		case valueTag:
			s.Tag = string(data)
		case valueSimple:
			s.Value = math.Float32frombits(uint32(bits))
		case valueMetadata:
			return fields(data, func(num protowire.Number, _ uint64, data []byte) error {
				if num == metadataDescription {
					s.Description = string(data)
				}
				return nil
			})
		}
		return nil
	})
	return s, err
}

// fields calls f with the fields of a message: the number, and the bits or the
// bytes of its value.
func fields(b []byte, f func(num protowire.Number, bits uint64, data []byte) error) error {
	for len(b) > 0 {
		num, typ, n := protowire.ConsumeTag(b)
		if n < 0 {
			return fmt.Errorf("%w: %w", errDamaged, protowire.ParseError(n))
		}
		b = b[n:]
		var bits uint64
		var data []byte
		switch typ {
		case protowire.VarintType:
			bits, n = protowire.ConsumeVarint(b)
		case protowire.Fixed32Type:
			var v uint32
			v, n = protowire.ConsumeFixed32(b)
			bits = uint64(v)
		case protowire.Fixed64Type:
			bits, n = protowire.ConsumeFixed64(b)
		case protowire.BytesType:
			data, n = protowire.ConsumeBytes(b)
		default:
			n = protowire.ConsumeFieldValue(num, typ, b)
		}
		if n < 0 {
			return fmt.Errorf("%w: %w", errDamaged, protowire.ParseError(n))
		}
		b = b[n:]
		if err := f(num, bits, data); err != nil {
			return err
		}
	}
	return nil
}
