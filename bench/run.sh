#!/usr/bin/env bash
# Measures the programs beside their peers, which it installs into bench/.venv. Wants the real data beside the checkout.
set -euo pipefail
cd "$(dirname "$0")"
[ -x .venv/bin/python ] || { python3 -m venv .venv && .venv/bin/pip install --quiet numpy opencv-contrib-python-headless; }
exec .venv/bin/python selective_search.py "$@"
