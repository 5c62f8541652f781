"""Files are whole or absent, and damage is found."""

import json
import os
import re
import subprocess
import sys
import time

import pytest

from impossible_lms.errors import UserError
from impossible_lms.files import (
    MANIFEST,
    folder_beside,
    is_made,
    is_made_file,
    publish_file,
    read_file_manifest,
    read_manifest,
    verify_files,
    write_text,
    written_beside,
)
from impossible_lms.growing import GrowingFile
from impossible_lms.unfinished import machine


def make(folder, content=b"content", request=None):
    with folder_beside(folder, "thing", {"request": request or {"seed": 1}}) as part:
        (part / "a.bin").write_bytes(content)


def test_a_failed_write_leaves_the_old_file_and_nothing_beside_it(tmp_path):
    write_text(tmp_path / "x", "old")
    with pytest.raises(RuntimeError), written_beside(tmp_path / "x") as part:
        part.write_text("half")
        raise RuntimeError
    assert (tmp_path / "x").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


def test_a_failed_folder_leaves_nothing(tmp_path):
    with pytest.raises(RuntimeError), folder_beside(tmp_path / "x", "thing", {}) as part:
        (part / "a").write_text("half")
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_writer_left_is_removed(tmp_path):
    code = (
        "import os, sys, pathlib\n"
        "from impossible_lms.files import folder_beside\n"
        "with folder_beside(pathlib.Path(sys.argv[1]), 'thing', {}) as part:\n"
        "    (part / 'a').write_text('half')\n"
        "    os._exit(9)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "x")], check=False)
    assert done.returncode == 9 and not (tmp_path / "x").exists() and len(list(tmp_path.iterdir())) == 1
    make(tmp_path / "x")
    assert list(tmp_path.iterdir()) == [tmp_path / "x"]


def test_what_killed_writers_of_a_file_left_is_removed_and_what_others_write_stays(tmp_path):
    code = (
        "import os, sys, pathlib\n"
        "from impossible_lms.files import written_beside\n"
        "with written_beside(pathlib.Path(sys.argv[1])) as part:\n"
        "    part.write_text('half')\n"
        "    os._exit(9)\n"
    )
    path = tmp_path / "x.png"
    subprocess.run([sys.executable, "-c", code, str(path)], check=False)
    (left,) = tmp_path.iterdir()
    assert re.fullmatch(rf"\.x\.png\.part-{machine()}-[0-9]+-.*", left.name)
    host, here = machine(), os.getpid()
    alive = tmp_path / f".x.png.part-{host}-{os.getppid()}-a"
    recycled = tmp_path / f".x.png.part-{host}-{here}-of_an_earlier_process"
    elsewhere, gone = tmp_path / ".x.png.part-elsewhere-7-a", tmp_path / ".x.png.part-elsewhere-8-a"
    another = tmp_path / f".x.png.json.part-{host}-999999999-a"  # of another file
    for each in (alive, recycled, elsewhere, gone, another):
        each.write_text("half")
    os.utime(gone, (time.time() - 2 * 24 * 3600,) * 2)
    with written_beside(path) as outer:
        outer.write_text("one")
        write_text(path, "two")  # at the same time
    assert path.read_text() == "one"
    assert set(tmp_path.iterdir()) == {path, alive, elsewhere, another}
    make(tmp_path / "x.png.json")  # who alone may write it removes it all
    assert set(tmp_path.iterdir()) == {path, alive, elsewhere, tmp_path / "x.png.json"}


def test_every_kind_of_damage_is_found(tmp_path):
    make(tmp_path / "x")
    manifest = read_manifest(tmp_path / "x", "thing")
    file = tmp_path / "x" / "a.bin"
    verify_files(tmp_path / "x", manifest)
    file.write_bytes(b"conteNt")
    with pytest.raises(UserError, match=r"a\.bin: its content has changed since it was made"):
        verify_files(tmp_path / "x", manifest)
    verify_files(tmp_path / "x", manifest, contents=False)
    file.write_bytes(b"cont")
    with pytest.raises(UserError, match=r"a\.bin: 4 bytes, 7 expected"):
        verify_files(tmp_path / "x", manifest, contents=False)
    file.unlink()
    with pytest.raises(UserError, match=r"a\.bin: missing"):
        verify_files(tmp_path / "x", manifest)


def test_a_manifest_does_not_lead_outside_its_folder(tmp_path):
    make(tmp_path / "x")
    (tmp_path / "secret").write_text("s")
    manifest = read_manifest(tmp_path / "x", "thing")
    manifest["files"]["../secret"] = {"sha256": "", "bytes": 1}
    with pytest.raises(UserError, match="missing"):
        verify_files(tmp_path / "x", manifest)


def test_a_folder_made_before_is_known_again_and_another_refused(tmp_path):
    folder = tmp_path / "x"
    assert not is_made(folder, "thing", {"seed": 1})
    make(folder)
    assert is_made(folder, "thing", {"seed": 1})
    with pytest.raises(UserError, match=r"belongs to something else \(seed was 1, now 2\)"):
        is_made(folder, "thing", {"seed": 2})
    with pytest.raises(UserError, match="holds a thing, not a cake"):
        is_made(folder, "cake", {"seed": 1})
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").touch()
    with pytest.raises(UserError, match="exists and is not a finished thing"):
        is_made(tmp_path / "mine", "thing", {})


@pytest.mark.parametrize("text", ["", "{", "[]", json.dumps({"kind": "thing"})])
def test_a_damaged_manifest_is_named(tmp_path, text):
    (tmp_path / MANIFEST).write_text(text)
    with pytest.raises(UserError, match=r"manifest\.json: damaged"):
        read_manifest(tmp_path, "thing")


def test_a_growing_file_goes_on_from_what_is_known(tmp_path):
    path = tmp_path / "x"
    file = GrowingFile(path)
    file.append(b"one ")
    known = (file.size, file.sha256)
    file.append(b"half a ba")
    file.close()
    again = GrowingFile(path, *known)
    assert path.read_bytes() == b"one "
    again.append(b"two")
    again.close()
    assert path.read_bytes() == b"one two" and again.size == 7
    path.write_bytes(b"0ne two")
    for damaged in (b"0ne two", b"on"):
        path.write_bytes(damaged)
        with pytest.raises(UserError, match=r"x: damaged since it was written. Remove .* and begin again."):
            GrowingFile(path, *known)
        assert path.read_bytes() == damaged


def test_a_file_has_its_manifest_beside_it(tmp_path):
    path = tmp_path / "x.txt"
    assert not is_made_file(path, "thing", {"seed": 1})
    (tmp_path / "part").write_text("content")
    publish_file(tmp_path / "part", path, "thing", {"request": {"seed": 1}})
    assert sorted(file.name for file in tmp_path.iterdir()) == ["x.txt", "x.txt.json"]
    assert is_made_file(path, "thing", {"seed": 1})
    assert read_file_manifest(path, "thing")["files"]["x.txt"]["bytes"] == 7
    with pytest.raises(UserError, match=r"x.txt: belongs to something else \(seed was 1, now 2\)"):
        is_made_file(path, "thing", {"seed": 2})
    with pytest.raises(UserError, match=r"x.txt: holds a thing, not a dream."):
        is_made_file(path, "dream", {"seed": 1})
    path.write_text("contents")
    with pytest.raises(UserError, match=r"x.txt: 8 bytes, 7 expected"):
        is_made_file(path, "thing", {"seed": 1})
    (tmp_path / "x.txt.json").unlink()
    with pytest.raises(UserError, match=r"x.txt: exists and is not a finished thing. Choose another output."):
        is_made_file(path, "thing", {"seed": 1})
