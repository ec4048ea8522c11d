"""``python -m segtool``."""

from segtool.cli.interrupts import exit_silently

if __name__ == "__main__":
    exit_silently()
    from segtool.cli.main import main

    main(prog_name="segtool")
