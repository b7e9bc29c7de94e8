#!/usr/bin/env bash
# Says in one sentence what is missing before anything is installed: check_machine.sh PYTHON FOLDER
set -u
python=$1
folder=$2
needed_gb=6

if ! command -v "$python" >/dev/null 2>&1; then
    echo "Python 3.11 is needed and '$python' was not found: install it (Debian, Ubuntu: apt-get install python3.11 python3.11-venv), or name it: make PYTHON=/path/to/python3.11" >&2
    exit 1
fi
version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)
if [ "$version" != "3.11" ]; then
    echo "Python 3.11 is needed, but '$python' is ${version:-no Python}: name the right one: make PYTHON=/path/to/python3.11" >&2
    exit 1
fi
if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    echo "'$python' has no venv module: install it (Debian, Ubuntu: apt-get install python3.11-venv)" >&2
    exit 1
fi
free_gb=$(($(df -Pk "$folder" | awk 'NR == 2 {print $4}') / 1024 / 1024))
if [ "$free_gb" -lt "$needed_gb" ]; then
    echo "$needed_gb GB of free disk are needed for the environment, but $(cd "$folder" && pwd) has $free_gb GB: make room, or clone into another place" >&2
    exit 1
fi
