#!/usr/bin/env bash
# What the Containerfile runs: install mtbkd and its locked packages, with the extra `kubernetes`, into a folder.
#
#   scripts/image.sh cuda|cpu FOLDER
#
# cpu takes torch and torchvision, at their locked versions, from PyTorch's index of builds without CUDA ($TORCH_CPU).
set -euo pipefail
variant=$1
case $variant in
cuda | cpu) ;;
*)
    echo "VARIANT: found '$variant'; allowed: cuda, cpu" >&2
    exit 1
    ;;
esac
export UV_PROJECT_ENVIRONMENT=$2 UV_LINK_MODE=copy UV_PYTHON=/usr/bin/python3 UV_PYTHON_DOWNLOADS=never
cd "$(dirname "$0")/.."

python3 -m venv /tmp/uv
/tmp/uv/bin/pip install --quiet --no-cache-dir "uv>=0.9,<1"
uv() { /tmp/uv/bin/uv "$@"; }
# name==version of the packages that are another build, or absent, without CUDA
of_cuda() { uv export --quiet --locked --no-hashes --no-emit-project | grep -oE "^($1)[^= ]*==[^ ;]+"; }

options=(--locked --no-editable --no-dev --extra kubernetes)
if [ "$variant" = cuda ]; then
    uv sync "${options[@]}"
else
    for package in $(of_cuda 'torch|triton|nvidia-|cuda-'); do options+=(--no-install-package "${package%%==*}"); done
    uv sync "${options[@]}"
    # shellcheck disable=SC2046
    uv pip install --python "$UV_PROJECT_ENVIRONMENT" --no-deps --index-url "${TORCH_CPU:-https://download.pytorch.org/whl/cpu}" \
        $(of_cuda torch)
fi
rm -rf /tmp/uv
