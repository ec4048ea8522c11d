"""What the tests of failing commands share."""

import pytest

from tests.helpers import contents, refusal, run, sample_model

resource = pytest.importorskip("resource", reason="limits and signals are those of POSIX")

LINE = "今天天气很好,我们去公园。\n"
MODEL = sample_model()


def fails(*arguments, cwd, code=1, **options):
    """The message of a command that fails, and leaves the folder it runs in as it was."""
    before = contents(cwd)
    done = run(*arguments, cwd=cwd, **options)
    assert done.returncode == code, done
    assert not done.stdout
    assert contents(cwd) == before
    return refusal(done.stderr)
