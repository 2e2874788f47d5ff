#!/bin/sh
# Make a virtual environment from the lock: envs/install.sh FOLDER cpu|cuda [PYTHON]
# One with the other build of torch is made anew: pip takes 2.13.0+cpu for 2.13.0.
set -eu
folder=$1 torch=$2 python=${3:-python3}
lock=$(dirname "$0")/cpu.lock

"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11) and "error: Python 3.11 or later is needed, this is " + sys.version)'
other=
[ ! -f "$folder/pyvenv.cfg" ] || [ "$(cat "$folder/.complete" 2>/dev/null)" = "$torch" ] || other=--clear
"$python" -m venv $other "$folder"
pip="$folder/bin/python -m pip --disable-pip-version-check"
if [ "$torch" = cuda ]; then
    sed 's/+cpu//' "$lock" >"$folder/cuda.lock"
    $pip install -q -r "$folder/cuda.lock"
else
    # Where a CPU build of torch is at hand it is taken; else from PyTorch's own index, the only place that has it.
    $pip install -q -r "$lock" 2>"$folder/install.log" ||
        $pip install -q --extra-index-url https://download.pytorch.org/whl/cpu -r "$lock"
fi
$pip install -q --no-deps -e "$(dirname "$0")/.."
echo "$torch" >"$folder/.complete"
