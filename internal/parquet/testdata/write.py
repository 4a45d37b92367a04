"""Writes the files of this folder: python write.py, with pyarrow==26.0.1 and pandas==3.1.1 from PyPI. Those that are read hold the prices of table.csv."""

import datetime
from decimal import Decimal

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

assert pa.__version__ == "26.0.1" and pd.__version__ == "3.1.1"
dates = [datetime.date(2024, 1, 30) + datetime.timedelta(days=k) for k in (0, 1, 2, 3, 6, 7, 8)]
a = [10.0, 11.0, 12.0, 12.5, 12.5, 13.25, 13.0]
b = [100.0, 100.0, 90.0, 95.0, 96.0, 95.5, 97.75]
times = [datetime.datetime(d.year, d.month, d.day) for d in dates]
with open("table.csv", "w") as f:
    f.write("date,A,B\n" + "".join(f"{d},{x:g},{y:g}\n" for d, x, y in zip(dates, a, b)))


def write(name, columns, **options):
    pq.write_table(pa.table(columns), name + ".parquet", **options)


def decimals(kind, values):
    return pa.array([Decimal(f"{x:.2f}") for x in values], kind)


date = pa.array(dates, pa.date32())
write("wide-snappy", {"date": date, "A": pa.array(a, pa.float64()), "B": pa.array(b, pa.float32())}, row_group_size=3)
write("wide-plain", {"Date": pa.array([str(d) for d in dates]), "A": a, "B": [f"{x:g}" for x in b]}, use_dictionary=False, compression="none")
write("wide-pandas", {"A": a, "B": b, "__index_level_0__": pa.array(times, pa.timestamp("ns"))}, data_page_version="2.0", compression="zstd")
write("wide-gzip", {"date": pa.array(times, pa.timestamp("ms")), "A": decimals(pa.decimal128(30, 2), a), "B": decimals(pa.decimal128(9, 2), b)},
      compression="gzip", data_page_version="2.0", store_decimal_as_integer=True)
write("wide-int96", {"date": pa.array(times, pa.timestamp("us")), "A": a, "B": b}, use_deprecated_int96_timestamps=True, compression="zstd")
write("wide-required", pa.Table.from_arrays([date, pa.array(a), pa.array(b)],
      schema=pa.schema([pa.field("date", pa.date32(), False), pa.field("A", pa.float64(), False), pa.field("B", pa.float64(), False)])), data_page_size=16)
write("long-dictionary", {
    "ticker": pa.array(["A", "B"] * len(dates)).dictionary_encode(),
    "date": pa.array([t for t in times for _ in "AB"], pa.timestamp("us", "UTC")),
    "close": [x for pair in zip(a, b) for x in pair],
}, compression="snappy")

frame = pd.DataFrame({"A": a, "B": b}, index=pd.DatetimeIndex(times, tz="Asia/Tokyo", name="date"))
frame.to_parquet("wide-zone.parquet")

# Rows that were filtered leave their numbers as an index, which is no ticker.
kept = pd.DataFrame({"date": times, "A": a, "B": b}, index=[1, 2, 3, 5, 8, 13, 21])
kept.to_parquet("filtered-wide.parquet")
both = kept.melt("date", var_name="ticker", value_name="price", ignore_index=False)
both["currency"] = "USD"
both.to_parquet("filtered-long.parquet")
frame = pd.DataFrame({"A": a, "B": b}, index=pd.Index([str(d) for d in dates], name="day"))
frame.to_parquet("wide-strings.parquet")

# What is wrong or not read.
write("missing", {"date": date, "A": a, "B": [None if k == 3 else x for k, x in enumerate(b)]})
write("negative", {"date": date, "A": pa.array([int(x) - 12 for x in a]), "B": b})
write("boolean", {"date": date, "A": [True] * len(a)})
write("list", {"date": date, "A": [[x] for x in a]})
write("delta", {"date": date, "A": [int(x) for x in a]}, use_dictionary=False, column_encoding={"A": "DELTA_BINARY_PACKED"})
write("lz4", {"date": date, "A": a}, compression="lz4")
