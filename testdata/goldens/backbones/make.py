#!/usr/bin/env python3
"""Goldens of the backbones: torchvision's networks (timm's MobileNet V1 and Xception; those of networks.py where
neither has one) on weights from a formula.

    python3 testdata/goldens/backbones/make.py

Weight number i of tensor NAME is (2 mix(NAME, i) - 1) * scale, with scale sqrt(gain / fan_in) for weights and 0.1 for
biases and running means; weights of batch norms and running variances are 1 + 0.5 (2 mix(NAME, i) - 1). The formula is
repeated in crates/dl-models/tests/torchvision.rs. A gain of 6 keeps numbers at their size from one ReLU to the next;
MobileNet V2, where many convolutions have no ReLU after them, would grow them until rounding decides which ones pass.
Gradients are those of sum(logits * (2 mix("loss", i) - 1)), with batch norms as in inference.
"""

import json
from pathlib import Path

import timm
import torch
import torchvision
from formula import formula, signed
from networks import AlexNet2012, CifarResNet, LeNet5, MiniXception, Zf

CLASSES = 10


def summary(tensor):
    flat = tensor.detach().double().flatten()
    picked = flat[:: max(1, len(flat) // 5)][:5]
    return {
        "shape": list(tensor.shape),
        "sum": flat.sum().item(),
        "size": flat.abs().sum().item(),
        "picked": [round(value.item(), 7) for value in picked],
    }


def golden(network, shape, layers, gradients, options=None, gain=6.0, scale=1.0):
    network.eval()
    for module in network.modules():
        if isinstance(module, (torch.nn.ReLU, torch.nn.ReLU6)):
            module.inplace = False
    state = network.state_dict()
    state = {key: formula(key, value.shape, gain) if value.ndim else value for key, value in state.items()}
    network.load_state_dict(state)
    x = scale * signed("input", shape)
    x.requires_grad_()
    seen = {}
    for path, module in network.named_modules():
        if path in layers:
            # A copy: the next layer may work in place.
            module.register_forward_hook(lambda _, __, output, path=path: seen.update({path: output.detach().clone()}))
    logits = network(x)
    # Auxiliary classifiers, which torchvision skips in inference.
    for path, after in [("aux1", "inception4a"), ("aux2", "inception4d"), ("AuxLogits", "Mixed_6e")]:
        if path in layers:
            seen[path] = network.get_submodule(path)(seen[after])
    (logits * signed("loss", logits.shape)).sum().backward()
    parameters = dict(network.named_parameters())
    return {
        "input": shape,
        "options": options or {},
        "gain": gain,
        "scale": scale,
        "logits": logits.flatten().tolist(),
        "layers": {path: summary(seen[path]) for path in layers},
        "gradients": {path: summary(x.grad if path == "input" else parameters[path].grad) for path in gradients},
    }


def of_torchvision(name, shape, layers, gradients, gain=6.0, **options):
    network = getattr(torchvision.models, name)(weights=None, num_classes=CLASSES, **options)
    return golden(network, shape, layers, gradients, gain=gain)


def of_vgg(blocks, norms, shape, layers, gradients, width=0.125, local_response_norm=False):
    """A narrow VGG of torchvision's own parts: its weights would be 500 MB otherwise."""
    scaled = [int(channels * width) for channels in [64, 128, 256, 512, 512]]
    columns = [[channels] * len(block) + ["M"] for block, channels in zip(blocks, scaled)]
    features = list(torchvision.models.vgg.make_layers(sum(columns, []), batch_norm=norms))
    convs = [index for index, layer in enumerate(features) if isinstance(layer, torch.nn.Conv2d)]
    for index, kernel in zip(convs, sum(blocks, [])):
        if kernel == 1:
            features[index] = torch.nn.Conv2d(features[index].in_channels, features[index].out_channels, 1)
    if local_response_norm:
        # The paper's alpha is 1e-4 of the sum; torch's is of the mean of the five.
        features.insert(2, torch.nn.LocalResponseNorm(5, alpha=5e-4, beta=0.75, k=2.0))
    network = torchvision.models.VGG(torch.nn.Sequential(*features), num_classes=CLASSES)
    hidden = int(4096 * width)
    for index, inputs, outputs in [(0, scaled[-1] * 49, hidden), (3, hidden, hidden), (6, hidden, CLASSES)]:
        network.classifier[index] = torch.nn.Linear(inputs, outputs)
    return golden(network, shape, layers, gradients, {"width": width})


torch.set_num_threads(1)
fire = ["features.0", "features.2", "features.3.squeeze", "features.12", "classifier.1", "classifier.3"]
fire_gradients = ["input", "features.0.weight", "features.0.bias", "features.3.expand3x3.weight", "classifier.1.weight"]
A = [[3], [3], [3, 3], [3, 3], [3, 3]]
C = [[3, 3], [3, 3], [3, 3, 1], [3, 3, 1], [3, 3, 1]]
B = [[3, 3]] * 5
D = [[3, 3], [3, 3], [3, 3, 3], [3, 3, 3], [3, 3, 3]]
E = [[3, 3], [3, 3], [3, 3, 3, 3], [3, 3, 3, 3], [3, 3, 3, 3]]
goldens = {
    "made_with": f"torch {torch.__version__} (CPU, float32, one thread), torchvision {torchvision.__version__}, "
    f"timm {timm.__version__}",
    "alexnet": of_torchvision(
        "alexnet",
        [2, 3, 99, 83],
        ["features.0", "features.2", "features.12", "avgpool", "classifier.1", "classifier.5"],
        ["input", "features.0.weight", "features.3.bias", "classifier.4.weight", "classifier.6.bias"],
    ),
    "squeezenet1_0": of_torchvision("squeezenet1_0", [2, 3, 65, 67], fire, fire_gradients),
    "squeezenet1_1": of_torchvision("squeezenet1_1", [2, 3, 66, 71], fire, fire_gradients),
    "resnet18": of_torchvision(
        "resnet18",
        [2, 3, 65, 67],
        ["conv1", "bn1", "maxpool", "layer1.0.conv2", "layer2.0", "layer2.0.downsample", "layer4", "avgpool"],
        ["input", "conv1.weight", "bn1.weight", "layer2.0.downsample.0.weight", "layer4.1.bn2.bias", "fc.weight"],
    ),
    "resnet50": of_torchvision(
        "resnet50",
        [2, 3, 65, 67],
        ["relu", "layer1.0", "layer1.0.downsample", "layer2.0.bn3", "layer3.5", "layer4", "avgpool"],
        ["input", "conv1.weight", "layer1.0.conv3.weight", "layer3.0.bn2.weight", "layer4.2.bn3.bias", "fc.bias"],
    ),
    "googlenet": of_torchvision(
        "googlenet",
        [2, 3, 66, 71],
        ["conv1.conv", "conv2.bn", "maxpool2", "inception3a.branch2.0", "inception3a.branch3.1", "inception3a.branch4.0"]
        + ["inception4a", "inception4d", "aux1", "aux2", "maxpool4", "inception5b", "avgpool"],
        ["input", "conv1.conv.weight", "inception3b.branch3.1.conv.weight", "inception4e.branch4.1.bn.weight", "fc.weight"],
        transform_input=True,
        init_weights=False,
    )
    | {"options": {"aux_logits": True}},
    "mobilenet_v2": of_torchvision(
        "mobilenet_v2",
        [2, 3, 66, 71],
        ["features.0", "features.1.conv.1", "features.2.conv.1.0", "features.3", "features.3.conv", "features.18"],
        ["input", "features.0.0.weight", "features.2.conv.1.0.weight", "features.17.conv.3.bias", "classifier.1.weight"],
        gain=4.0,
    ),
    "mobilenet_v2 of another width": of_torchvision(
        "mobilenet_v2",
        [1, 3, 47, 50],
        ["features.0", "features.7", "features.18"],
        ["input", "features.14.conv.1.1.weight"],
        gain=4.0,
        width_mult=0.35,
    )
    | {"options": {"width_mult": 0.35}},
    "mobilenet_v1": golden(
        timm.create_model("mobilenetv1_100", num_classes=CLASSES),
        [2, 3, 66, 71],
        ["conv_stem", "bn1", "blocks.0.0.conv_dw", "blocks.1.0.bn1", "blocks.3.4", "blocks.4", "global_pool"],
        ["input", "conv_stem.weight", "blocks.1.0.conv_dw.weight", "blocks.4.1.bn2.bias", "classifier.weight"],
    ),
    "xception": golden(
        timm.create_model("legacy_xception", num_classes=CLASSES),
        [1, 3, 67, 71],
        ["conv1", "act1", "act2", "block1.rep.0.conv1", "block1.rep.3", "block1", "block3.skipbn", "block4", "block11"]
        + ["block12.rep.6", "block12", "act3", "conv4", "act4", "global_pool"],
        ["input", "conv1.weight", "block1.skip.weight", "block2.rep.1.conv1.weight", "block8.rep.8.bias", "fc.weight"],
        gain=3.0,
    ),
    "lenet5": golden(
        LeNet5(CLASSES),
        [2, 1, 32, 32],
        ["convnet.c1", "convnet.s2", "convnet.relu3", "convnet.relu5", "fc.f6", "fc.relu6"],
        ["input", "convnet.c1.weight", "convnet.c3.bias", "convnet.c5.weight", "fc.f6.weight", "fc.f7.bias"],
    ),
    "mini_xception": golden(
        MiniXception(CLASSES),
        [2, 1, 61, 64],
        ["relu1", "relu2", "blocks.0.shortcut", "blocks.0.sep1", "blocks.0.pool", "blocks.0", "blocks.1", "blocks.3", "head"],
        ["input", "conv1.weight", "blocks.1.sep2.depthwise.weight", "blocks.2.shortcut.bn.weight", "head.bias"],
    ),
    "resnet20_cifar": golden(
        CifarResNet(3, CLASSES),
        [2, 3, 32, 29],
        ["conv1", "bn1", "layer1.0.conv2", "layer1", "layer2.0.shortcut", "layer2.0", "layer3.0.bn2", "layer3"],
        ["input", "conv1.weight", "layer1.2.bn1.weight", "layer2.0.conv1.weight", "layer3.2.bn2.bias", "linear.weight"],
    ),
    "resnet56_cifar": golden(
        CifarResNet(9, CLASSES),
        [1, 3, 32, 32],
        ["layer1.8", "layer2.8.conv1", "layer3"],
        ["input", "layer2.4.conv2.weight", "linear.bias"],
        gain=1.5,
    ),
    "mobilenet_v3_large": of_torchvision(
        "mobilenet_v3_large",
        [2, 3, 66, 71],
        ["features.0", "features.1.block.0.0", "features.4.block.2", "features.4.block.2.fc1", "features.5", "features.7"]
        + ["features.13.block.1", "features.13.block.2.fc2", "features.15", "features.16", "avgpool", "classifier.0", "classifier.1"],
        ["input", "features.0.0.weight", "features.4.block.2.fc1.weight", "features.13.block.2.fc2.bias"]
        + ["features.15.block.3.1.weight", "classifier.0.weight", "classifier.3.bias"],
        gain=2.5,
    ),
    "mobilenet_v3_small": of_torchvision(
        "mobilenet_v3_small",
        [2, 3, 65, 67],
        ["features.0", "features.1", "features.1.block.1", "features.4.block.0", "features.8", "features.12"],
        ["input", "features.1.block.1.fc2.weight", "features.9.block.1.0.weight", "classifier.3.weight"],
    ),
    "mobilenet_v3_small of another width": golden(
        torchvision.models.mobilenetv3.MobileNetV3(
            *torchvision.models.mobilenetv3._mobilenet_v3_conf("mobilenet_v3_small", width_mult=0.5), CLASSES
        ),
        [1, 3, 47, 50],
        ["features.0", "features.9", "features.12"],
        ["input", "features.11.block.2.fc1.weight"],
        {"width_mult": 0.5},
    ),
    "inception_v3": of_torchvision(
        "inception_v3",
        [1, 3, 112, 107],
        ["Conv2d_1a_3x3.conv", "Conv2d_2b_3x3.bn", "maxpool1", "maxpool2", "Mixed_5b.branch5x5_2", "Mixed_5b", "Mixed_5d"]
        + ["Mixed_6a", "Mixed_6b.branch7x7_2", "Mixed_6b.branch7x7dbl_5", "Mixed_6e", "Mixed_7a.branch7x7x3_4"]
        + ["Mixed_7a", "Mixed_7b.branch3x3_2a", "Mixed_7c.branch3x3dbl_3b", "Mixed_7c", "avgpool"],
        # Not of the first layers: sums in another order move a number across the kink of ReLU.
        ["Mixed_6a.branch3x3dbl_3.conv.weight", "Mixed_6c.branch7x7_3.conv.weight", "Mixed_7c.branch_pool.bn.weight", "fc.weight"],
        transform_input=True,
        init_weights=False,
    ),
    "inception_v3 of a whole picture": of_torchvision(
        "inception_v3",
        [1, 3, 299, 299],
        ["Mixed_5d", "Mixed_6e", "AuxLogits", "Mixed_7c"],
        # Further down, rounding moves some of the many numbers across the kink of ReLU, in torch itself too.
        ["fc.weight"],
        init_weights=False,
    )
    | {"options": {"aux_logits": True, "transform_input": False}},
    "alexnet_2012": golden(
        AlexNet2012(CLASSES, pool_first=False, width=0.125),
        [2, 3, 99, 83],
        ["relu1", "norm1", "pool1", "relu2", "norm2", "relu4", "pool5", "relu6", "relu7"],
        ["input", "conv1.weight", "conv2.weight", "conv4.bias", "fc6.weight", "fc8.bias"],
        {"width": 0.125},
        # As large as pixels from 0 to 255: smaller numbers hardly show the normalization.
        scale=150.0,
    ),
    "caffenet": golden(
        AlexNet2012(CLASSES, pool_first=True, width=0.125),
        [2, 3, 99, 83],
        ["relu1", "norm1", "pool1", "relu2", "pool2", "norm2", "relu5", "pool5"],
        ["input", "conv2.weight", "fc8.weight"],
        {"width": 0.125},
        # As large as pixels from 0 to 255: smaller numbers hardly show the normalization.
        scale=150.0,
    ),
    "zf": golden(
        Zf(CLASSES, width=0.125),
        [2, 3, 99, 83],
        ["relu1", "norm1", "pool1", "relu2", "norm2", "pool2", "relu5", "pool5", "relu6", "relu7"],
        ["input", "conv1.weight", "conv2.bias", "fc6.weight", "fc8.bias"],
        {"width": 0.125},
        scale=150.0,
    ),
    "vgg11": of_vgg(
        A,
        False,
        [2, 3, 65, 67],
        ["features.0", "features.2", "features.9", "avgpool", "classifier.1", "classifier.4"],
        ["input", "features.0.weight", "features.8.bias", "classifier.0.weight"],
    ),
    "vgg11_lrn": of_vgg(
        A,
        False,
        [2, 3, 40, 37],
        ["features.1", "features.2", "features.3", "features.21"],
        ["input", "features.0.weight", "features.9.weight"],
        local_response_norm=True,
    ),
    "vgg16_c": of_vgg(
        C,
        False,
        [2, 3, 40, 37],
        ["features.14", "features.15", "features.30"],
        ["input", "features.14.weight", "features.28.bias"],
    ),
    "vgg16_bn": of_vgg(
        D,
        True,
        [2, 3, 65, 67],
        ["features.1", "features.2", "features.6", "features.33", "features.43", "classifier.3"],
        ["input", "features.0.weight", "features.1.weight", "features.41.bias", "classifier.6.weight"],
    ),
    # The other columns and depths, in a few places.
    "vgg11_bn": of_vgg(A, True, [1, 3, 40, 37], ["features.2", "features.28", "classifier.4"], ["features.1.weight", "classifier.6.bias"]),
    "vgg13": of_vgg(B, False, [1, 3, 40, 37], ["features.4", "features.24", "classifier.4"], ["features.22.bias"]),
    "vgg13_bn": of_vgg(B, True, [1, 3, 40, 37], ["features.6", "features.34", "classifier.4"], ["features.32.bias"]),
    "vgg16": of_vgg(D, False, [1, 3, 40, 37], ["features.9", "features.30", "classifier.4"], ["features.28.bias"]),
    "vgg19": of_vgg(E, False, [1, 3, 40, 37], ["features.18", "features.36", "classifier.4"], ["features.34.bias"]),
    "vgg19_bn": of_vgg(E, True, [1, 3, 40, 37], ["features.26", "features.52", "classifier.4"], ["features.50.bias"]),
    "resnet34": of_torchvision(
        "resnet34", [1, 3, 65, 67], ["layer1.2", "layer2.3", "layer3.5", "layer4"], ["layer4.2.bn2.bias"], gain=3.0
    ),
    "resnet101": of_torchvision("resnet101", [1, 3, 65, 67], ["layer2", "layer3", "layer4"], ["fc.bias"], gain=2.0),
    "resnet152": of_torchvision("resnet152", [1, 3, 65, 67], ["layer2", "layer3", "layer4"], ["fc.bias"], gain=2.0),
    "resnet32_cifar": golden(CifarResNet(5, CLASSES), [1, 3, 32, 32], ["layer1", "layer2.4", "layer3"], ["linear.bias"], gain=3.0),
    "resnet44_cifar": golden(CifarResNet(7, CLASSES), [1, 3, 32, 32], ["layer1", "layer2.6", "layer3"], ["linear.bias"], gain=3.0),
    "mobilenet_v1 of another width": golden(
        timm.models.efficientnet._gen_mobilenet_v1("mobilenetv1_100", 0.5, num_classes=CLASSES),
        [1, 3, 47, 50],
        ["bn1", "blocks.2", "global_pool"],
        ["blocks.3.2.conv_pw.weight"],
        {"width": 0.5},
    ),
}
Path(__file__).with_name("backbones.json").write_text(json.dumps(goldens, indent=1) + "\n")
