"""Adds the long description to setup.cfg: README.md, whose links to files work outside of the repository too."""

import configparser
import re
from pathlib import Path

from setuptools import setup

HERE = Path(__file__).resolve().parent


def long_description() -> str:
    """Give README.md with each relative link led to the repository, whose address is the URL ``Source``."""
    settings = configparser.ConfigParser()
    settings.read(HERE / "setup.cfg", encoding="utf-8")
    urls = dict(line.split(" = ") for line in settings["metadata"]["project_urls"].split("\n") if line)
    text = (HERE / "README.md").read_text(encoding="utf-8")
    return re.sub(r"\]\((?![a-z]+:|#)", f"]({urls['Source']}/blob/main/", text)


setup(long_description=long_description())
