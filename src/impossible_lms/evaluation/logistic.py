"""Multinomial logistic regression with an L2 penalty, to convergence: what probes are made of."""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import torch

ITERATIONS = 2_000  # at most
TOLERANCE = 1e-4  # of the largest gradient, as in scikit-learn
_REMEMBERED = 20  # steps, of which L-BFGS learns the curvature
# Of the largest gradient of the summed loss. No weight is further from its best by more, for the curvature of the
# penalty is 1.
_ENOUGH = 1e-3


class Classifier(NamedTuple):
    """A fitted classifier: `weights` (features, classes), `intercepts` (classes,), and whether it has converged."""

    weights: NDArray[np.float64]
    intercepts: NDArray[np.float64]
    converged: bool

    def predict(self, features: NDArray[np.float64]) -> NDArray[np.int64]:
        """(n,) int64: the class of each row of `features` (n, features)."""
        return np.asarray((features @ self.weights + self.intercepts).argmax(axis=1))


def fit(
    features: NDArray[np.float64], classes: NDArray[np.int64], count: int, iterations: int = ITERATIONS
) -> Classifier:
    """The minimum of the summed cross-entropy plus half the squared weights, found by L-BFGS from zero.

    Args:
        features: (n, features).
        classes: (n,) int64, 0 .. count - 1.
        count: how many classes there are.
        iterations: after so many it stops, converged or not.

    The same problem as scikit-learn's `LogisticRegression` with C = 1; intercepts are not penalised.
    """
    from scipy.optimize import minimize

    width = features.shape[1]
    is_class = np.eye(count)[classes]

    def loss(flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        weights, intercepts = flat[: width * count].reshape(width, count), flat[width * count :]
        scores = features @ weights + intercepts
        scores -= scores.max(axis=1, keepdims=True)
        sums = np.log(np.exp(scores).sum(axis=1))
        surprise = float((sums - scores[np.arange(len(classes)), classes]).sum())
        excess = np.exp(scores - sums[:, None]) - is_class
        gradient = np.append((features.T @ excess + weights).ravel(), excess.sum(axis=0))
        return surprise + 0.5 * float((weights**2).sum()), gradient

    options = {"maxiter": iterations, "gtol": TOLERANCE, "ftol": 64 * np.finfo(float).eps, "maxls": 50}
    found = minimize(loss, np.zeros((width + 1) * count), jac=True, method="L-BFGS-B", options=options)
    weights, intercepts = found.x[: width * count].reshape(width, count), found.x[width * count :]
    return Classifier(weights, intercepts, bool(found.success))


def fit_together(
    features: "torch.Tensor", classes: "torch.Tensor", is_train: "torch.Tensor", count: int
) -> tuple["torch.Tensor", "torch.Tensor"]:
    """The minima of many problems as in `fit` at once, on the device of the features, in float64.

    L-BFGS from zero with the steps of all problems side by side, in coordinates in which the curvature's bound of
    Boehning (1992) is the identity: some thirty steps where there were hundreds.

    Args:
        features: (s, n, features) float64, one set a split.
        classes: (s, t, n) int64, of t tasks.
        is_train: (s, n) bool, the rows to fit.
        count: how many classes there are.

    Returns:
        (s, t, n) int64, the classes predicted of all rows, and (s, t) bool, whether each fit has converged.
    """
    import torch

    splits, tasks, rows = classes.shape
    wide = torch.cat([features, features.new_ones(splits, rows, 1)], dim=2)
    mask = is_train.to(wide.dtype)[:, :, None]
    penalty = torch.ones(wide.shape[2], dtype=wide.dtype, device=wide.device)
    penalty[-1] = 0.0  # intercepts
    bound = (wide * mask).mT @ wide / 2 + torch.diag(penalty + 1e-9)
    factor = torch.linalg.cholesky(bound)
    turned = torch.linalg.solve_triangular(factor, wide.mT, upper=False).mT  # (s, n, d), where the bound is 1
    half = torch.linalg.solve_triangular(factor, torch.diag(penalty.sqrt()).expand_as(bound), upper=False)
    of_penalty = half @ half.mT
    is_class = torch.nn.functional.one_hot(classes, count).to(wide.dtype).permute(0, 2, 1, 3)  # (s, n, t, k)

    def dot(one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
        return (one * other).view(splits, -1, tasks, count).sum((1, 3))  # (s, t)

    def each(factors: torch.Tensor, vector: torch.Tensor) -> torch.Tensor:
        return (factors[:, None, :, None] * vector.view(splits, -1, tasks, count)).view_as(vector)

    def loss(at: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        scores = (turned @ at).view(splits, rows, tasks, count)
        surprise = (scores.logsumexp(3) - (scores * is_class).sum(3)) * mask
        excess = (scores.softmax(3) - is_class) * mask[..., None]
        shrink = of_penalty @ at
        return surprise.sum(1) + dot(at, shrink) / 2, turned.mT @ excess.flatten(2) + shrink

    at = wide.new_zeros(splits, wide.shape[2], tasks * count)
    value, gradient = loss(at)
    moves: list[torch.Tensor] = []
    bends: list[torch.Tensor] = []
    for _ in range(ITERATIONS):
        own = (factor @ gradient).view(splits, -1, tasks, count).abs().amax((1, 3))  # in the features' coordinates
        open_ = own > _ENOUGH
        if not open_.any():
            break
        direction, kept = -gradient, []
        for move, bend in zip(reversed(moves), reversed(bends), strict=True):
            share = dot(move, direction) / dot(move, bend).clamp(min=1e-300)
            direction = direction - each(share, bend)
            kept.append(share)
        if moves:
            scale = dot(moves[-1], bends[-1]) / dot(bends[-1], bends[-1]).clamp(min=1e-300)
            direction = each(torch.where(scale > 0, scale, 1.0), direction)
        for move, bend, share in zip(moves, bends, reversed(kept), strict=True):
            direction = direction + each(share - dot(bend, direction) / dot(move, bend).clamp(min=1e-300), move)
        slope = dot(gradient, direction)
        step = torch.where(open_ & (slope < 0), 1.0, 0.0).to(at.dtype)
        for _ in range(40):
            new = at + each(step, direction)
            new_value, new_gradient = loss(new)
            is_lower = new_value <= value + 1e-4 * step * slope + 1e-12 * value.abs()
            if is_lower.all():
                break
            step = torch.where(is_lower, step, step / 2)
        moves, bends = [*moves, new - at][-_REMEMBERED:], [*bends, new_gradient - gradient][-_REMEMBERED:]
        at, value, gradient = new, new_value, new_gradient
    own = (factor @ gradient).view(splits, -1, tasks, count).abs().amax((1, 3))
    return (turned @ at).view(splits, rows, tasks, count).argmax(3).transpose(1, 2), own <= _ENOUGH
