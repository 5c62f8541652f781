"""A hub on this machine and its clients: its server is killed and started again, and two publish at once."""

import json
import random
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

from impossible_lms.publishing.repository import publication_of, publish_to_hub
from impossible_lms.unfinished import PART
from tests.faults.ends import Ends
from tests.faults.ground import KILLED, Ground, one_line
from tests.faults.hub import HUB, SERVED, Death, Troubled, be_client, list_all, served
from tests.faults.processes import Ended, Process
from tests.faults.stages import STAGES, Stage, as_command, copied

MORE_DEATHS = 0.4  # the chance of another one after each
PATIENT = (0.1, 0.2, 0.4, 0.8)  # a client's pauses; the others are over before a server is there again
TAKEN, MOVED = "is another there", "somebody else publishes there"
OTHER_RUN = "other"


def restarted(ground: Ground, stage: Stage, draw: random.Random) -> str:
    """The server is killed at a random request of its life, and started again, perhaps again and again."""
    folder, usual = ground.fresh(stage), Troubled.pauses
    deaths = [Death.drawn(draw)]
    while draw.random() < MORE_DEATHS:
        deaths.append(Death.drawn(draw))
    Troubled.deaths, Troubled.pauses = tuple(deaths), draw.choice([usual, PATIENT])
    what = f"the server killed {', then '.join(map(str, deaths))}"
    try:
        ended = ground.begun(stage, folder).wait()
    finally:
        Troubled.deaths, Troubled.pauses = (), usual
    said = KILLED if ended.code == 0 else one_line(stage, ended, (2,), what)
    ground.check(stage, folder, f"{what} ({said})")
    return said


class Client(NamedTuple):
    """One that publishes a run to a namespace, by a name."""

    run: str
    namespace: str = "me"
    name: str = "one"
    overwrite: bool = False

    def publish(self) -> None:
        """Do it."""
        what = publication_of(Path(self.run), self.name)
        publish_to_hub(what, self.namespace, overwrite=self.overwrite)


ONE, OTHER = Client("run"), Client(OTHER_RUN)
# What two clients do at once: of those that do not meet, or want the same, both get it.
APART: Mapping[str, tuple[Client, Client]] = {
    "one run": (ONE, ONE),
    "one run to two namespaces": (ONE, ONE._replace(namespace="you")),
    "two runs": (ONE, OTHER._replace(name="two")),
}
# Of these only one can.
MEETING: Mapping[str, tuple[Client, Client]] = {
    "two runs to one name": (ONE, OTHER),
    "two runs to one name, to replace what is there": (ONE._replace(overwrite=True), OTHER._replace(overwrite=True)),
}


def two_clients(ground: Ground, stage: Stage, draw: random.Random) -> str:
    """Two clients publish to one hub at once: what they leave is what they would have left alone."""
    way = draw.choice([*APART, *MEETING])
    clients, late = {**APART, **MEETING}[way], draw.uniform(0, ground.seconds[stage.name])
    stage = _with_other_run(ground, stage)
    folder = ground.fresh(stage)
    ended = _published(ground, folder, clients, late)
    said = [one_line(stage, each, (2,), way) for each in ended if each.code]
    if way in APART:
        assert not said, f"{way}: {said}"
        _alone(ground, stage, clients).check(folder, way)
    else:
        _check_meeting(ground, stage, folder, way, clients, ended)
    shutil.rmtree(folder)
    return said[0] if said else KILLED


def _check_meeting(
    ground: Ground, stage: Stage, folder: Path, way: str, clients: Sequence[Client], ended: Sequence[Ended]
) -> None:
    """Of two that wanted one name: no `main` joins revisions of both, and who is alone afterwards gets there."""
    left = list((folder / HUB).rglob(f".*{PART}*"))
    assert not left, f"{way}: {left} is left over"
    alone = [_alone(ground, stage, [client]) for client in clients]
    holds = [_holds(ends, folder) for ends in alone]
    is_begun = json.loads((folder / SERVED).read_text()).get("history of me/one@main") != ["initial commit"]
    assert any(holds) or not is_begun, f"{way}: main is of neither; {[each.last for each in ended]}"
    for client, each, whole in zip(clients, ended, holds, strict=True):
        assert each.code == 0 or TAKEN in each.last or MOVED in each.last, each.last
        assert whole or each.code or client.overwrite, f"{way}: {client} ended well, and is not there"
    assert clients[0].overwrite or [each.code for each in ended].count(0) == 1, [each.last for each in ended]
    again = next((client for client, whole in zip(clients, holds, strict=True) if whole), clients[0])
    (more,) = _published(ground, folder, [again], 0)
    assert more.code == 0, f"{way}: the same again says {more.last}"
    assert _holds(alone[clients.index(again)], folder), f"{way}: the same again did not get there"


def _holds(ends: Ends, folder: Path) -> bool:
    """Whether a hub serves what it is to, whatever the history."""
    only = {place: value for place, value in ends.values.items() if place.startswith(SERVED) and "history" not in place}
    try:
        Ends(only, frozenset()).check_values(folder, "")
    except AssertionError:
        return False
    return True


def _published(ground: Ground, folder: Path, clients: Sequence[Client], late: float) -> list[Ended]:
    """How clients of the hub in a folder ended, each of which began `late` after the one before."""
    with served(folder / HUB) as port:
        begun: list[Process] = []
        for client in clients:
            if begun:
                time.sleep(late)
            begun.append(ground.begun(_stage(client), folder, partial(be_client, port)))
        ended = [each.wait() for each in begun]
        list_all(port, folder / SERVED)
    return ended


def _stage(client: Client) -> Stage:
    return replace(STAGES["publish-hub"], work=as_command(client.publish, "publish"))


def _alone(ground: Ground, stage: Stage, clients: Sequence[Client]) -> Ends:
    """What clients leave one after the other, of which each was alone."""
    name = f"{stage.name} {clients}"
    if name not in ground.ends:
        folders = []
        for _ in range(2):
            folders.append(ground.fresh(stage))
            for client in clients:
                (ended,) = _published(ground, folders[-1], [client], 0)
                assert ended.code == 0, ended.errors
        ground.ends[name] = Ends.of(*folders)
    return ground.ends[name]


def _with_other_run(ground: Ground, stage: Stage) -> Stage:
    """The same stage on a ground of its own, where there is another run, too."""
    mine = replace(stage, name=f"{stage.name}-by-two")
    before = ground.root / "before" / mine.name
    if not before.is_dir():
        copied(ground.root / "before" / stage.name, before)
        words = tuple(OTHER_RUN if word == "run" else word for word in STAGES["train"].words)
        ground.whole(replace(STAGES["train"], words=(*words, "--seed", "1")), before)
    return mine
