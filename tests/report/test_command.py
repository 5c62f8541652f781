"""`impossible report`: from run folders to files."""


def test_the_verb_writes_a_page_and_its_figures(impossible, measured, tmp_path):
    code, out, err = impossible(
        "report", measured["no-reverse"].folder, "-o", tmp_path / "mine.html", "--published", "--title", "My <title>"
    )
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0] == str(tmp_path / "mine.html") and str(tmp_path / "mine-figures" / "perplexity.pdf") in lines
    page = (tmp_path / "mine.html").read_text(encoding="utf-8")
    assert "<title>My &lt;title&gt;</title>" in page and "impossible report" in page and "Kallini et al. (2024)" in page


def test_a_folder_without_a_run_is_named(impossible, tmp_path):
    code, out, err = impossible("report", tmp_path / "nowhere", "-o", tmp_path / "mine.html")
    assert code == 2 and not out and err.startswith(f"error: {tmp_path / 'nowhere'}: no such folder.")
    assert not list(tmp_path.iterdir())
