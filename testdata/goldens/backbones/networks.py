"""Networks that neither torchvision nor timm has, rewritten in torch from their sources."""

from collections import OrderedDict

import torch
from torch import nn
from torch.nn import functional as F


class CifarBlock(nn.Module):
    """akamaster/pytorch_resnet_cifar10's BasicBlock with option A."""

    def __init__(self, inputs, outputs):
        super().__init__()
        stride = 1 if inputs == outputs else 2
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.shortcut = nn.Identity() if stride == 1 else OptionA(outputs)

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(y)) + self.shortcut(x))


class OptionA(nn.Module):
    def __init__(self, outputs):
        super().__init__()
        self.outputs = outputs

    def forward(self, x):
        return F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, self.outputs // 4, self.outputs // 4), "constant", 0)


class CifarResNet(nn.Module):
    """akamaster/pytorch_resnet_cifar10's ResNet."""

    def __init__(self, blocks, classes):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        stage = lambda inputs, outputs: nn.Sequential(
            *[CifarBlock(inputs if index == 0 else outputs, outputs) for index in range(blocks)]
        )
        self.layer1, self.layer2, self.layer3 = stage(16, 16), stage(16, 32), stage(32, 64)
        self.linear = nn.Linear(64, classes)

    def forward(self, x):
        x = F.relu(self.bn1(self.conv1(x)))
        x = self.layer3(self.layer2(self.layer1(x)))
        return self.linear(x.mean((2, 3)))


