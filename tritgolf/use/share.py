"""An artifact to share: a folder with it, its weights as safetensors, its tokenizer and a model card; and the hub."""

import json
import shutil
from pathlib import Path

from huggingface_hub import HfApi, constants, get_token
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, OfflineModeIsEnabled
from safetensors.torch import save as serialize

from tritgolf import __version__
from tritgolf.artifact.header import Artifact
from tritgolf.data.hub import TransportError
from tritgolf.errors import InputError
from tritgolf.files import atomic_directory, atomic_write, write_json, write_text
from tritgolf.use.card import model_card
from tritgolf.use.tokenizers import tokenizer_of, tokenizer_path

WEIGHTS, CARD, TOKENIZER, SETTINGS = "model.safetensors", "README.md", "tokenizer.model", "config.json"


def write_folder(artifact: Artifact, folder: Path, tokenizer: str | Path | None) -> list[str]:
    """Write ``folder``, new: artifact, weights, settings of the model, tokenizer and card; the names of its files.

    ``tokenizer``: None for the one near the artifact, without which the folder has none. ``InputError`` if ``folder``
    is there, or the given tokenizer is another.
    """
    if folder.exists():
        raise InputError(folder, "is there already", "name another folder, or delete it")
    with atomic_directory(folder) as temporary:
        suffix = ".tgolf" if artifact.file_format == "tgolf" else "".join(artifact.path.suffixes[-2:])
        shutil.copyfile(artifact.path, temporary / f"model{suffix}")
        _write_weights(artifact, temporary / WEIGHTS)
        write_json(temporary / SETTINGS, {"model_type": "tritgolf", **artifact.header.model_dump(mode="json")})
        found = _tokenizer(artifact, tokenizer)
        if found is not None:
            shutil.copyfile(found, temporary / TOKENIZER)
        write_text(temporary / CARD, model_card(artifact, f"model{suffix}", found is not None))
    return sorted(path.name for path in folder.iterdir())


def _write_weights(artifact: Artifact, path: Path) -> None:
    """The numbers that the artifact is reloaded to, by their published names, with its header as metadata.

    Written here: ``save_file`` of safetensors keeps others from reading the file, and tells a full disk by no OSError.
    """
    weights = {name: tensor.contiguous() for name, tensor in artifact.restore().weights().items()}
    header = json.dumps(artifact.header.model_dump(mode="json"))
    data = serialize(weights, {"format": "pt", "tritgolf": __version__, "header": header})
    with atomic_write(path) as file:
        file.write(data)


def _tokenizer(artifact: Artifact, given: str | Path | None) -> Path | None:
    """The given tokenizer, checked, or that of the artifact; None where it is not at hand."""
    try:
        path = tokenizer_path(artifact, given)
    except InputError:
        if given is not None:
            raise
        return None
    tokenizer_of(artifact, path)
    return path


def upload(folder: Path, repository: str, *, private: bool = False, endpoint: str | None = None) -> str:
    """Upload what is in ``folder`` as one commit of a model ``repository`` (``USER/NAME``), made if it isn't there.

    Returns the commit's address. The token is that of ``hf auth login`` or HF_TOKEN. ``InputError`` without one, and
    for whatever the hub refuses.
    """
    where = f"{endpoint or constants.ENDPOINT} model {repository}"
    if (token := get_token()) is None:
        raise InputError(where, "can't be written without a token", "run `hf auth login`, or set HF_TOKEN")
    api = HfApi(endpoint=endpoint, token=token)
    try:
        api.create_repo(repository, private=private, exist_ok=True)
        commit = api.upload_folder(repo_id=repository, folder_path=folder, commit_message="Upload by tritgolf export")
    except HFValidationError as error:
        raise InputError("--repo", " ".join(str(error).split()), "give USER/NAME") from None
    except OfflineModeIsEnabled:
        raise InputError(where, "can't be written in offline mode", "unset HF_HUB_OFFLINE") from None
    except (TransportError, ConnectionError) as error:
        refused = f"refuses it (HTTP {error.response.status_code})" if isinstance(error, HfHubHTTPError) else None
        fix = "check that the token may write this repo" if refused else "check the network"
        raise InputError(where, refused or "can't be reached", fix) from None
    return str(commit.commit_url)
