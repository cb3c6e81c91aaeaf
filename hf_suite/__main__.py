"""`python -m hf_suite`: the command line, for launchers that start a module."""

from hf_suite.cli import main

if __name__ == "__main__":
    main()
