"""``python -m segtool``."""

if __name__ == "__main__":
    from segtool.cli.main import main

    main(prog_name="segtool")
