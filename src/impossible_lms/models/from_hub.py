"""The files and revisions of a model on the Hub, or of its cache where the Hub cannot be reached; only what is data."""

from pathlib import Path
from typing import Any

from impossible_lms.errors import UserError
from impossible_lms.models.cached import cached_models, cached_revisions, id_of_cached, own_cache
from impossible_lms.models.foreign import SINGLE, WEIGHTS, parts_of
from impossible_lms.network import cache_if_offline, hub_is_reachable
from impossible_lms.tokenizer_files import SENTENCEPIECE

CARD = "README.md"
_TOKENIZER = (
    "tokenizer.json",
    "vocab.json",
    "merges.txt",
    "added_tokens.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    SENTENCEPIECE,
)


def fetched(repo_id: str, revision: str) -> Path:
    """The folder of the cache with a revision's files; only those that are data are ever fetched."""
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import EntryNotFoundError

    def has(name: str) -> bool:
        try:
            found = Path(hf_hub_download(repo_id, name, revision=folder.name))
        except EntryNotFoundError:
            return False
        return all(has(part) for part in parts_of(found)) if name in WEIGHTS and name not in SINGLE else True

    try:
        with cache_if_offline():
            # Its name is the commit, from which the rest is to come too.
            folder = Path(hf_hub_download(repo_id, "config.json", revision=revision)).parent
            any(has(name) for name in WEIGHTS)  # the first there is
            for name in _TOKENIZER:
                has(name)
    except Exception as error:  # network, cache, name and permission faults have no common class below Exception
        raise _not_had(f"{repo_id}@{revision}", error) from error
    return folder


def card_of(repo_id: str) -> Path | None:
    """The card of a model on the Hub or in its cache; None where there is none to be had."""
    from huggingface_hub import hf_hub_download

    try:
        with cache_if_offline():
            return Path(hf_hub_download(repo_id, CARD))
    except Exception:  # as above; what cannot be had says nothing
        return None


def branches(repo_id: str) -> list[str]:
    """The branches and tags of a repository on the Hub, or offline those in the cache."""
    from huggingface_hub import HfApi

    if not hub_is_reachable():
        here = next((each for each in cached_models(own_cache()) if id_of_cached(each) == repo_id), None)
        if here is None:
            raise UserError(
                f"{repo_id}: neither a folder here nor in the cache {own_cache()}, and the Hub cannot be reached. A "
                "model in another cache is CACHE/models--OWNER--NAME, or set HF_HUB_CACHE."
            )
        return cached_revisions(here)
    try:
        refs = HfApi().list_repo_refs(repo_id)
        return [each.name for each in (*refs.branches, *refs.tags)]
    except Exception as error:  # as above
        raise _not_had(repo_id, error) from error


def _not_had(what: str, error: Exception) -> UserError:
    said: Any = str(error).strip().split("\n")[0]
    return UserError(
        f"{what}: neither a folder here nor to be had from the Hugging Face Hub ({type(error).__name__}: {said})."
    )
