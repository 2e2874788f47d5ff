"""Published shards and their tokenizer, downloaded from a Hugging Face repo: pinned, resumable, verified.

A revision is resolved to a commit once and noted; everything comes from that commit, in later calls too. Files are
downloaded by ``snapshot_download`` beside their place, which goes on from where it stopped, and are put there only with
the size and digest that the hub states (SHA-256 of a Git LFS file, Git's blob id of another).
"""

import glob
import hashlib
import json
import re
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from filelock import FileLock
from huggingface_hub import HfApi, snapshot_download
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, OfflineModeIsEnabled

from tritgolf.data.dataset import HubDocuments, HubSource
from tritgolf.data.hub_files import HubFiles, address, arrange
from tritgolf.errors import InputError
from tritgolf.files import CHUNK, read_json, write_json

# The base error of the HTTP client under the hub library, which is httpx in some of its versions and httpx2 in others.
TransportError: type[Exception] = HfHubHTTPError.__bases__[0]
RETRIED_STATUS = (408, 429, 500, 502, 503, 504)
WORKERS = 4  # files downloaded at a time
LOCAL_COPY = "check the network, or set source.folder to a local copy of the repo"
REASONS = {
    401: "HTTP 401: a private repo, or none of this name and repository_type",
    404: "HTTP 404: no such repo of this repository_type, or no such revision or file",
}

T = TypeVar("T")


@dataclass(frozen=True)
class RemoteFile:
    """A file of the repo: ``digest`` is ``sha256:<hex>`` or ``git-sha1:<hex>`` of its content."""

    name: str
    size: int
    digest: str


@dataclass(frozen=True)
class Retry:
    """How often to try again after a fault that may pass, and the first pause in seconds (doubled each time)."""

    attempts: int = 6
    pause: float = 1.0


def fetch(source: HubSource, folder: str | Path, retry: Retry = Retry()) -> HubFiles:
    """Have all files of ``source`` in ``folder``, downloading what is missing there, and return their paths.

    Raises ``InputError``, one line, for a missing network, repo, revision or file and for content that is not what the
    hub states; what was downloaded stays for the next call.
    """
    if source.folder is not None:
        root = Path(source.folder)
        names = sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())
        return arrange(source, names, root, "local")
    Path(folder).mkdir(parents=True, exist_ok=True)
    with FileLock(Path(folder) / "lock"):  # two workflows may want the same dataset
        commit, files = list_pinned(source, Path(folder), retry)
        root = Path(folder) / commit
        if source.manifest in files:
            download(source, commit, [files[source.manifest]], root, retry)
        wanted = arrange(source, sorted(files), root, commit)
        paths = [wanted.tokenizer, *wanted.shards["validation"], *wanted.sidecars, *wanted.shards["train"]]
        download(source, commit, [files[path.relative_to(root).as_posix()] for path in paths], root, retry)
    return wanted


def list_pinned(source: HubSource | HubDocuments, folder: Path, retry: Retry) -> tuple[str, dict[str, RemoteFile]]:
    """``list_files`` of the commit that an earlier call with this ``folder`` noted, else noted now.

    So a download that stopped goes on with the same files although a branch has moved; deleting the note follows it.
    """
    path, key = folder / "commits.json", f"{address(source)} {source.revision}"
    commits = read_json(path) if path.is_file() else {}
    if not isinstance(commits, dict):
        raise InputError(path, "holds no commits by revision", "delete it")
    if key in commits:
        return list_files(source.model_copy(update={"revision": commits[key]}), retry)
    commit, files = list_files(source, retry)
    write_json(path, commits | {key: commit})
    return commit, files


def list_files(source: HubSource | HubDocuments, retry: Retry) -> tuple[str, dict[str, RemoteFile]]:
    """The commit that ``source.revision`` names and the files in it, by name."""
    where = address(source)
    api = HfApi(endpoint=source.endpoint)

    def ask() -> tuple[str, dict[str, RemoteFile]]:
        info = api.repo_info(
            source.repository,
            repo_type=source.repository_type,
            revision=source.revision,
            files_metadata=True,
            timeout=30,
        )
        commit = info.sha or ""
        if not re.fullmatch("[0-9a-f]{40,64}", commit):
            raise InputError(where, f"states no commit for revision {source.revision!r}", "check source.endpoint")
        files = {}
        for sibling in getattr(info, "siblings", None) or []:
            digest = f"sha256:{sibling.lfs.sha256}" if sibling.lfs else f"git-sha1:{sibling.blob_id}"
            size = sibling.lfs.size if sibling.lfs else sibling.size
            if size is not None:
                files[sibling.rfilename] = RemoteFile(sibling.rfilename, size, digest)
        return commit, files

    return with_retries(ask, f"the file list of revision {source.revision!r}", where, retry)


