"""What software made something, and from which commit."""

import re
import subprocess

from impossible_lms import versions


def test_the_commit_of_a_clone_and_whether_it_was_changed(tmp_path, monkeypatch):
    code = tmp_path / "src" / "impossible_lms" / "versions.py"
    code.parent.mkdir(parents=True)
    code.write_text("one")
    monkeypatch.setattr(versions, "__file__", str(code))
    assert versions.commit() is None
    who = ["-c", "user.name=a", "-c", "user.email=a@b"]
    for words in (["init", "-q"], ["add", "src"], [*who, "commit", "-qm", "one"]):
        subprocess.run(["git", "-C", str(tmp_path), *words], check=True)
    assert re.fullmatch("[0-9a-f]{40}", versions.commit() or "")
    (tmp_path / "notes").write_text("no code")
    assert re.fullmatch("[0-9a-f]{40}", versions.commit() or "")
    code.write_text("two")
    assert re.fullmatch(r"[0-9a-f]{40}\+changes", versions.commit() or "")
