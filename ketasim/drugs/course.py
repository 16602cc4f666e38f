"""What a linear system does within a step: its largest value between samples, and its integral.

A step of any length is divided into pieces that lengthen with the time since its start, where inputs change. States at
their ends are exact; within a piece a cubic through both values and slopes (Hermite) is used.
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from ketasim.kernels.formulas import exponential_of_matrix

#: Length of the first pieces, relative to the fastest time constant; and pieces of one length before it doubles.
FIRST_PIECE, PIECES = 0.25, 8


class Course(NamedTuple):
    """States of a linear system within a step.

    Attributes
    ----------
    times : (k,) array
        s from the start of the step, from zero to its length.
    states : (k, n) array
        Exact states.
    slopes : (k, n) array
        Their rates of change, 1/s.
    """

    times: np.ndarray
    states: np.ndarray
    slopes: np.ndarray

    def read(self, matrix: np.ndarray) -> "Course":
        """Return the course of quantities that are linear in the state: `matrix` is (m, n)."""
        return Course(self.times, self.states @ matrix.T, self.slopes @ matrix.T)

    def integral(self) -> np.ndarray:
        """Return the integral (n,) over the step, exact for cubics in each piece."""
        length, states, slopes = np.diff(self.times)[:, None], self.states, self.slopes
        pieces = 0.5 * length * (states[1:] + states[:-1]) - length**2 / 12.0 * np.diff(slopes, axis=0)
        return np.asarray(pieces.sum(axis=0))

    def time_of_largest(self, column: int) -> float:
        """Return the time in s at which a state is largest."""
        value, slope = self.states[:, column], self.slopes[:, column]
        at = int(np.argmax(value))
        first = at if slope[at] > 0.0 else at - 1
        if not 0 <= first < self.times.size - 1:
            return float(self.times[at])
        length = self.times[first + 1] - self.times[first]
        begin, end, rise = length * slope[first], length * slope[first + 1], value[first + 1] - value[first]
        # derivative of the cubic: begin + 2 b s + 3 c s**2, which falls through zero once between the ends
        b, c = 3.0 * rise - 2.0 * begin - end, begin + end - 2.0 * rise
        root = np.sqrt(max(0.0, b * b - 3.0 * c * begin))
        share = -begin / (b - root) if b - root != 0.0 else 0.0
        return float(self.times[first] + length * min(1.0, max(0.0, share)))

    def at(self, time: float) -> np.ndarray:
        """Return the states (n,) at a time within the step."""
        k = int(np.clip(np.searchsorted(self.times, time, side="right") - 1, 0, max(0, self.times.size - 2)))
        if self.times.size == 1 or time == self.times[k]:
            return self.states[k]
        length = self.times[k + 1] - self.times[k]
        s = (time - self.times[k]) / length
        rise, begin, end = self.states[k + 1] - self.states[k], length * self.slopes[k], length * self.slopes[k + 1]
        return np.asarray(
            self.states[k] + s * (begin + s * (3.0 * rise - 2.0 * begin - end + s * (begin + end - 2.0 * rise)))
        )


def course(matrix: np.ndarray, start: np.ndarray, duration: float) -> Course:
    """Return the course of ``dx/dt = matrix x`` from `start` (n,) over `duration` s; constant inputs are a state of 1.

    Examples
    --------
    >>> decay = course(np.array([[-0.1]]), np.array([1.0]), 60.0)
    >>> round(float(decay.states[-1, 0] * np.exp(6.0)), 12), round(float(decay.integral()[0]), 3)
    (1.0, 9.975)
    """
    times, states = [0.0], [np.asarray(start, float)]
    fastest = float(np.abs(np.diag(matrix)).max(initial=0.0))
    length = FIRST_PIECE / fastest if fastest > 0.0 else np.inf
    if duration > length:
        propagator, state = exponential(matrix * length), states[0]
        while times[-1] + length < duration * (1.0 - 1e-9):
            state = propagator @ state
            states.append(state)
            times.append(times[-1] + length)
            if (len(times) - 1) % PIECES == 0:
                propagator, length = propagator @ propagator, 2.0 * length
    if duration > 0.0:
        times.append(duration)
        states.append(exponential(matrix * duration) @ states[0])
    found = np.array(states)
    return Course(np.array(times), found, found @ matrix.T)


def exponential(matrix: np.ndarray) -> np.ndarray:
    """Return the exponential of a small square matrix."""
    return _exponential(np.ascontiguousarray(matrix, float).tobytes(), len(matrix))


@lru_cache(maxsize=64)  # steps between equal doses are the same again and again
def _exponential(matrix: bytes, size: int) -> np.ndarray:
    result = exponential_of_matrix(np.frombuffer(matrix).reshape(size, size))
    result.setflags(write=False)
    return result
