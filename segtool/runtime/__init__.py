"""What every stage runs on: compiled kernels, threads, memory, progress."""
