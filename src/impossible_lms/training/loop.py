"""The loop: the steps of a run from where it stands, with all that is measured and saved on the way."""

import math
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from impossible_lms.data.dataset import TokenDataset
from impossible_lms.errors import Interrupted, UserError
from impossible_lms.files import to_json, write_record, write_text
from impossible_lms.models.checkpoints import Blank
from impossible_lms.models.metric_lines import lines_of
from impossible_lms.models.run import FINISHED, METRICS, Run
from impossible_lms.progress import Progress
from impossible_lms.training.devices import Devices
from impossible_lms.training.energy import EnergyMeter
from impossible_lms.training.finished import totals
from impossible_lms.training.held_out import held_out_blocks
from impossible_lms.training.memory import sequences_at_a_time
from impossible_lms.training.metrics import Metrics, metrics_of, start_trackers
from impossible_lms.training.operations import matrix_rate, operations_of_run, operations_per_token
from impossible_lms.training.order import blocks_of_step, dropout_keys, generator_seed
from impossible_lms.training.readings import STEPS_BEHIND, Numbers, Reading
from impossible_lms.training.recipe import Recipe
from impossible_lms.training.saving import Saver, computed_with, refuse_full_disk, say_differences
from impossible_lms.training.state import Progressed, load_state
from impossible_lms.training.stopping import stop_signals

NAMED_BLOCKS = 16  # in a message; `diverged.json` has all


