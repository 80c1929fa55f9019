"""An example for each name of jaxconv itself: what is written, and what is printed."""

_LINEAR = "model = jaxconv.Linear(3, 2, rngs=nnx.Rngs(0))\n"
_CONV = "model = jaxconv.Conv2d(3, 8, 3, rngs=nnx.Rngs(0))\nx = jnp.ones((1, 3, 8, 8))\n"
_TORCH = "model = jaxconv.from_torch(torch.nn.Linear(3, 2), torch.ones(4, 3))\n"

TOP = {
    "Compiled": (f"{_CONV}isinstance(jaxconv.compile(model, x), jaxconv.Compiled)", "True"),
    "Explanation": (f"{_CONV}jaxconv.explain(model, x).platform in ('cpu', 'gpu', 'tpu')", "True"),
    "FrozenParam": (
        f"{_LINEAR}model.bias = jaxconv.FrozenParam(model.bias[...])\n"
        "len(jax.tree.leaves(nnx.state(model, nnx.Param)))",
        "1",
    ),
    "Kernels": ("jaxconv.kernels().instruction_set in (None, 'avx2', 'avx512', 'neon', 'any')", "True"),
    "StateDict": (
        f'{_LINEAR}jaxconv.save_file(jaxconv.state_dict(model), "linear.safetensors")\n'
        'sorted(jaxconv.load_file("linear.safetensors"))',
        "['bias', 'weight']",
    ),
    "TorchNetwork": (f"{_TORCH}isinstance(model, jaxconv.TorchNetwork)", "True"),
    "TorchRngs": (
        "_ = torch.manual_seed(0)\ntwin = torch.nn.Linear(3, 2)\n"
        "model = jaxconv.Linear(3, 2, rngs=jaxconv.TorchRngs(0))\n"
        "bool((model.weight[...] == twin.weight.detach().numpy()).all())",
        "True",
    ),
    "compile": (f"{_CONV}served = jaxconv.compile(model, x)\nserved(x).shape", "(1, 8, 6, 6)"),
    "explain": (f"{_CONV}len(jaxconv.explain(model, x).convolutions)", "1"),
    "from_torch": (f"{_TORCH}model(jnp.ones((4, 3))).shape", "(4, 2)"),
    "fuse_conv_bn": (
        "model = jaxconv.Sequential(jaxconv.Conv2d(3, 8, 3, rngs=nnx.Rngs(0)), jaxconv.BatchNorm2d(8))\n"
        "model.eval()\nlist(jaxconv.state_dict(jaxconv.fuse_conv_bn(model)))",
        "['0.weight', '0.bias']",
    ),
    "kernels": ("isinstance(jaxconv.kernels(), jaxconv.Kernels)", "True"),
    "load_compiled": (
        f'{_CONV}_ = jaxconv.compile(model, x).save("model.bin")\n'
        'jaxconv.load_compiled("model.bin", trust=True)(x).shape',
        "(1, 8, 6, 6)",
    ),
    "load_file": (
        f'{_LINEAR}jaxconv.save_file(jaxconv.state_dict(model), "linear.safetensors")\n'
        'jaxconv.load_file("linear.safetensors")["weight"].shape',
        "(2, 3)",
    ),
    "load_state_dict": (
        f'{_LINEAR}model = jaxconv.load_state_dict(model, {{"weight": jnp.ones((2, 3)), "bias": jnp.zeros(2)}})\n'
        "model.weight[...].tolist()",
        "[[1.0, 1.0, 1.0], [1.0, 1.0, 1.0]]",
    ),
    "lowering": (f'{_CONV}with jaxconv.lowering("direct"): y = model(x)\n\ny.shape', "(1, 8, 6, 6)"),
    "save_file": (
        f'{_LINEAR}jaxconv.save_file(jaxconv.state_dict(model), "linear.safetensors")\n'
        'len(jaxconv.load_file("linear.safetensors"))',
        "2",
    ),
    "state_dict": (
        f"{_LINEAR}{{name: array.shape for name, array in jaxconv.state_dict(model).items()}}",
        "{'weight': (2, 3), 'bias': (2,)}",
    ),
    "to_torch": (
        f'{_LINEAR}jaxconv.to_torch(jaxconv.state_dict(model))["weight"].shape',
        "torch.Size([2, 3])",
    ),
}
