"""The tables within an experiment file: what is measured, where models go, and one of several corpora."""

from pydantic import BaseModel, ConfigDict, Field


class FileTable(BaseModel):
    """A table of a file: unknown keys are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Evaluate(FileTable):
    """One metric over the runs it serves."""

    metric: str = Field(description="as `impossible metrics` lists them")
    languages: list[str] | None = Field(default=None, description="of which models; of all that the metric can measure")
    on: list[str] = Field(default=[], description="languages whose test sets are taken instead of the model's own")
    checkpoints: str | int = Field(default="all", description="all, last, every=200, or steps as 100,200")
    sample: int | None = Field(default=None, ge=1, description="items at most; what one is, the metric says")
    seed: int | None = Field(default=None, ge=0, description="of the sample; 0, or as published each run's own")
    precision: str = Field(default="fp32", description="fp32 or bf16")
    corpus: str | None = Field(default=None, description="what items are made from; the experiment's own corpus")
    annotator: str | None = Field(default=None, description="spacy[:pipeline] or stanza[:language], for `corpus`")
    as_published: bool = Field(default=False, description="as the published scripts did, mistakes included")


class Publish(FileTable):
    """Where the finished models go."""

    to: str = Field(default="cache", description="cache, hub, or a folder")
    namespace: str = Field(description="the user or organisation they belong to")
    cache: str | None = Field(default=None, description="the cache's folder; that of this machine")
    seeds: list[int] | None = Field(
        default=None,
        min_length=1,
        description="of the models that are published, each but the first with `-seedN` in its name; the first of all",
    )
    private: bool = Field(default=False, description="hidden from others on the Hub")


class HumanCorpus(FileTable):
    """One of several corpora, each of a human language; a language is compared with its control in the same one."""

    name: str = Field(
        pattern=r"^[A-Za-z0-9](?:[A-Za-z0-9_-]*[A-Za-z0-9])?$", description="of the human language, as in runs: es, pt"
    )
    corpus: str = Field(description="as `corpus` of an experiment")
    tokenizer: str | None = Field(default=None, description="its own; the experiment's, if none is given")
