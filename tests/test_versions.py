"""What software made something, and from which commit."""

import re
import subprocess
from importlib.metadata import PackageNotFoundError, version

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


def test_a_package_run_from_its_sources_has_no_metadata_and_needs_none(tmp_path, monkeypatch):
    installed = version("impossible-lms")

    def missing(name):
        if name == "impossible-lms":
            raise PackageNotFoundError(name)
        return version(name)

    monkeypatch.setattr(versions, "version", missing)
    monkeypatch.setattr(versions, "distribution", missing)
    found = versions.versions("numpy")
    assert found["impossible-lms"] == installed and found["numpy"] == version("numpy")
    monkeypatch.setattr(versions, "__file__", str(tmp_path / "src" / "impossible_lms" / "versions.py"))
    assert versions.versions()["impossible-lms"] == "unknown" and versions.commit() is None
