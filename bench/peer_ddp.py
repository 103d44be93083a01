#!/usr/bin/env python3
"""The trainer Bifrons is measured against: the same network in PyTorch DDP, written the usual way.

    torchrun --standalone --nproc-per-node 2 bench/peer_ddp.py --data-a a.h5 --data-b b.h5 --out DIR

Same network (python/bifrons/network.py), batch, loss (L1), optimizer (fused Adam) and sets as Bifrons with
its augmentation off. Sets are held in memory. Writes DIR/metrics.jsonl as Bifrons does, from rank 0.
"""

import argparse
import contextlib
import json
import os
import pathlib
import sys
import time

import h5py
import torch
import torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader, Dataset, DistributedSampler

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "python"))
import bifrons  # noqa: E402


class Pairs(Dataset):
    """The i-th picture of A beside the i-th of B, (3, S, S) bytes; the shorter set repeats."""

    def __init__(self, path_a, path_b):
        self.people = []
        for path in (path_a, path_b):
            with h5py.File(path) as file:
                images = torch.from_numpy(file["images"][:])
            self.people.append(images.permute(0, 3, 1, 2).contiguous())

    def __len__(self):
        return max(len(person) for person in self.people)

    def __getitems__(self, rows):  # a whole batch at once
        return [person[[row % len(person) for row in rows]] for person in self.people]


def whole(batch):
    """What __getitems__ gives is a batch already."""
    return batch


class Joined(torch.nn.Module):
    """Both people through the encoder as one batch."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, img_a, img_b):
        codes = self.model.encoder(torch.cat([img_a, img_b]))
        codes_a, codes_b = codes.split([len(img_a), len(img_b)])
        return self.model.decoder_a(codes_a)[0], self.model.decoder_b(codes_b)[0]


def parse():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("--data-a", required=True)
    p.add_argument("--data-b", required=True)
    p.add_argument("--out", required=True, type=pathlib.Path)
    p.add_argument("--image-size", type=int, default=128)
    p.add_argument("--batch", type=int, default=8, help="of each person, a rank")
    p.add_argument("--steps", type=int, default=20)
    p.add_argument("--lr", type=float, default=1e-4)
    p.add_argument("--threads", type=int, default=1)
    p.add_argument("--workers", type=int, default=0, help="processes that read pictures")
    p.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    p.add_argument("--bf16", action="store_true", help="autocast")
    p.add_argument("--channels-last", action="store_true")
    p.add_argument("--joined", action="store_true", help="encoder fed A and B as one batch")
    p.add_argument("--compile", nargs="?", const="default", metavar="MODE",
                   help="torch.compile; MODE reduce-overhead: with CUDA graphs")
    return p.parse_args()


def make_model(args, device, rank, world):
    torch.manual_seed(1)
    model = bifrons.Bifrons(args.image_size).to(device)
    if args.channels_last:
        model = model.to(memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(model.parameters(), lr=args.lr, fused=True)
    net = Joined(model) if args.joined else model
    if world > 1:
        ids = [rank] if device.type == "cuda" else None
        net = DistributedDataParallel(net, device_ids=ids, gradient_as_bucket_view=True,
                                      static_graph=True, broadcast_buffers=False)
    return torch.compile(net, mode=args.compile) if args.compile else net, optimizer


def batches(args, rank, world):
    """Endless: epoch after epoch."""
    pairs = Pairs(args.data_a, args.data_b)
    sampler = DistributedSampler(pairs, world, rank, shuffle=True, seed=1, drop_last=True)
    loader = DataLoader(pairs, args.batch, sampler=sampler, drop_last=True,
                        collate_fn=whole, pin_memory=args.device == "cuda",
                        num_workers=args.workers, persistent_workers=args.workers > 0)
    for epoch in range(args.steps):
        sampler.set_epoch(epoch)
        yield from loader


def train(args, rank, world, write):
    device = torch.device(args.device, rank) if args.device == "cuda" else torch.device("cpu")
    layout = torch.channels_last if args.channels_last else torch.contiguous_format
    precision = contextlib.nullcontext
    if args.bf16:
        def precision():
            return torch.autocast(device.type, dtype=torch.bfloat16)
    net, optimizer = make_model(args, device, rank, world)
    samples = batches(args, rank, world)
    began = time.perf_counter()
    for step in range(1, args.steps + 1):
        start = time.perf_counter()
        batch = next(samples)
        waited = time.perf_counter() - start
        a, b = (person.to(device, non_blocking=True).float().div_(255)
                .contiguous(memory_format=layout) for person in batch)
        with precision():
            recon_a, recon_b = net(a, b)
        loss = (recon_a.float() - a).abs().mean() + (recon_b.float() - b).abs().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total, now = loss.item(), time.perf_counter()
        write({"kind": "train", "step": step, "time": now - began, "loss": {"total": total},
               "step_ms": (now - start) * 1e3, "data_wait_ms": waited * 1e3})


def main():
    args = parse()
    torch.set_num_threads(args.threads)
    world, rank = int(os.environ.get("WORLD_SIZE", 1)), int(os.environ.get("RANK", 0))
    if args.device == "cuda":
        torch.cuda.set_device(rank)
    if world > 1:
        dist.init_process_group("nccl" if args.device == "cuda" else "gloo")
    args.out.mkdir(parents=True, exist_ok=True)
    with open(args.out / "metrics.jsonl" if rank == 0 else os.devnull, "w") as file:

        def write(row):
            file.write(json.dumps(row) + "\n")
            file.flush()

        train(args, rank, world, write)
    if world > 1:
        dist.destroy_process_group()


if __name__ == "__main__":
    main()
