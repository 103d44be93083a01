"""One rank of bench/allreduce: the sums of allreduce_worker.c by torch.distributed with gloo."""

import os
import sys
import time

import torch
import torch.distributed as dist

repetitions, sizes = int(sys.argv[1]), [int(word) for word in sys.argv[2:]]
torch.set_num_threads(1)
dist.init_process_group("gloo")
for size in sizes:
    tensor = torch.empty(size // 4)
    for _ in range(repetitions):
        tensor.fill_(1.0)
        dist.barrier()
        start = time.perf_counter()
        dist.all_reduce(tensor)
        slowest = torch.tensor(time.perf_counter() - start, dtype=torch.float64)
        dist.all_reduce(slowest, op=dist.ReduceOp.MAX)
        assert tensor[-1] == dist.get_world_size()
        if os.environ["RANK"] == "0":
            print("gloo", size, f"{slowest.item() * 1e6:.2f}")
dist.destroy_process_group()
