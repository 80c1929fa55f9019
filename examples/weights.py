"""The weights of one convolution: automatic, then zeros, then uniform, then one's own. Each step is a new layer.

python examples/weights.py
"""

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

import jaxconv
from jaxconv import surgery


def show(title: str, conv: jaxconv.Conv2d, x: jax.Array) -> None:
    print(f"{title}\nweight {conv.weight.shape}:\n{np.round(conv.weight[...], 3)}")
    assert conv.bias is not None
    print(f"bias: {np.round(conv.bias[...], 3)}\noutput:\n{np.round(conv(x)[0], 3)}\n")


def main() -> tuple[jaxconv.Conv2d, ...]:
    x = jnp.arange(50.0).reshape(2, 5, 5) / 50
    # torch: conv = torch.nn.Conv2d(2, 1, 3)
    automatic = jaxconv.Conv2d(2, 1, 3, rngs=nnx.Rngs(0))
    show("automatic weights, torch's distribution", automatic, x)
    # torch: conv.weight.data.zero_(); conv.bias.data.zero_()
    zeros = surgery.zeros(automatic, "*")
    show("zeros", zeros, x)
    # torch: torch.nn.init.uniform_(conv.weight, -1, 1)
    uniform = surgery.uniform(zeros, "weight", -1, 1, key=jax.random.key(0))
    show("uniform in [-1, 1)", uniform, x)
    # torch: with torch.no_grad(): conv.weight.copy_(...); conv.bias.fill_(0.5)
    own = surgery.replace(
        uniform,
        {
            "weight": jnp.arange(18.0, dtype=jnp.float32).reshape(1, 2, 3, 3),
            "bias": jnp.full(1, 0.5, jnp.float32),
        },
    )
    show("weights of one's own", own, x)
    return automatic, zeros, uniform, own


if __name__ == "__main__":
    main()
