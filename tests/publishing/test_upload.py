"""Upload: revisions arrive whole and once, `main` last; whatever fails on the way, the same call ends it well."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from impossible_lms.errors import UserError
from impossible_lms.models.run import Run
from impossible_lms.publishing.repository import planned_on_hub, publish_to_hub
from tests.publishing.conftest import TOKEN, Troubled, answered, dropped, environment, quiet, served
from tests.sealing import resealed

# huggingface_hub sends large files by a name that its own HTTP library has given up.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content:DeprecationWarning")

ID = "me/partial-reverse-gpt2-no-pos"
REVISIONS = ["checkpoint-4", "checkpoint-8", "checkpoint-12", "main"]


def heads(server):
    return server.store.repository("models", ID).refs("heads")


def weights(server, revision):
    return server.store.repository("models", ID).commit(revision).files["model.safetensors"].sha256


def is_complete(server, run):
    repository = server.store.repository("models", ID)
    expected = [checkpoint.digests() for checkpoint in run.checkpoints()]
    for name, digests in zip(REVISIONS, [*expected, expected[-1]], strict=True):
        files = repository.commit(name).files
        if any(name not in files or files[name].sha256 != digest for name, digest in digests.items()):
            return False
    return True


def main_is_untouched(server):
    return list(server.store.repository("models", ID).commit("main").files) == [".gitattributes"]


def at_request(first, last, trouble):
    """Trouble from one request to another."""

    def at(number, exchange):
        if first <= number <= last:
            trouble(exchange)

    return at


def other(run, tmp_path):
    """The same run with other weights at the end."""
    changed = Run(tmp_path / "other", run.record | {"data": str(run.dataset().folder)})
    shutil.copytree(run.folder, changed.folder)
    shutil.rmtree(changed.folder / "checkpoints" / "checkpoint-12")
    shutil.copytree(run.folder / "checkpoints" / "checkpoint-8", changed.folder / "checkpoints" / "checkpoint-12")
    resealed(changed.folder / "checkpoints/checkpoint-12/manifest.json", lambda it: it["record"].update(step=12))
    return changed


def test_one_commit_a_revision_and_each_content_once(run, server, here):
    plan = planned_on_hub(run, "me")
    assert [str(change).split(",")[0] for change in plan] == [f"{name}: new" for name in REVISIONS]
    assert not (server.store.folder / "models").exists()
    address = publish_to_hub(run, "me")
    assert address == f"{server.address}/{ID}" and is_complete(server, run)
    for name in REVISIONS:
        assert [commit.title for commit in here.list_repo_commits(ID, revision=name)] == [
            f"Publish {name} with impossible-lms",
            "initial commit",
        ]
    sent = [asked for asked in Troubled.asked if asked.startswith("PUT")]
    assert len(sent) == len(set(sent)) == 3  # the weights of three checkpoints; main's are the last one's
    assert [str(change) for change in planned_on_hub(run, "me")] == [f"{name}: as it is here" for name in REVISIONS]
    Troubled.asked.clear()
    publish_to_hub(run, "me")
    assert not any("/commit/" in asked or asked.startswith("PUT") for asked in Troubled.asked)


def test_another_content_is_refused_unless_asked(run, server, here, tmp_path):
    publish_to_hub(run, "me")
    before, changed = heads(server), other(run, tmp_path)
    with pytest.raises(
        UserError, match=rf"^{ID}@checkpoint-12: .*model.safetensors is another there. Pass --overwrite"
    ):
        publish_to_hub(changed, "me")
    assert heads(server) == before
    assert str(planned_on_hub(changed, "me")[2]).startswith("checkpoint-12: to be replaced, ")
    here.upload_file(path_or_fileobj=b"x", path_in_repo="odd.txt", repo_id=ID, revision="checkpoint-4")
    publish_to_hub(changed, "me", overwrite=True)
    assert weights(server, "main") == weights(server, "checkpoint-12") == weights(server, "checkpoint-8")
    assert "odd.txt" not in server.store.repository("models", ID).commit("checkpoint-4").files


def test_private_and_in_a_collection(run, server, here):
    from huggingface_hub import HfApi
    from huggingface_hub.errors import RepositoryNotFoundError

    publish_to_hub(run, "me", private=True, collection="Impossible things")
    publish_to_hub(run, "me", private=True, collection="Impossible things")
    assert here.model_info(ID).private
    with pytest.raises(RepositoryNotFoundError):
        HfApi(endpoint=server.address, token=False).model_info(ID)
    slugs = [path.stem for path in (server.store.folder / "collections" / "me").iterdir()]
    assert [item.item_id for item in here.get_collection(f"me/{slugs[0]}").items] == [ID] and len(slugs) == 1
    here.create_repo("you/partial-reverse-gpt2-no-pos")
    with pytest.raises(UserError, match=r"^you/.* is public already"):
        publish_to_hub(run, "you", private=True)


@pytest.mark.parametrize("trouble", [dropped, answered(429), answered(500)], ids=["dropped", "429", "500"])
def test_one_fault_at_any_request_is_waited_out(run, tmp_path, monkeypatch, trouble):
    from tests.publishing.conftest import client

    with served(tmp_path / "count") as server:
        client(server, monkeypatch)
        publish_to_hub(run, "me")
        requests = len(Troubled.asked)
    for number in range(0, requests, 4):
        with served(tmp_path / str(number)) as server:
            client(server, monkeypatch)
            Troubled.trouble = at_request(number, number, trouble)
            publish_to_hub(run, "me")
            assert is_complete(server, run), f"request {number} of {requests}"


def test_a_hub_that_stays_broken_is_said_and_main_is_left(run, tmp_path, monkeypatch):
    from tests.publishing.conftest import client

    for number in (0, 3, 12, 20, 30):
        with served(tmp_path / str(number)) as server:
            client(server, monkeypatch)
            Troubled.trouble = at_request(number, 10_000, answered(503))
            with pytest.raises(UserError, match=r"answers 503 .*The same command goes on from here.$") as fault:
                publish_to_hub(run, "me")
            assert "\n" not in str(fault.value) and TOKEN not in str(fault.value)
            quiet()
            assert not (server.store.folder / "models").exists() or main_is_untouched(server)
            publish_to_hub(run, "me")
            assert is_complete(server, run)


FAULTS = [
    (answered(401), "does not know the token. Log in with `hf auth login`, or set HF_TOKEN."),
    (
        answered(403),
        r"the token may not write there \(as the test wants it\). Give one that may, or another namespace.",
    ),
    (answered(400), r"refused \(.*as the test wants it\)."),
    (dropped, "no way to http://127.0.0.1:[0-9]+ .*The same command goes on from here."),
]


@pytest.mark.parametrize(("trouble", "said"), FAULTS, ids=["401", "403", "400", "dropped"])
def test_faults_are_one_line(run, server, here, trouble, said):
    def at_create(number, exchange):
        if exchange.path == "/api/repos/create":
            trouble(exchange)

    Troubled.trouble = at_create
    with pytest.raises(UserError, match=said) as fault:
        publish_to_hub(run, "me")
    assert str(fault.value).startswith(f"{ID}: ") and "\n" not in str(fault.value) and TOKEN not in str(fault.value)


def test_without_token_network_or_a_name(run, server, here, monkeypatch):
    from huggingface_hub import constants

    for namespace in ("a b", "-a", "a--b", ""):
        with pytest.raises(UserError, match=f"^--to hub:{namespace}: not a name the Hugging Face Hub takes"):
            publish_to_hub(run, namespace)
    monkeypatch.setenv("HF_TOKEN", "")
    with pytest.raises(UserError, match=r"no token for .* Log in with `hf auth login`, or set HF_TOKEN."):
        publish_to_hub(run, "me")
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(UserError, match=r"HF_HUB_OFFLINE is set. Unset it to publish to http"):
        publish_to_hub(run, "me")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(UserError, match=r"no way to http://127.0.0.1:9 .*The same command goes on from here.$"):
        publish_to_hub(run, "me")
    assert Troubled.asked == []


def test_a_branch_begun_by_another_is_completed_and_a_changed_file_is_not_sent(run, server, here, tmp_path):
    here.create_repo(ID)
    here.create_branch(ID, branch="checkpoint-4")
    config = run.checkpoints()[0].folder / "config.json"
    here.upload_file(path_or_fileobj=config, path_in_repo="config.json", repo_id=ID, revision="checkpoint-4")
    assert str(planned_on_hub(run, "me")[0]).startswith("checkpoint-4: to be completed, ")
    damaged = Run(tmp_path / "damaged", run.record | {"data": str(run.dataset().folder)})
    shutil.copytree(run.folder, damaged.folder)
    file = damaged.folder / "checkpoints" / "checkpoint-8" / "model.safetensors"
    content = bytearray(file.read_bytes())
    content[-9] ^= 4
    file.write_bytes(content)
    with pytest.raises(UserError, match=r"checkpoint-8/model.safetensors: its content has changed since it was made"):
        publish_to_hub(damaged, "me")
    assert main_is_untouched(server)
    publish_to_hub(run, "me")
    assert is_complete(server, run)


@pytest.mark.parametrize("number", [6, 17, 31])
def test_killed_in_the_middle_and_run_again(run, server, tmp_path, number):
    command = [sys.executable, "-m", "impossible_lms", "publish", str(run.folder), "--to", "hub:me"]
    given = environment(server.address, tmp_path / "home", HF_TOKEN=TOKEN)
    child = subprocess.Popen(command, env=given, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def kill(at, exchange):
        if at == number:
            os.kill(child.pid, signal.SIGKILL)

    Troubled.trouble = kill
    child.communicate(timeout=60)
    assert child.returncode == -signal.SIGKILL
    quiet()
    assert main_is_untouched(server)
    done = subprocess.run(command, env=given, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and done.stdout == f"{server.address}/{ID}\n"
    assert is_complete(server, run) and TOKEN not in done.stdout + done.stderr
    assert not list(Path(run.folder.parent).glob(".*publish*"))


def test_main_never_joins_what_two_publish_at_once(run, server, here, tmp_path):
    """Each replaces what the other has there; who comes second to a revision is seen before `main` moves."""

    def somebody_else(exchange):
        def changed(files):
            return files | {"model.safetensors": server.store.blobs.small(b"another's")}

        repository = server.store.repository("models", ID)
        server.store.change(repository, "checkpoint-4", None, "another's", "", changed)

    def once(number, exchange):
        if exchange.path.endswith("/commit/checkpoint-12"):
            somebody_else(exchange)

    Troubled.trouble = once
    said = rf"^{ID}@checkpoint-4: model.safetensors is no longer what was sent: somebody else publishes there."
    with pytest.raises(UserError, match=said):
        publish_to_hub(run, "me", overwrite=True)
    assert main_is_untouched(server)
    quiet()
    publish_to_hub(run, "me", overwrite=True)
    assert is_complete(server, run)


def test_a_connection_that_another_thread_of_the_client_gave_up_is_no_end(run, server, here, monkeypatch):
    from huggingface_hub import HfApi

    commit, failures = HfApi.create_commit, ["Cannot send a request, as the client has been closed."]

    def failing(self, *arguments, **keywords):
        if failures:
            raise RuntimeError(failures.pop())
        return commit(self, *arguments, **keywords)

    monkeypatch.setattr(HfApi, "create_commit", failing)
    publish_to_hub(run, "me")
    assert is_complete(server, run)
