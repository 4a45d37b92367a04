// Package safetensors reads and writes named arrays in the safetensors format
// (https://huggingface.co/docs/safetensors, section Format):
//
//	8 bytes      N, length of the header, little-endian
//	N bytes      JSON: name -> {dtype, shape, data_offsets}, and __metadata__,
//	             a map of strings to strings
//	the rest     the arrays, little-endian, row-major, end to end
package safetensors
