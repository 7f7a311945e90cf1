"""Golden files for tests/tensor/safetensors.c, written by the reference library.

Run: python tests/golden/tensor/make_safetensors.py
Made with safetensors 0.8.0, torch 2.15.0, numpy 2.4.6.
"""
import os

import numpy
import safetensors
import torch
from safetensors.torch import load_file, save_file

HERE = os.path.dirname(os.path.abspath(__file__))
print("safetensors", safetensors.__version__, "torch", torch.__version__, "numpy", numpy.__version__)


def floats():
    """Values that rounding to 16 bits treats differently: ties, subnormals, overflow, the smallest and the largest."""
    g = numpy.random.default_rng(7)
    bits = g.integers(0, 2**32, 4001, dtype=numpy.uint32)
    x = bits.view(numpy.float32)
    x = x[numpy.isfinite(x)]
    special = [0.0, -0.0, 1.0, 1 + 2**-8, 1 + 3 * 2**-8, 1 + 2**-11, 1 + 3 * 2**-11, 65504, 65519.99, 65520, 1e-8, 2**-24,
               2**-25, 3 * 2**-26, 6e-5, numpy.inf, -numpy.inf, 3.4028235e38, 1e-45, -1e-40]
    small = g.standard_normal(2000).astype(numpy.float32)
    return torch.from_numpy(numpy.concatenate([x, numpy.array(special, numpy.float32), small]))


mixed = {
    "embeddings.word_embeddings.weight": torch.arange(12, dtype=torch.float32).reshape(3, 4),
    "b.f64": torch.tensor([0.1, -1e300, 1e-300, 2.5], dtype=torch.float64),
    "a.f64": torch.tensor(3.0, dtype=torch.float64),
    "ids": torch.tensor([[1, -2, 3]], dtype=torch.int64),
    "i32": torch.tensor([7, -7], dtype=torch.int32),
    "i16": torch.tensor([300], dtype=torch.int16),
    "i8": torch.tensor([-1, 0, 1], dtype=torch.int8),
    "u8": torch.tensor([255], dtype=torch.uint8),
    "mask": torch.tensor([True, False, True]),
    "half": torch.tensor([1.5, -0.25, 65504], dtype=torch.float16),
    "brain": torch.tensor([1.5, -3.0], dtype=torch.bfloat16),
    "empty": torch.zeros(0, 5),
    "another.empty": torch.zeros(3, 0, dtype=torch.int64),
    'quote" back\\slash /': torch.tensor([1.0]),
    "control\n\t\x01\x1f\x7f": torch.tensor([2.0]),
    "caf\u00e9 \u4e2d\u6587 \U0001F600": torch.tensor([3.0]),
    "": torch.tensor([4.0]),
    "c64": torch.tensor([1 + 2j], dtype=torch.complex64),
}
pt = {"format": "pt"}
save_file(mixed, os.path.join(HERE, "mixed.safetensors"), pt)
save_file({}, os.path.join(HERE, "none.safetensors"), pt)
x = floats()
save_file({"x": x, "y.0": x[:5].clone()}, os.path.join(HERE, "f32.safetensors"), pt)
save_file({"x": x.half(), "y.0": x[:5].half()}, os.path.join(HERE, "f16.safetensors"), pt)
save_file({"x": x.bfloat16(), "y.0": x[:5].bfloat16()}, os.path.join(HERE, "bf16.safetensors"), pt)
assert torch.equal(load_file(os.path.join(HERE, "f32.safetensors"))["x"], x)
