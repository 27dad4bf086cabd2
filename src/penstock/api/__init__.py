"""The HTTP API: the use cases over HTTP, natively under `/api/v1` and in the dialects of older systems."""
