"""Multinomial logistic regression with an L2 penalty, to convergence: what probes are made of."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

ITERATIONS = 2_000  # at most
TOLERANCE = 1e-4  # of the largest gradient, as in scikit-learn


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
