"""Batches as they come over the wire, laid where readers of Arrow want them."""

from __future__ import annotations

import pyarrow as pa


def aligned(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Copy a batch, unless all its buffers are aligned to 8 bytes.

    gRPC puts a message anywhere, and pyarrow's scanner, through which DuckDB reads batches, writes
    a warning to standard error for each buffer that is not aligned.
    """
    buffers = (buffer for column in batch.columns for buffer in column.buffers())
    # A dictionary's own buffers are not among its column's.
    plain = not any(map(pa.types.is_dictionary, batch.schema.types))
    if plain and all(buffer is None or buffer.address % 8 == 0 for buffer in buffers):
        return batch
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    with pa.ipc.open_stream(sink.getvalue()) as reader:
        return reader.read_next_batch()
