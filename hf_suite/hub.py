"""Why the hub keeps a repository closed, and the page on which to ask for it. Fetches nothing."""

from typing import Literal, NamedTuple

_PAGES = {"model": "https://huggingface.co/", "dataset": "https://huggingface.co/datasets/"}
Kind = Literal["model", "dataset"]


class Closed(NamedTuple):
    """What keeps one out, and the way in, as parts of a sentence."""

    why: str
    way: str


def refusal(error: BaseException, repository: str, kind: Kind) -> Closed | None:
    """What an error of the hub says of a repository; None where it is about something else, such as the network.

    The hub answers alike (401) for what is not there and for what it does not show.
    """
    from huggingface_hub import errors, get_token

    page, logged_in = f"{_PAGES[kind]}{repository}", get_token() is not None
    if isinstance(error, errors.GatedRepoError):
        if logged_in:
            return Closed("it is gated and your account has no access", f"ask for access on {page}")
        return Closed("it is gated and you are not logged in", f"ask for access on {page}, then `hf auth login`")
    if isinstance(error, errors.RepositoryNotFoundError):
        if logged_in:
            return Closed("there is none of that name that your account may see", f"look at {page}")
        why = "there is none of that name, or it is private and you are not logged in"
        return Closed(why, f"look at {page}, then `hf auth login`")
    if isinstance(error, errors.RevisionNotFoundError):
        return Closed("it has no such commit", f"take one that stands on {page}/commits/main")
    if isinstance(error, errors.LocalTokenNotFoundError):
        return Closed("it asks for a login and there is none", f"ask for access on {page}, then `hf auth login`")
    if isinstance(error, errors.HfHubHTTPError) and error.response.status_code == 401:
        return Closed("your token is refused", f"look at {page} and `hf auth login` anew, or unset HF_TOKEN")
    return None


def closed(repository: str, kind: Kind) -> Closed | None:
    """Asks the hub whether a repository opens to this login; None where it does, or where the hub does not say."""
    from huggingface_hub import HfApi, errors

    try:
        HfApi().auth_check(repository, repo_type=kind)
    except (errors.HfHubHTTPError, errors.LocalTokenNotFoundError) as error:
        return refusal(error, repository, kind)
    return None
