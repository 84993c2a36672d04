"""`python -m benchmarks`: the commands of `recnet bench`."""

from benchmarks.commands import bench

if __name__ == "__main__":
    bench()
