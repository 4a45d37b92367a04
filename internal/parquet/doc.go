// Package parquet reads and writes flat tables of Parquet files: numbers, decimals, dates, times and
// strings as text, with pages that are plain or have a dictionary, uncompressed or compressed
// by Snappy, gzip or Zstandard (github.com/apache/parquet-format, version 2).
//
// Files are bad input until they have been read. Libraries for Go take the lengths that a file
// states for true, of a list in its footer as of what a page holds decompressed, and allocate
// as much. Here memory follows the size of the file and the limit that a caller gives.
package parquet
