"""Files and plain data: whole writes, checked reads, digests, objects as settings and back."""
