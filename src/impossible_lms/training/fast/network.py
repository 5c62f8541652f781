"""A model laid out for training: float32 weights and gradients in flat arrays, working copies where products want bf16.

Every array holds the parameters of one kind (with weight decay, without), so that the norm of the gradient, the
optimizer, the sum over devices and a snapshot are a handful of operations, however many layers there are. Copies in
bf16 are made once a step; the gradient of each micro-batch is added up in float32.
"""

from collections.abc import Callable
from typing import Any

import torch
from transformers.pytorch_utils import Conv1D

from impossible_lms.models.gelu import exchange_gelu
from impossible_lms.models.heads import output_layer
from impossible_lms.training.fast.attention import use_attention
from impossible_lms.training.fast.compiling import compile_blocks, shall_compile, steps_before_compiling
from impossible_lms.training.fast.dropout import Masks
from impossible_lms.training.fast.loss import OutputLoss, padded
from impossible_lms.training.recipe import Recipe

STATE_ARRAYS = ("weights", "exp_avg", "exp_avg_sq")
# Devices on which the last layer's working copy is padded: on a processor that gains nothing (docs/log.md, 2026-11-28).
PADDED = frozenset({"cuda"})


class Network:
    """A model in training, with its optimizer. It takes the model over: nothing else may use it from then on."""

    def __init__(
        self,
        model: Any,
        recipe: Recipe,
        device: torch.device,
        *,
        sequences: int,
        operations: float,
        compiled: bool | None,
        say: Callable[[str], None],
    ) -> None:
        """Args: `sequences` in a micro-batch, and the floating-point `operations` of the whole run."""
        model.to(device).train()
        self.device, self._model, self._recipe = device, model, recipe
        self._head = output_layer(model)
        self.compiled = shall_compile(model, operations, device, compiled, say)
        self.masks = Masks(model, sequences, device)
        # transformers looks whether a batch has padding, once a micro-batch, and a GPU would be waited for.
        model.config.pad_token_id = None
        if getattr(model.config, "_attn_implementation", None) == "sdpa":
            use_attention(model, recipe.context)
        exchange_gelu(model)
        self._autocast = torch.autocast(device.type, torch.bfloat16, enabled=recipe.precision == "bf16")
        self._lay_out()
        self._copies: list[tuple[torch.Tensor, torch.Tensor]] = []
        self._take_head()
        if recipe.precision == "bf16":
            self._copy_layers()
        self._loss = OutputLoss(compiled=False)
        self._is_compiled = False
        self._scale = torch.tensor(
            1 / (recipe.sequences_per_step * (recipe.context - 1)), dtype=torch.float32, device=device
        )
        self._clip = torch.tensor(recipe.gradient_clip, dtype=torch.float32, device=device)

    def _lay_out(self) -> None:
        """Move all parameters and their gradients into flat arrays, and make the optimizer of those."""
        recipe, named = self._recipe, dict(self._model.named_parameters())
        self._flat: list[torch.nn.Parameter] = []
        self._slices: dict[str, tuple[int, slice, torch.Size]] = {}
        groups: list[dict[str, Any]] = []
        for decay in (recipe.weight_decay, 0.0):
            kind = {name: p for name, p in named.items() if (p.ndim >= 2) == (not groups)}
            if not kind:
                continue
            flat = torch.nn.Parameter(torch.cat([p.detach().float().reshape(-1) for p in kind.values()]))
            flat.grad = torch.zeros_like(flat)
            start = 0
            for name, parameter in kind.items():
                self._slices[name] = (len(self._flat), slice(start, start + parameter.numel()), parameter.shape)
                start += parameter.numel()
            self._flat.append(flat)
            groups.append({"params": [flat], "weight_decay": decay})
        for name, parameter in named.items():
            parameter.data = self._view(self._flat, name).detach()
            parameter.grad = self._view(self.gradients, name)
        self.optimizer = torch.optim.AdamW(
            groups, lr=recipe.learning_rate, betas=(recipe.beta1, recipe.beta2), eps=recipe.epsilon, fused=True
        )
        for flat in self._flat:
            self.optimizer.state[flat] = {
                "step": torch.zeros((), dtype=torch.float32, device=self.device),
                "exp_avg": torch.zeros_like(flat),
                "exp_avg_sq": torch.zeros_like(flat),
            }

    def _view(self, arrays: list[Any], name: str) -> torch.Tensor:
        kind, place, shape = self._slices[name]
        view: torch.Tensor = arrays[kind].detach()[place].view(shape)
        return view

    def _take_head(self) -> None:
        """The last layer is computed with its loss; the embedding tied to it keeps its float32 weights."""
        if self._head is None:
            return
        weight, bias = self._head.weight, self._head.bias
        assert weight.grad is not None  # noqa: S101 - given by _lay_out
        self._head_gradients = weight.grad, None if bias is None else bias.grad
        self._head_bias = None if bias is None else bias.detach()
        self._head_weight = weight.detach()
        embedding = self._model.get_input_embeddings()
        if self.device.type == "cpu" and isinstance(embedding, torch.nn.Embedding):
            embedding.sparse = True  # its gradient is added up token by token, without one of the whole vocabulary
        tokens, bf16 = len(weight), self._recipe.precision == "bf16"
        rows = padded(tokens) if self.device.type in PADDED else tokens
        if bf16 or rows > tokens:
            dtype = torch.bfloat16 if bf16 else torch.float32
            self._head_weight = torch.zeros(rows, weight.shape[1], dtype=dtype, device=self.device)
            self._copies.append((self._head_weight[:tokens], weight.detach()))

    def _copy_layers(self) -> None:
        """Give every layer that is a product of matrices its weights in bf16, beside those that the optimizer keeps."""
        for layer in self._model.modules():
            if isinstance(layer, torch.nn.Linear | Conv1D) and layer is not self._head and layer.weight.ndim == 2:
                master, gradient = layer.weight.detach(), layer.weight.grad
                if any(master.data_ptr() == other.data_ptr() for _, other in self._copies):
                    continue  # tied to another layer: stays float32, and autocast sees to it
                layer.weight = torch.nn.Parameter(master.bfloat16())
                layer.weight.register_post_accumulate_grad_hook(_adds_to(gradient))  # type: ignore[no-untyped-call]
                self._copies.append((layer.weight.detach(), master))

    @property
    def gradients(self) -> list[torch.Tensor]:
        """The flat gradients, float32, one a kind."""
        return [flat.grad for flat in self._flat if flat.grad is not None]

    @property
    def parameters(self) -> int:
        """How many numbers are trained."""
        return sum(flat.numel() for flat in self._flat)

    @property
    def sites(self) -> int:
        """How many places of dropout take keys."""
        return len(self.masks.sites)

    def begin_step(self, step: int) -> None:
        """Set gradients to zero and bring the copies up to date with the weights, for the step after `step` others.

        A run's first steps are computed without compiling, so that they come at once, and faults with them.
        """
        if self.compiled and not self._is_compiled and step >= steps_before_compiling(self.device):
            compile_blocks(self._model)
            self._loss = OutputLoss(compiled=True)
            self._is_compiled = True
        torch._foreach_zero_(self.gradients)
        if self._copies:
            with torch.no_grad():
                torch._foreach_copy_([copy for copy, _ in self._copies], [master for _, master in self._copies])

    def micro_batch(self, ids: torch.Tensor, keys: torch.Tensor) -> torch.Tensor:
        """Add the gradients of a micro-batch to those of the step.

        Args:
            ids: (batch, context) int64.
            keys: (sites, batch, 2) int32, of dropout.

        Returns:
            (batch, context - 1) float32: the loss of every predicted token, in nats.
        """
        self.masks.set(keys)
        if self._head is None:
            return self._whole(ids)
        with self._autocast:
            hidden = self._model.base_model(input_ids=ids, use_cache=False).last_hidden_state
        states = hidden[:, :-1]
        losses, of_states = self._loss(
            states.detach().reshape(-1, states.shape[-1]),
            ids[:, 1:].reshape(-1).int(),
            self._head_weight,
            self._head_bias,
            self._scale,
            *self._head_gradients,
        )
        states.backward(of_states.view(states.shape).to(states.dtype))
        return losses.view(len(ids), -1)

    def _whole(self, ids: torch.Tensor) -> torch.Tensor:
        """As `micro_batch`, for a model that does more to its logits than one layer."""
        with self._autocast:
            logits = self._model(input_ids=ids, use_cache=False).logits[:, :-1]
        losses = torch.nn.functional.cross_entropy(logits.float().transpose(1, 2), ids[:, 1:], reduction="none")
        (losses.sum() * self._scale).backward()  # type: ignore[no-untyped-call]
        return losses.detach()

    @torch.no_grad()
    def held_out_losses(self, ids: torch.Tensor) -> torch.Tensor:
        """(batch, context - 1) float32: the losses of blocks (batch, context) without dropout, in nats."""
        self._model.eval()
        with torch.compiler.set_stance("force_eager"), self._autocast:
            logits = self._model(input_ids=ids, use_cache=False).logits[:, :-1]
        self._model.train()
        losses: torch.Tensor = torch.nn.functional.cross_entropy(
            logits.float().transpose(1, 2), ids[:, 1:], reduction="none"
        )
        return losses

    def gradient_norm(self) -> torch.Tensor:
        """The norm of the whole gradient, a float32 scalar on the device."""
        norms = [torch.linalg.vector_norm(gradient) for gradient in self.gradients]
        norm: torch.Tensor = torch.linalg.vector_norm(torch.stack(norms))
        return norm

    def update(self, learning_rate: float, norm: torch.Tensor | float, loss: torch.Tensor | float = 0.0) -> None:
        """Clip the gradient, whose norm is `norm`, and take the optimizer's step; not where either is no number.

        All of it is decided on the device, in the optimizer's own pass over the gradient.
        """
        norm, loss = (torch.as_tensor(value, device=self.device) for value in (norm, loss))
        is_good = torch.isfinite(norm) & torch.isfinite(loss)
        # What torch's scaling of gradients has for this: divided by the one, and left alone where the other is 1.
        optimizer: Any = self.optimizer
        optimizer.grad_scale = ((norm.float() + 1e-6) / self._clip).clamp(min=1.0)  # as clip_grad_norm_
        optimizer.found_inf = (~is_good).float()
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate
        self.optimizer.step()

    def arrays(self) -> dict[str, list[torch.Tensor]]:
        """What decides how a run goes on, in place: the flat `weights`, `exp_avg` and `exp_avg_sq`."""
        states = [self.optimizer.state[flat] for flat in self._flat]
        moments = {key: [state[key] for state in states] for key in ("exp_avg", "exp_avg_sq")}
        return {"weights": [flat.detach() for flat in self._flat], **moments}

    def snapshot(self) -> dict[str, dict[str, torch.Tensor]]:
        """A copy of all arrays on the processor, by array and by the parameter's name."""
        copied = {key: [flat.to("cpu", copy=True) for flat in flats] for key, flats in self.arrays().items()}
        return {key: {name: self._view(flats, name) for name in self._slices} for key, flats in copied.items()}

    def restore(self, snapshot: dict[str, dict[str, torch.Tensor]], step: int) -> None:
        """Put a snapshot back, as it was after `step` steps. KeyError or RuntimeError where names or shapes differ."""
        for key, flats in self.arrays().items():
            if snapshot[key].keys() != self._slices.keys():
                raise KeyError(*sorted(snapshot[key].keys() ^ self._slices.keys())[:5])
            for name, values in snapshot[key].items():
                target = self._view(flats, name)
                if values.shape != target.shape:
                    raise RuntimeError(f"{name} has the shape {tuple(values.shape)}, {tuple(target.shape)} expected")
                target.copy_(values)
        self.set_step(step)

    def set_step(self, step: int) -> None:
        """Tell the optimizer how many steps were taken."""
        for flat in self._flat:
            self.optimizer.state[flat]["step"].fill_(step)


def _adds_to(total: torch.Tensor | None) -> Callable[[torch.Tensor], None]:
    """A hook that adds a working copy's gradient to the float32 one, and lets it go."""
    assert total is not None  # noqa: S101 - given to every parameter by _lay_out

    def add(parameter: torch.Tensor) -> None:
        total.add_(parameter.grad)  # type: ignore[arg-type]
        parameter.grad = None

    return add
