"""``python -m segtool``."""

from segtool.cli.main import main

if __name__ == "__main__":
    main(prog_name="segtool")
