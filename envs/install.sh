#!/bin/sh
# Make a virtual environment from cpu.lock or cuda.lock: envs/install.sh FOLDER cpu|cuda [PYTHON]
# FOLDER/.complete says which build of torch is in it. pip takes 2.13.0+cpu for 2.13.0, so the other build needs a new
# environment: one that this script completed is replaced, any other is left alone.
set -eu
folder=$1 torch=$2 python=${3:-python3}
lock=$(dirname "$0")/$torch.lock

case $torch in
cpu | cuda) ;;
*) echo "error: TORCH=$torch: there is cpu and cuda" >&2 && exit 1 ;;
esac
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11) and "error: Python 3.11 or later is needed, this is " + sys.version)'
other=
if [ -f "$folder/pyvenv.cfg" ]; then
    case $(cat "$folder/.complete" 2>/dev/null) in
    "$torch") ;;
    cpu | cuda) other=--clear ;;
    *)
        build='import torch; print("cuda" if torch.version.cuda else "cpu")'
        there=$("$folder/bin/python" -c "$build" 2>/dev/null) || there=$torch
        if [ "$there" != "$torch" ]; then
            echo "error: $folder holds PyTorch's $there build, and was not completed here; delete it, or say TORCH=$there" >&2
            exit 1
        fi
        ;;
    esac
fi
if [ "$torch" = cpu ] && nvidia-smi -L 2>/dev/null | grep -q '^GPU'; then
    echo "this machine has a GPU; PyTorch's CPU build is installed, for its CUDA build: make TORCH=cuda install" >&2
fi
"$python" -m venv $other "$folder"
pip="$folder/bin/python -m pip --disable-pip-version-check"
# --no-compile: pip would do that on one core
if [ "$torch" = cuda ]; then
    $pip install -q --no-compile -r "$lock"
else
    # Where a CPU build of torch is at hand it is taken; else from PyTorch's own index, the only place that has it. That is
    # asked for nothing else: who can't reach it would wait for each package in turn.
    $pip install -q --no-compile -r "$lock" 2>"$folder/install.log" || {
        index=https://download.pytorch.org/whl/cpu
        grep '^torch==' "$lock" >"$folder/torch.txt"
        $pip install -q --no-compile --no-deps --index-url "$index" -r "$folder/torch.txt" || {
            echo "error: $index can't be reached, or has no build of PyTorch for $("$python" --version); TORCH=cuda takes" \
                "the package index's build, which runs without a GPU too" >&2
            exit 1
        }
        $pip install -q --no-compile -r "$lock"
    }
fi
$pip install -q --no-deps -e "$(dirname "$0")/.."
"$folder/bin/python" -m compileall -qq -j 0 "$folder/lib" >/dev/null 2>&1 || : # templates of some packages are no Python
echo "$torch" >"$folder/.complete"