class Separable(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.depthwise = nn.Conv2d(inputs, inputs, 3, padding=1, groups=inputs, bias=False)
        self.pointwise = nn.Conv2d(inputs, outputs, 1, bias=False)

    def forward(self, x):
        return self.pointwise(self.depthwise(x))


class SamePool(nn.Module):
    """Keras's MaxPooling2D(3, 2, padding="same")."""

    def forward(self, x):
        before_after = lambda side: (side % 2, 1)
        padding = (*before_after(x.shape[3]), *before_after(x.shape[2]))
        return F.max_pool2d(F.pad(x, padding, value=-torch.inf), 3, 2)


class MiniBlock(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        norm = lambda: nn.BatchNorm2d(outputs, eps=1e-3, momentum=0.01)
        self.shortcut = nn.Sequential()
        self.shortcut.add_module("conv", nn.Conv2d(inputs, outputs, 1, 2, bias=False))
        self.shortcut.add_module("bn", norm())
        self.sep1, self.bn1 = Separable(inputs, outputs), norm()
        self.sep2, self.bn2 = Separable(outputs, outputs), norm()
        self.pool = SamePool()

    def forward(self, x):
        y = F.relu(self.bn1(self.sep1(x)))
        return self.pool(self.bn2(self.sep2(y))) + self.shortcut(x)


class LeNet5(nn.Module):
    """csinva/gan-vae-pretrained-pytorch's LeNet5 without its log-softmax, in its names."""

    def __init__(self, classes):
        super().__init__()
        self.convnet = nn.Sequential(OrderedDict([
            ("c1", nn.Conv2d(1, 6, 5)), ("relu1", nn.ReLU()), ("s2", nn.MaxPool2d(2, 2)),
            ("c3", nn.Conv2d(6, 16, 5)), ("relu3", nn.ReLU()), ("s4", nn.MaxPool2d(2, 2)),
            ("c5", nn.Conv2d(16, 120, 5)), ("relu5", nn.ReLU()),
        ]))
        self.fc = nn.Sequential(OrderedDict([
            ("f6", nn.Linear(120, 84)), ("relu6", nn.ReLU()), ("f7", nn.Linear(84, classes)),
        ]))

    def forward(self, x):
        return self.fc(self.convnet(x).flatten(1))


class MiniXception(nn.Module):
    """oarriaga/face_classification's mini_XCEPTION, in the names of the weights' safetensors file."""

    def __init__(self, classes):
        super().__init__()
        norm = lambda: nn.BatchNorm2d(8, eps=1e-3, momentum=0.01)
        self.conv1, self.bn1, self.relu1 = nn.Conv2d(1, 8, 3, bias=False), norm(), nn.ReLU()
        self.conv2, self.bn2, self.relu2 = nn.Conv2d(8, 8, 3, bias=False), norm(), nn.ReLU()
        widths = [8, 16, 32, 64, 128]
        self.blocks = nn.Sequential(*[MiniBlock(inputs, outputs) for inputs, outputs in zip(widths, widths[1:])])
        self.head = nn.Conv2d(128, classes, 3, padding=1)

    def forward(self, x):
        x = self.relu1(self.bn1(self.conv1(x)))
        x = self.relu2(self.bn2(self.conv2(x)))
        return self.head(self.blocks(x)).mean((2, 3))


class WithinChannel(nn.Module):
    """Caffe's LRN layer with norm_region WITHIN_CHANNEL (src/caffe/layers/lrn_layer.cpp): x (1 + alpha mean)^-beta."""

    def forward(self, x):
        mean = F.avg_pool2d(x.square(), 3, 1, 1, count_include_pad=True)
        return x * (1 + 5e-5 * mean) ** -0.75


class Zf(nn.Module):
    """py-faster-rcnn's ZF, layer by layer from models/pascal_voc/ZF/faster_rcnn_end2end/test.prototxt (96dc9f1)."""

    def __init__(self, classes, width=1.0):
        super().__init__()
        c1, c2, c3, c4, c5, hidden = [round(channels * width) for channels in [96, 256, 384, 384, 256, 4096]]
        self.conv1 = nn.Conv2d(3, c1, 7, 2, 3)
        self.conv2 = nn.Conv2d(c1, c2, 5, 2, 2)
        self.conv3 = nn.Conv2d(c2, c3, 3, padding=1)
        self.conv4 = nn.Conv2d(c3, c4, 3, padding=1)
        self.conv5 = nn.Conv2d(c4, c5, 3, padding=1)
        self.norm1, self.norm2 = WithinChannel(), WithinChannel()
        self.pool1, self.pool2 = (nn.MaxPool2d(3, 2, 1, ceil_mode=True) for _ in range(2))
        self.pool5 = nn.MaxPool2d(3, 2, ceil_mode=True)
        self.fc6, self.fc7, self.fc8 = nn.Linear(c5 * 36, hidden), nn.Linear(hidden, hidden), nn.Linear(hidden, classes)
        for index in range(1, 8):
            self.add_module(f"relu{index}", nn.ReLU())

    def forward(self, x):
        x = self.pool1(self.norm1(self.relu1(self.conv1(x))))
        x = self.pool2(self.norm2(self.relu2(self.conv2(x))))
        x = self.relu3(self.conv3(x))
        x = self.relu4(self.conv4(x))
        x = self.pool5(self.relu5(self.conv5(x)))
        x = F.adaptive_avg_pool2d(x, 6).flatten(1)
        return self.fc8(self.relu7(self.fc7(self.relu6(self.fc6(x)))))


class AlexNet2012(nn.Module):
    """Caffe's bvlc_alexnet, or bvlc_reference_caffenet (pool_first), layer by layer from their prototxt files."""

    def __init__(self, classes, pool_first, width=1.0):
        super().__init__()
        c1, c2, c3, c4, c5, hidden = [round(channels * width) for channels in [96, 256, 384, 384, 256, 4096]]
        norm = lambda: nn.LocalResponseNorm(5, alpha=1e-4, beta=0.75, k=1.0)
        pool = lambda: nn.MaxPool2d(3, 2, ceil_mode=True)
        self.pool_first = pool_first
        self.conv1 = nn.Conv2d(3, c1, 11, 4)
        self.conv2 = nn.Conv2d(c1, c2, 5, padding=2, groups=2)
        self.conv3 = nn.Conv2d(c2, c3, 3, padding=1)
        self.conv4 = nn.Conv2d(c3, c4, 3, padding=1, groups=2)
        self.conv5 = nn.Conv2d(c4, c5, 3, padding=1, groups=2)
        self.norm1, self.norm2, self.pool1, self.pool2, self.pool5 = norm(), norm(), pool(), pool(), pool()
        self.fc6, self.fc7, self.fc8 = nn.Linear(c5 * 36, hidden), nn.Linear(hidden, hidden), nn.Linear(hidden, classes)
        for index in range(1, 8):
            self.add_module(f"relu{index}", nn.ReLU())

    def forward(self, x):
        after = lambda x, norm, pool: norm(pool(x)) if self.pool_first else pool(norm(x))
        x = after(self.relu1(self.conv1(x)), self.norm1, self.pool1)
        x = after(self.relu2(self.conv2(x)), self.norm2, self.pool2)
        x = self.relu3(self.conv3(x))
        x = self.relu4(self.conv4(x))
        x = self.pool5(self.relu5(self.conv5(x)))
        # Caffe accepts only 227 pixels, where this has no effect.
        x = F.adaptive_avg_pool2d(x, 6).flatten(1)
        return self.fc8(self.relu7(self.fc7(self.relu6(self.fc6(x)))))
