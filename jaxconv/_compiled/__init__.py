"""What `jaxconv.compile` returns: programs that check their inputs, pad a batch, and go into a file and back.

setting.py says how a model was compiled; inputs.py checks and pads; compiled.py calls; batch.py asks whether padding
changes anything; file.py writes and reads, with structure.py and machine.py; load.py makes what was read callable.
"""

from jaxconv._compiled.compiled import Compiled as Compiled
from jaxconv._compiled.compiled import Program as Program
from jaxconv._compiled.load import load_compiled as load_compiled
from jaxconv._compiled.setting import Setting as Setting
