"""Steps of torch's optimizers on a small loss, clipped gradients and weight decay included.

    python make.py > golden.json
"""
import json

import torch

start = [1.0, -2.0, 0.5, 3.0, -0.125]
factors = [0.5, -0.25, 1.0, 0.75, 2.0]
golden = {"peer": f"torch {torch.__version__}", "start": start, "factors": factors, "rate": 0.05, "weight_decay": 0.1, "clip": 4.0}
makers = {
    "sgd": lambda w: torch.optim.SGD(w, lr=0.05, momentum=0.9, weight_decay=0.1),
    "adam": lambda w: torch.optim.Adam(w, lr=0.05, weight_decay=0.1),
    "adamw": lambda w: torch.optim.AdamW(w, lr=0.05, weight_decay=0.1),
}
for name, make in makers.items():
    weight = torch.nn.Parameter(torch.tensor(start))
    optimizer = make([weight])
    steps = []
    for step in range(12):
        optimizer.zero_grad()
        (torch.tensor(factors) * (weight - 0.25 * step) ** 3).sum().backward()
        torch.nn.utils.clip_grad_norm_([weight], 4.0)
        optimizer.step()
        steps.append(weight.tolist())
    golden[name] = steps
print(json.dumps(golden))
