"""Two ranks of ``tritgolf.stages.evaluation_ranks``, which import torch once, and a small probe: two_ranks.py JOB"""

import os
import socket
import sys
from functools import partial

import torch._dynamo  # noqa: F401  (an optimizer imports it: seconds that both ranks would need)

from tritgolf.evaluate import probe
from tritgolf.stages import evaluate as evaluate_stages
from tritgolf.stages.evaluation_ranks import main

evaluate_stages.probe = partial(probe.probe, changes=2, draws=3)
with socket.socket() as found:
    found.bind(("127.0.0.1", 0))
    port = str(found.getsockname()[1])
os.environ.update(WORLD_SIZE="2", LOCAL_WORLD_SIZE="2", MASTER_ADDR="127.0.0.1", MASTER_PORT=port)
first = os.fork()
os.environ.update(dict.fromkeys(("RANK", "LOCAL_RANK"), "0" if first else "1"))
code = main(sys.argv[1])
sys.exit(code or (os.waitpid(first, 0)[1] if first else 0))
