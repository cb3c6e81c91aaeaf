"""The errors a user can meet, as one small tree. Nothing else is raised on purpose.

SuiteError            for the user: one line, no traceback, exit code 2
├── ConfigError       a file or a key=value that says something impossible
├── DataError         rows, columns and labels that do not fit the task
│   └── MissingData   data that is not at hand: a bench skips the task and lists it
├── ModelError        checkpoint, tokenizer or LoRA that cannot do what is asked
├── ScoreError        answers and references that do not belong together
├── RunError          folders, checkpoints and trainings that cannot go on
└── Interrupted       the user or the system asked to stop; the state is saved (exit code 130 or 143)

Anything else that is raised is a bug of ours and keeps its traceback.
"""


class SuiteError(Exception):
    """What a user can mend: where it is, what was found, and what to do about it.

    `place` names the file, key, column or folder; `finding` says what stands there; `remedy` is the way on.
    The message reads `place: finding; remedy`.
    """

    exit_code = 2

    def __init__(self, place: str, finding: str, remedy: str) -> None:
        super().__init__(place, finding, remedy)
        self.place, self.finding, self.remedy = place, finding, remedy

    def __str__(self) -> str:
        return f"{self.place}: {self.finding}; {self.remedy}"


class ConfigError(SuiteError):
    """A file or a key=value that says something impossible."""


class DataError(SuiteError):
    """Rows, columns and labels that do not fit the task."""


class MissingData(DataError):
    """Data that is not at hand: a bench skips the task and lists it; it has not failed."""


class ModelError(SuiteError):
    """A checkpoint, a tokenizer or LoRA that cannot do what is asked."""


class ScoreError(SuiteError):
    """Answers and references that do not belong together."""


class RunError(SuiteError):
    """A folder, a checkpoint or a training that cannot go on."""


class Interrupted(SuiteError):
    """The run was asked to stop and saved its state; `signal` is the signal's number."""

    def __init__(self, place: str, finding: str, remedy: str, *, signal: int) -> None:
        super().__init__(place, finding, remedy)
        self.signal = signal
        self.exit_code = 128 + signal
