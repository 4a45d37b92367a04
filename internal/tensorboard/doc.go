// Package tensorboard writes scalars into event files that TensorBoard opens,
// and reads them back.
//
// An event file is a sequence of records, each an Event message
// (tensorflow/core/util/event.proto) in the framing of TFRecord
// (tensorflow.org/tutorials/load_data/tfrecord): length as uint64, masked
// CRC-32C of the length, data, masked CRC-32C of the data, little-endian.
package tensorboard
