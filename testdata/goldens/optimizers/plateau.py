"""The factors of torch's ReduceLROnPlateau for a list of losses.

    python plateau.py > plateau.json
"""
import json

import torch

losses = [1.0, 0.8, 0.799, 0.7985, 0.7, 0.7, 0.695, 0.701, 0.72, 0.6, 0.61, 0.62, 0.63, 0.64, 0.65, 0.66, 0.5, 0.4999, 0.51, 0.52]
optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
schedule = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.5, patience=2, threshold=0.01)
factors = []
for loss in losses:
    schedule.step(loss)
    factors.append(optimizer.param_groups[0]["lr"])
print(json.dumps({"peer": f"torch {torch.__version__}", "losses": losses, "factors": factors}))
