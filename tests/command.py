"""One command line, run in this process as the shell would run it. Holds no test."""

import io

import pytest

from hf_suite import cli


def said(capsys, *words):
    """Exit code, stdout and stderr."""
    capsys.readouterr()
    with pytest.raises(SystemExit) as ended:
        cli.main([str(word) for word in words])
    out, err = capsys.readouterr()
    return ended.value.code or 0, out, err


class Terminal(io.StringIO):
    """What stands in for a stream that is a terminal."""

    def isatty(self):
        return True


def lines(text):
    """The lines of a table without its borders and spaces."""
    return [" ".join(line.replace("│", " ").split()) for line in text.splitlines() if line.strip("━╇─ ")]
