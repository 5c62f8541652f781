"""What was read of a corpus: files, splits, genres, lines, sentences, words; and what was not."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from impossible_lms.corpora.layout import WHOLE, LeftOut, listed
from impossible_lms.corpora.lines import Tally
from impossible_lms.corpora.options import LINE, SPLIT

LONG_LINE = 40  # words; lines that have more on average are paragraphs
WRAPPED = 0.3  # of lines that end within a sentence; where there are more, texts are wrapped
SHOWN = 12  # genres that are named


@dataclass
class Part:
    """What was read of one genre of one split.

    Attributes:
        sentences: how they were told (`Options.unit`); None where they are given.
    """

    split: str
    genre: str
    files: int = 0
    tally: Tally = field(default_factory=Tally)
    sentences: str | None = None


@dataclass(frozen=True)
class Survey:
    """What was read of a corpus, and what was not."""

    name: str
    parts: tuple[Part, ...]
    left_out: tuple[LeftOut, ...] = ()

    @property
    def total(self) -> Tally:
        """All parts together."""
        return _together(self.parts)

    def record(self) -> dict[str, Any]:
        """The same for a manifest."""
        parts = [
            {
                "split": part.split,
                "genre": part.genre,
                "files": part.files,
                "lines": part.tally.lines,
                "blank": part.tally.blank,
                "bad": dict(part.tally.bad),
                "sentences": part.tally.sentences,
                "words": part.tally.words,
                "open": part.tally.open,
                "told_by": part.sentences,
            }
            for part in self.parts
        ]
        return {"parts": parts, "not_read": [{"file": each.name, "reason": each.reason} for each in self.left_out]}

    @classmethod
    def of_record(cls, name: str, record: dict[str, Any]) -> "Survey":
        """The survey that a manifest keeps."""
        parts = []
        for row in record["parts"]:
            tally = Tally(row["lines"], row["blank"])
            tally.bad.update(row["bad"])
            tally.sentences, tally.words, tally.open = row["sentences"], row["words"], row["open"]
            parts.append(Part(row["split"], row["genre"], row["files"], tally, row["told_by"]))
        return cls(name, tuple(parts), tuple(LeftOut(each["file"], each["reason"]) for each in record["not_read"]))

    def said(self) -> Iterator[str]:
        """The same in a few lines."""
        total = self.total
        files = f"{self._files(self.parts)}, " if any(part.files for part in self.parts) else ""
        yield f"{self.name}: {files}{_what(total)}"
        splits = list(dict.fromkeys(part.split for part in self.parts))
        for split in splits:
            mine = [part for part in self.parts if part.split == split]
            genres = list(dict.fromkeys(part.genre for part in mine))
            named = ", ".join(genres[:SHOWN]) + (f" and {len(genres) - SHOWN} more" if len(genres) > SHOWN else "")
            if split != WHOLE:
                yield f"  {split:<5} {self._files(mine)}, {_what(_together(mine))}: {named}"
            elif len(genres) > 1:
                yield f"  {len(genres)} genres: {named}"
        if total.blank:
            yield f"  blank lines skipped: {total.blank:,}"
        if total.bad:
            kinds = ", ".join(f"{number:,} {what}" for what, number in total.bad.most_common())
            yield f"  bad lines skipped: {kinds}"
        if self.left_out:
            yield f"  not read: {listed(self.left_out)}"
        yield from (f"  {note}" for note in self.notes())

    @staticmethod
    def _files(parts: Sequence[Part]) -> str:
        return _counted(sum(part.files for part in parts), "file")

    def notes(self) -> Iterator[str]:
        """What a reader should know, a sentence each."""
        long = [part for part in self.parts if part.sentences == LINE and part.tally.mean_words > LONG_LINE]
        if long:
            mean = _together(long)
            yield (
                f"Lines of {_genres(long)} have {mean.mean_words:.0f} words on average: paragraphs? "
                "--sentences split makes sentences of them."
            )
        wrapped = [part for part in self.parts if part.sentences in (LINE, SPLIT) and part.tally.open_share > WRAPPED]
        if wrapped:
            share = f"{_together(wrapped).open_share:.0%}"
            yield (
                f"Of the lines of {_genres(wrapped)} {share} end within a sentence: wrapped? "
                "--sentences paragraph joins them."
            )
        splits = {part.split for part in self.parts}
        missing = [split for split in ("dev", "test") if split not in splits]
        if "train" in splits and missing:
            yield f"There is no {' and no '.join(missing)} part: nothing can be measured on it."


def _genres(parts: Sequence[Part]) -> str:
    names = list(dict.fromkeys(part.genre for part in parts))
    return ", ".join(names[:SHOWN]) + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "")


def _together(parts: Sequence[Part]) -> Tally:
    total = Tally()
    for part in parts:
        total.add(part.tally)
    return total


def _what(tally: Tally) -> str:
    lines = f"{_counted(tally.lines, 'line')}, " if tally.lines != tally.sentences else ""
    words = f", {_counted(tally.words, 'word')}" if tally.words or not tally.sentences else ""  # ids have none
    return f"{lines}{_counted(tally.sentences, 'sentence')}{words}"


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
