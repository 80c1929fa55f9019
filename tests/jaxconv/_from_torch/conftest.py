"""torch.export writes hundreds of debug records, which pytest would keep and print under every failure."""

import logging

logging.getLogger("torch.__trace").disabled = True
