"""One node of a training job over several: ``srun python -m tritgolf.train.node PLAN.json PROCESSES PORT``.

It becomes torchrun, so that signals meant for the job reach what starts and ends the ranks.
"""

import os
import sys

from tritgolf.errors import one_line_errors
from tritgolf.train.slurm import Nodes, allocated_nodes


def torchrun(nodes: Nodes, plan: str, processes: int, port: int) -> list[str]:
    """The command that starts this node's ``processes`` ranks, to meet the others at ``port`` of the first."""
    number = [f"--nnodes={len(nodes.hosts)}", f"--node-rank={nodes.index}", f"--local-addr={nodes.hosts[nodes.index]}"]
    meeting = [f"--master-addr={nodes.hosts[0]}", f"--master-port={port}"]
    ranks = [f"--nproc-per-node={processes}", "-m", "tritgolf.train", plan]
    return [sys.executable, "-m", "torch.distributed.run", *number, *meeting, *ranks]


if __name__ == "__main__":
    with one_line_errors():
        command = torchrun(allocated_nodes(), sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
    os.execv(command[0], command)
