"""A Space: written, and started from its own folder without anything of this checkout."""

import os
import socket
import subprocess
import sys
import urllib.request

from impossible_lms.explorer.given import given
from impossible_lms.explorer.space import write_space


def test_a_space_starts_from_its_folder(run, tmp_path, impossible):
    folder = tmp_path / "space"
    code, out, err = impossible("explore", run.folder, "--space", folder)
    assert code == 0, err
    assert str(folder) in out
    names = {path.name for path in folder.iterdir()}
    assert names >= {"app.py", "requirements.txt", "README.md", "impossible_lms", "given"}
    needed = (folder / "requirements.txt").read_text(encoding="utf-8")
    assert "gradio" in needed and "torch" in needed and "mkdocs" not in needed and "spacy" not in needed
    assert "sdk: gradio" in (folder / "README.md").read_text(encoding="utf-8")
    with socket.socket() as tried:  # not the first free one, which others may take meanwhile
        tried.bind(("127.0.0.1", 0))
        port = tried.getsockname()[1]
    environment = os.environ | {"GRADIO_SERVER_NAME": "127.0.0.1", "GRADIO_SERVER_PORT": str(port)}
    environment |= {"HF_HUB_OFFLINE": "1", "PYTHONPATH": str(folder)}
    environment.pop("HF_TOKEN", None)
    process = subprocess.Popen(
        [sys.executable, "app.py"],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None and process.stderr is not None
        said = process.stdout.readline()
        assert said.startswith("http"), process.stderr.read()
        page = urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=60).read().decode()
        assert "Impossible languages" in page and "partial-reverse-gpt2-no-pos" in page
    finally:
        process.kill()
        process.communicate()


def test_a_folder_of_something_else_is_left_alone(run, tmp_path, impossible):
    (tmp_path / "mine.txt").write_text("mine")
    code, _, err = impossible("explore", run.folder, "--space", tmp_path)
    assert code == 2 and "holds something else" in err and err.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_the_same_space_again_is_made_anew(run, tmp_path):
    for _ in range(2):
        write_space(given([str(run.folder)]), tmp_path / "space")
    assert (tmp_path / "space" / "app.py").is_file()


def test_what_it_runs_is_python(run, tmp_path):
    write_space(given([str(run.folder)]), tmp_path / "space", annotator="spacy:en_core_web_sm")
    text = (tmp_path / "space" / "app.py").read_text(encoding="utf-8")
    compile(text, "app.py", "exec")
    assert "annotator='spacy:en_core_web_sm'" in text and "tokenizer=None" in text


def test_a_tokenizer_and_a_pipeline_of_ones_own_go_with_it(run, tmp_path):
    for name in ("pipeline", "mine"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text(name)
    pipeline, mine = (str(tmp_path / name) for name in ("pipeline", "mine"))
    write_space(given([str(run.folder)]), tmp_path / "space", (), f"spacy:{pipeline}", mine)
    text = (tmp_path / "space" / "app.py").read_text(encoding="utf-8")
    compile(text, "app.py", "exec")
    assert "annotator='spacy:' + str(HERE / 'given/pipeline')" in text
    assert "tokenizer='' + str(HERE / 'given/mine')" in text and str(tmp_path) not in text
    assert (tmp_path / "space" / "given" / "pipeline" / "file").read_text() == "pipeline"
