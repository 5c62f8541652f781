"""A tokenizer by the id of a repository, from a small server that answers as the Hugging Face Hub does."""

import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

LOAD = """
import sys
from impossible_lms import load_tokenizer
from impossible_lms.errors import UserError
try:
    print(load_tokenizer(sys.argv[1]).encode(["She sings."])[0].tolist())
except UserError as error:
    print(error)
"""


@pytest.fixture(scope="module")
def hub(tokenizer, tmp_path_factory):
    """The address of a server with the repositories me/new (tokenizer.json) and me/old (vocab.json, merges.txt)."""
    folder = tmp_path_factory.mktemp("hub")
    tokenizer.save(folder)
    vocabulary, merges = tokenizer.backend.plain.model.save(str(folder))
    content = {
        "/me/new/resolve/main/tokenizer.json": (folder / "tokenizer.json").read_bytes(),
        "/me/old/resolve/main/vocab.json": Path(vocabulary).read_bytes(),
        "/me/old/resolve/main/merges.txt": Path(merges).read_bytes(),
    }

    class Answers(BaseHTTPRequestHandler):
        def do_HEAD(self):
            self.answer(with_body=False)

        def do_GET(self):
            self.answer(with_body=True)

        def answer(self, with_body):
            body = content.get(self.path, b"")
            self.send_response(200 if body else 404)
            if not body:
                self.send_header("X-Error-Code", "EntryNotFound")
            self.send_header("ETag", f'"{hash(body)}"')
            self.send_header("X-Repo-Commit", "0" * 40)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if with_body:
                self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def loaded(name, address, home):
    environment = {name: value for name, value in os.environ.items() if name != "HF_HUB_OFFLINE"}
    environment |= {"HF_ENDPOINT": address, "HF_HOME": str(home), "HF_HUB_DISABLE_XET": "1"}
    done = subprocess.run(
        [sys.executable, "-c", LOAD, name], env=environment, capture_output=True, text=True, check=True, cwd=home
    )
    return done.stdout.strip()


@pytest.mark.parametrize("name", ["me/new", "me/old"])
def test_a_repository_gives_its_tokenizer(name, hub, tokenizer, tmp_path):
    assert loaded(name, hub, tmp_path) == str(tokenizer.encode(["She sings."])[0].tolist())


def test_a_repository_that_is_not_there(hub, tmp_path):
    said = loaded("me/none", hub, tmp_path)
    assert said.startswith("--tokenizer me/none: neither a folder here nor to be had from the Hugging Face Hub (")
