"""state_dicts in files: every kind that people have is read, and none of their code is run.

detect.py tells what a file is; safetensors.py, torch_file.py and unpickle.py read it, within limits.py; checkpoint.py
finds the state_dict; save.py writes. arrays.py is about arrays in memory.
"""

from jaxconv._files.arrays import StateDict as StateDict
from jaxconv._files.arrays import as_numpy as as_numpy
from jaxconv._files.arrays import to_torch as to_torch
from jaxconv._files.load import load_file as load_file
from jaxconv._files.save import save_file as save_file
