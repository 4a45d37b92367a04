// Package prices reads files of prices: CSV, plain or compressed by gzip, or Parquet, wide (a
// date and a column a ticker) or long (date, ticker, price). What is wrong with one is a problem
// with its line (of Parquet its row, from 1 on) and ticker, and is repaired only where an option
// says so.
package prices
