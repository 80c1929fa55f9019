"""Names for the dimensions of a layer's results, in torch's layout."""

import re

_SPACE = ("depth", "height", "width")
_CONVOLUTION = re.compile(r"(?:Lazy)?Conv(Transpose)?([123])d")
_IMAGE = re.compile(
    r"\w*(?:Pool|Pad|Norm|Dropout|Upsample|PixelShuffle|PixelUnshuffle|ChannelShuffle)\w*?([123])?d?"
)


def names(kind: str, result: str, ndim: int) -> tuple[str, ...]:
    """Returns a name for each dimension of a result: 'batch', 'channel', 'height', 'width'.

    Args:
        kind: torch's class.
        result: the name of the verdict: 'y', 'grad.weight', ...
        ndim: how many dimensions the result has.

    A dimension whose meaning the class does not tell is called 'dimension' and its number.
    """
    unknown = tuple(f"dimension {i}" for i in range(ndim))
    convolution = _CONVOLUTION.fullmatch(kind)
    normalisation = re.search(r"(Batch|Instance|Group)Norm", kind)
    if result.startswith(("grad.", "buffer.")) and result != "grad.input":
        if convolution and ndim == int(convolution[2]) + 2:
            first, second = ("input", "output") if convolution[1] else ("output", "input")
            kernel = (f"kernel {name}" for name in _SPACE[5 - ndim :])
            return (f"{first} channel", f"{second} channel", *kernel)
        if ndim == 1 and (convolution or normalisation):
            return ("channel",)
        return ("output feature", "input feature")[:ndim] if kind == "Linear" and ndim <= 2 else unknown
    if ndim == 2 and (normalisation or kind == "Linear"):
        return ("batch", "channel" if normalisation else "feature")
    image = _IMAGE.fullmatch(kind)
    of_space = convolution[2] if convolution else image[1] if image else None
    if of_space is not None:
        space = _SPACE[3 - int(of_space) :]
        leading = ndim - len(space)
        if 0 <= leading <= 2:
            return (*("batch", "channel")[2 - leading :], *space)
    return ("batch", "channel", "height", "width") if ndim == 4 else unknown