def download(
    source: HubSource | HubDocuments, commit: str, files: Sequence[RemoteFile], root: Path, retry: Retry
) -> None:
    """Have ``files`` below ``root``, whole and verified; what is there already is not asked for.

    They are downloaded to a folder beside it, where a later call goes on, and moved when they have their digests.
    """
    part = root.with_name(f"{root.name}.part")

    def missing() -> list[RemoteFile]:
        """A file of the right size in its place came through the verification below."""
        paths = ((file, root / file.name) for file in files)
        return [file for file, path in paths if not (path.is_file() and path.stat().st_size == file.size)]

    def get() -> None:
        wanted, failed = missing(), None
        try:
            snapshot_download(
                source.repository,
                repo_type=source.repository_type,
                revision=commit,
                endpoint=source.endpoint,
                allow_patterns=[glob.escape(file.name) for file in wanted],
                local_dir=part,
                max_workers=WORKERS,
            )
        except (TransportError, OSError) as error:
            failed = error
        for file in wanted:
            _move_verified(file, part, root)
        if len(missing()) == len(wanted):  # else it goes on with the others, however often a hub hangs up
            raise failed or _WrongContentError("it is not what was listed")

    while missing():
        with_retries(get, lambda: _named(missing()), address(source), retry)
    shutil.rmtree(part, ignore_errors=True)


def _named(files: Sequence[RemoteFile]) -> str:
    more = f" and {len(files) - 1} more" if len(files) > 1 else ""
    return f"{files[0].name} ({files[0].size} bytes){more}"


def _move_verified(file: RemoteFile, part: Path, root: Path) -> None:
    """Put a downloaded file in its place, if it is there; ``_WrongContentError`` where it is another."""
    path, target = part / file.name, root / file.name
    if not path.is_file():
        return
    if content_digest(path, file.digest) != file.digest:
        path.unlink()
        raise _WrongContentError(f"its content does not have the digest {file.digest}")
    target.parent.mkdir(parents=True, exist_ok=True)
    path.replace(target)


def content_digest(path: Path, like: str) -> str:
    """Digest of a file in the form of ``like``: ``sha256:…``, or ``git-sha1:…``, Git's id of a blob of this content."""
    if like.startswith("sha256:"):
        hasher, name = hashlib.sha256(), "sha256"
    else:
        hasher, name = hashlib.sha1(b"blob %d\0" % path.stat().st_size, usedforsecurity=False), "git-sha1"
    with path.open("rb") as file:
        while block := file.read(CHUNK):
            hasher.update(block)
    return f"{name}:{hasher.hexdigest()}"


class _WrongContentError(Exception):
    pass


def with_retries(action: Callable[[], T], wanted: str | Callable[[], str], where: str, retry: Retry) -> T:
    """``action()``, tried again after faults that may pass; any other fault, or the last, is an ``InputError``.

    ``wanted``: what it is to give, or a function that says it once it has failed.
    """
    for attempt in range(1, retry.attempts + 1):
        try:
            return action()
        except OfflineModeIsEnabled as error:
            raise InputError(where, f"cannot give {_said(wanted)}: {error}", LOCAL_COPY) from None
        except HFValidationError as error:
            raise InputError(where, str(error), "correct source.repository") from None
        except (TransportError, OSError, json.JSONDecodeError, _WrongContentError) as error:
            status = error.response.status_code if isinstance(error, HfHubHTTPError) else None
            if status is None and isinstance(error, OSError) and error.errno is not None:
                raise  # this machine's own fault: a full disk, say
            if attempt == retry.attempts or (status is not None and status not in RETRIED_STATUS):
                what = f"cannot give {_said(wanted)} ({_reason(error, status)})"
                raise InputError(where, what, LOCAL_COPY) from None
        time.sleep(retry.pause * 2 ** (attempt - 1))
    raise AssertionError("the last attempt returns or raises")


def _said(wanted: str | Callable[[], str]) -> str:
    return wanted if isinstance(wanted, str) else wanted()


def _reason(error: Exception, status: int | None) -> str:
    if status is not None:
        return REASONS.get(status, f"HTTP {status}")
    return " ".join(str(error).split()) or type(error).__name__
