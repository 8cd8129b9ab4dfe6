"""torch's cross-entropy with label smoothing, class weights and blended labels (mixup).

    python loss.py > loss.json
"""
import json

import torch
import torch.nn.functional as F

values = [0.5, -1.0, 2.0, 0.25, 3.0, 0.0, -0.5, 1.0, -2.0, 1.5, 0.75, 0.0, 0.1, 0.2, 0.3, -4.0, 1.0, 1.0, 1.0, 2.5]
targets, others = [2, 0, 1, 3, 3], [0, 3, 1, 2, 2]
cases = []
for smoothing, weights, share in [(0.1, [], None), (0.0, [1.0, 2.0, 0.5, 4.0], None), (0.2, [1.0, 2.0, 0.5, 4.0], 0.7), (0.0, [], 0.3)]:
    logits = torch.tensor(values).reshape(5, 4).requires_grad_()
    weight = torch.tensor(weights) if weights else None
    loss = lambda t: F.cross_entropy(logits, torch.tensor(t), weight=weight, label_smoothing=smoothing)
    value = loss(targets) if share is None else share * loss(targets) + (1 - share) * loss(others)
    value.backward()
    cases.append({"smoothing": smoothing, "weights": weights, "share": share, "loss": value.item(), "gradient": logits.grad.flatten().tolist()})
print(json.dumps({"peer": f"torch {torch.__version__}", "logits": values, "targets": targets, "others": others, "cases": cases}))