@dataclass
class Training:
    """A run, and all that is needed to go on with it; see `train.Options` for what changes no result."""

    run: Run
    dataset: TokenDataset
    recipe: Recipe
    seed: int
    micro_batch: int | None
    keep: int | None
    dtype: str
    track: tuple[str, ...]
    compiled: bool | None
    deterministic: bool
    devices: Devices
    progress: Progress
    say: Callable[[str], None]

    def train(self, model: Any) -> None:
        """Take `model`, with its fresh weights, to the end of the recipe."""
        import torch

        from impossible_lms.training.fast.network import Network

        recipe, devices = self.recipe, self.devices
        self.share = devices.share_of(recipe.sequences_per_step)
        mine = self.share.stop - self.share.start
        self.micro = min(self.micro_batch or sequences_at_a_time(model, recipe, devices.device, mine), mine)
        self.behind = STEPS_BEHIND.get(devices.device.type, 0)
        blank = Blank(model, self.dataset.tokenizer, recipe.context, self.dtype)
        per_token = operations_per_token(model, recipe.context)
        operations = operations_of_run(per_token, recipe)
        self.network = Network(
            model,
            recipe,
            devices.device,
            sequences=self.micro,
            operations=operations,
            compiled=self.compiled,
            say=self.say,
        )
        if devices.device.type == "cuda" and self.micro_batch is None:
            self.say(f"{self.micro} of a step's {mine} sequences at a time, by the memory at hand.")
        here = computed_with(devices.device, devices.count, self.network.compiled, self.micro, self.deterministic)
        request = self.run.record["request"]
        self.saver = Saver(self.run.folder, blank, request, here, self.keep)
        progressed = self._resume(blank, here)
        marks = list(self.dataset.tokenizer.markers.values())
        self.marks = torch.tensor(marks, dtype=torch.int64, device=devices.device)
        self.meter = EnergyMeter(devices.device, devices.is_first_of_node)
        rate = sum(devices.gathered(matrix_rate(devices.device, recipe.precision)))
        self.utilisation_per_speed = per_token / rate
        self.held_out = held_out_blocks(self.dataset) if recipe.held_out_every else np.empty((0, recipe.context), int)
        if recipe.held_out_every and not len(self.held_out):
            self.say(f"no held-out loss: the dev split of {self.dataset.folder} does not fill a block.")
        if devices.is_first:
            start_trackers(devices.accelerator, self.run.name, self.run.folder / "tracking", request, self.track)
        self.progress.start(f"{self.run.name}, seed {self.seed}", recipe.steps)
        try:
            with self._metrics(progressed.step) as metrics, stop_signals() as stopping:
                last = self._steps(progressed, metrics, stopping)
        except KeyboardInterrupt:  # a second signal: nothing is waited for
            raise
        except BaseException:
            self.saver.finish()
            raise
        finally:
            self.progress.end()
        self.saver.finish()
        if devices.is_first:
            self._finish(*last)

    def _resume(self, blank: Blank, here: dict[str, Any]) -> Progressed:
        """Take up the newest state of the first process, in all of them; refuse a disk without room."""

        def found() -> Progressed:
            request, folder = self.run.record["request"], self.run.folder
            state = load_state(folder / "state", request, self.say)
            progressed = Progressed()
            if state is not None:
                progressed, snapshot, before = state
                self.network.restore(snapshot, progressed.step)
                say_differences(before, here, self.say)
                self.say(f"going on after step {progressed.step} of {self.recipe.steps}.")
            remaining = sum(step > progressed.step for step in self.recipe.checkpoints)
            refuse_full_disk(folder, blank, remaining, self.keep, self.network.parameters, self.say)
            return progressed

        progressed = self.devices.decided_by_first(found)
        for arrays in self.network.arrays().values():
            self.devices.copy_from_first(arrays)
        self.network.set_step(progressed.step)
        return progressed

    def _steps(self, progressed: Progressed, metrics: Metrics | None, stopping: list[int]) -> tuple[Progressed, Any]:
        """All steps that remain; how far the run has come then, and the last step's values."""
        recipe = self.recipe
        values: dict[str, Any] = {}
        self._joules_before, self._since = progressed.joules or 0.0, time.perf_counter()
        alone, batch = self.devices.count == 1, self._load(progressed.step)
        begun: deque[Reading] = deque()  # steps whose numbers are not read yet
        for step in range(progressed.step, recipe.steps):
            if not begun:
                self._since = time.perf_counter()
            begun.append(self._take(step, batch, stopping))
            batch = self._load(step + 1)  # while a GPU is still busy
            is_kept, is_measured = recipe.has_checkpoint(step + 1), recipe.measures_held_out(step + 1)
            stops = alone and bool(stopping)
            while begun and (len(begun) > self.behind or is_kept or is_measured or stops):
                progressed, values, asked = self._read(begun.popleft(), progressed)
                stops = stops or asked or (alone and bool(stopping))  # several processes must agree
                if recipe.measures_held_out(progressed.step) and len(self.held_out):
                    values["held_out_loss"] = self._held_out_loss()
                if metrics is not None:
                    metrics.write(progressed.step, **values)
                said = f"loss {values['loss']:.3f}  {values['tokens_per_second']:,.0f} tokens/s"
                self.progress.at(progressed.step, said)
                stops = stops or (alone and bool(stopping))
            self.saver.check()
            if is_kept or stops:
                self._save(progressed, metrics)
            if stops and step + 1 < recipe.steps:
                self.saver.finish()
                raise Interrupted(f"{self.run.folder}: stopped after step {step + 1}. The same command continues.")
        return progressed, values

    def _take(self, step: int, batch: tuple[NDArray[np.int64], Any, Any], stopping: list[int]) -> Reading:
        """Take a step. Nothing is read back from the device in it; a step without a number changes no weight."""
        network = self.network
        sums, losses = self._gradient(step, batch, stopping)
        self.devices.sum(*network.gradients, sums)
        norm = network.gradient_norm()
        network.update(self.recipe.learning_rate_at(step), norm, sums[0])
        return Reading.of(step, sums, norm, losses)

    def _read(self, reading: Reading, progressed: Progressed) -> tuple[Progressed, dict[str, Any], bool]:
        """What a step's numbers say: how far the run has come, its metrics, and whether it shall stop."""
        recipe, numbers = self.recipe, reading.read()
        self._refuse_non_finite(reading, numbers)
        now = time.perf_counter()
        spent, self._since = now - self._since, now
        speed = recipe.sequences_per_step * recipe.context / spent
        predicted = recipe.sequences_per_step * (recipe.context - 1)
        progressed = replace(
            progressed,
            step=reading.step + 1,
            seconds=progressed.seconds + spent,
            joules=self._joules_before + numbers.joules if numbers.joules > 0 else None,
        )
        values = {
            "loss": numbers.loss / predicted,
            "loss_markers": numbers.of_markers / numbers.markers if numbers.markers else None,
            "loss_others": (numbers.loss - numbers.of_markers) / (predicted - numbers.markers),
            "learning_rate": recipe.learning_rate_at(reading.step),
            "gradient_norm": numbers.norm,
            "tokens_per_second": round(speed, 1),
            "model_flops_utilisation": round(speed * self.utilisation_per_speed, 4),
        }
        return progressed, values, bool(numbers.stops)

    def _load(self, step: int) -> tuple[NDArray[np.int64], Any, Any]:
        """This process's part of a step: the numbers of its blocks, their ids on the device, and keys of dropout."""
        import torch

        if step >= self.recipe.steps:
            return np.empty(0, np.int64), None, None
        sequences = self.recipe.sequences_per_step
        chosen = blocks_of_step(self.seed, step, sequences, len(self.dataset))[self.share]
        keys = dropout_keys(self.seed, step, sequences, self.network.sites)[:, self.share]
        moved = []
        for array in (self.dataset.blocks(chosen), keys):
            tensor = torch.from_numpy(np.ascontiguousarray(array))
            if self.devices.device.type == "cuda":
                tensor = tensor.pin_memory()
            moved.append(tensor.to(self.devices.device, non_blocking=True))
        return chosen, moved[0], moved[1]

    def _gradient(self, step: int, batch: tuple[NDArray[np.int64], Any, Any], stopping: list[int]) -> tuple[Any, Any]:
        """Add up the gradient of a step: (5,) float64, the sums of `Numbers`, and the losses of each sequence.

        Where a GPU has no room after all, the step begins again with half as many sequences at a time.
        """
        import torch

        _, ids, keys = batch
        network = self.network
        sums = torch.zeros(5, dtype=torch.float64, device=self.devices.device)
        losses_of_sequences = []
        network.begin_step(step)
        try:
            for first in range(0, len(ids), self.micro):
                here = slice(first, first + self.micro)
                torch.manual_seed(generator_seed(self.seed, step, self.share.start + first))
                losses = network.micro_batch(ids[here], keys[:, here]).double()
                is_mark = torch.isin(ids[here, 1:], self.marks)
                sums[:3] += torch.stack([losses.sum(), (losses * is_mark).sum(), is_mark.sum()])
                losses_of_sequences.append(losses.sum(1))
        except torch.OutOfMemoryError:
            if self.micro == 1:
                raise UserError(
                    f"{self.run.folder}: not even one sequence of {self.recipe.context} tokens fits the memory of "
                    f"{self.devices.device}. Use a device with more, or a smaller model."
                ) from None
            self.micro = -(-self.micro // 2)
        else:
            sums[3].fill_(bool(stopping))
            sums[4].fill_(self.meter.joules())
            return sums, losses_of_sequences
        self.say(f"out of memory: {self.micro} sequences at a time from now on.")
        torch.cuda.empty_cache()
        return self._gradient(step, batch, stopping)

    def _held_out_loss(self) -> float:
        """The mean loss of the dev split's tokens, without dropout; each process measures a part."""
        import torch

        sums = torch.zeros(2, dtype=torch.float64, device=self.devices.device)
        mine = self.held_out[self.devices.rank :: self.devices.count]
        for first in range(0, len(mine), self.micro):
            ids = torch.from_numpy(mine[first : first + self.micro]).to(self.devices.device)
            losses = self.network.held_out_losses(ids)
            sums += torch.stack([losses.double().sum(), torch.tensor(losses.numel(), device=sums.device)])
        self.devices.sum(sums)
        return float(sums[0] / sums[1])

    def _refuse_non_finite(self, reading: Reading, numbers: Numbers) -> None:
        """UserError where a step's loss or gradient is no number: weights are those of before it, nothing is saved."""
        step, loss, norm = reading.step, numbers.loss, numbers.norm
        if math.isfinite(loss) and math.isfinite(norm):
            return
        import torch

        chosen = blocks_of_step(self.seed, step, self.recipe.sequences_per_step, len(self.dataset))
        bad = ~torch.isfinite(torch.cat(reading.losses)).cpu().numpy()
        at_fault = chosen[self.share][bad] if bad.any() else chosen
        named = ", ".join(str(block) for block in at_fault[:NAMED_BLOCKS])
        more = f" and {len(at_fault) - NAMED_BLOCKS} more (diverged.json)" if len(at_fault) > NAMED_BLOCKS else ""
        if self.devices.is_first:
            said = {"step": step + 1, "loss": str(loss), "gradient_norm": str(norm), "blocks": chosen.tolist()}
            write_text(self.run.folder / "diverged.json", to_json(said))
            self.saver.finish()
        raise UserError(
            f"{self.run.folder}: step {step + 1} has loss {loss} and gradient norm {norm}, in blocks {named}{more}; "
            f"the step was not taken, and {self.saver.last_good()}. Lower the recipe's learning_rate, or set precision "
            "to fp32."
        )

    def _save(self, progressed: Progressed, metrics: Metrics | None) -> None:
        if metrics is not None:
            metrics.sync()
            self.saver.begin(progressed, self.network.snapshot(), self.recipe.has_checkpoint(progressed.step))

    @contextmanager
    def _metrics(self, step: int) -> Iterator[Metrics | None]:
        """The metrics' file in the first process, nothing in the others."""
        if not self.devices.is_first:
            yield None
            return
        path = self.run.folder / METRICS
        if step and not path.is_file():
            self.say(f"{path}: not there; metrics begin after step {step}.")
        with metrics_of(path, self.run.identity, step, self.devices.accelerator) as metrics:
            yield metrics

    def _finish(self, progressed: Progressed, values: dict[str, Any]) -> None:
        values = values or self._last_values(progressed.step)
        said = totals(self.recipe, progressed, values, self.network.parameters, self.meter.source, self.devices)
        write_record(self.run.folder / FINISHED, {"run": self.run.identity, **said})

    def _last_values(self, step: int) -> dict[str, Any]:
        """The values of the last step, of a run that was killed between its last state and its end."""
        path = self.run.folder / METRICS
        found = [values for *_, values in lines_of(path, self.run.identity)]
        if not found:
            path.unlink(missing_ok=True)  # an empty one would stand in the way
            states = self.run.folder / "state" / f"step-{step}"
            raise UserError(f"{path}: has no loss of step {step}. Remove {states}: the steps before it are done again.")
        return found[-1]
