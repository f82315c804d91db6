"""A server that speaks as vLLM does, and answers from vrft's own sampler: for machines without vLLM."""

from __future__ import annotations

import base64
import hashlib
import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import RLock, Thread
from urllib.parse import urlsplit

import torch
from PIL import Image as PILImage

from vrft.models.load_policy import load_policy
from vrft.models.model_options import ModelOptions
from vrft.rollout.shared_prompt.sampler import SharedPromptSampler
from vrft.rollout.vllm.served_name import served_name
from vrft.rollout.vllm.server_plugin.vrft_vllm.process_group import join_group
from vrft.types import Image, Message, Prompt, SampleSeed, SamplingParams


class FakeVllm:
    """Serves a model folder; ``faults`` names what it does wrong."""

    def __init__(self, folder, scratch, *, port=0, room=None, name=None, max_pixels=None, faults=()):
        self.options = {"device": "cpu", "dtype": "float32", "max_pixels": max_pixels}
        self.policy = load_policy(ModelOptions(path=str(folder), **self.options))
        self.scratch, self.room, self.faults = Path(scratch), room, set(faults)
        self.name, self.version, self.adapters, self.group = (
            name or served_name(str(folder)),
            "default",
            {},
            None,
        )
        self.lock, self.calls, self.asked = RLock(), [], []
        server = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *arguments):
                pass

            def do_GET(self):
                self.answer({})

            def do_POST(self):
                self.answer(json.loads(self.rfile.read(int(self.headers["Content-Length"])) or "{}"))

            def answer(self, body):
                status, found = server.respond(urlsplit(self.path).path[1:], body)
                content = json.dumps(found).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

        class Server(ThreadingHTTPServer):
            allow_reuse_address = daemon_threads = True

            def handle_error(self, request, address):
                """A connection that breaks off, as of a server that is killed."""

        self.http = Server(("127.0.0.1", port), Handler)
        self.port = self.http.server_port
        self.url = f"http://127.0.0.1:{self.port}"
        Thread(target=self.http.serve_forever, args=(0.02,), daemon=True).start()

    def close(self):
        self.http.shutdown()
        self.http.server_close()

    def respond(self, path, body):
        self.calls.append(path)
        try:
            with self.lock if "init" not in path else RLock():
                return 200, getattr(self, path.rpartition("/")[2])(body)
        except KeyError as error:
            return 404, {"error": {"message": f"The model `{error.args[0]}` does not exist."}}
        except ValueError as error:
            return 400, {"error": {"message": str(error)}}

    # ---- what is asked

    def health(self, body):
        return {}

    resume = start_weight_update = health

    def models(self, body):
        adapters = [{"id": name, "parent": self.name} for name in self.adapters]
        return {"data": [*adapters, {"id": self.name, "max_model_len": self.room}]}

    def weight_info(self, body):
        return {"weight_version": self.version}

    def get_world_size(self, body):
        return {"world_size": 1}

    def pause(self, body):
        self.policy.forget_features()

    def init_weight_transfer_engine(self, body):
        info = body["init_info"]
        if "no plugin" in self.faults:
            raise ValueError("unknown back end")
        self.group = join_group(info["address"], info["port"], 1, info["size"], info["backend"])

    def update_weights(self, body):
        own, wrong = dict(self.policy.core.named_parameters()), []
        for name, dtype, shape in zip(*body["update_info"].values(), strict=True):
            weight = torch.empty(shape, dtype=getattr(torch, dtype))
            self.group.broadcast(weight, 0).wait()
            if name in own and own[name].shape == weight.shape:
                own[name].data.copy_(weight)
            else:
                wrong.append(name)
        if wrong:
            raise ValueError(f"no place for {wrong[0]}")

    def finish_weight_update(self, body):
        self.version = body["weight_version"]
        if "other weights" in self.faults and self.calls.count("finish_weight_update") == 2:
            next(p for n, p in self.policy.core.named_parameters() if "q_proj.weight" in n).data.add_(0.5)

    def load_lora_adapter(self, body):
        name, path = body["lora_name"], body["lora_path"]
        if name in self.adapters:
            raise ValueError(f"The lora adapter '{name}' has already been loaded.")
        if "old adapter" in self.faults and self.calls.count("v1/load_lora_adapter") == 2:
            self.adapters[name] = next(iter(self.adapters.values()))
            return
        self.adapters[name] = load_policy(ModelOptions(path=path, **self.options))

    def unload_lora_adapter(self, body):
        del self.adapters[body["lora_name"]]

    def generate(self, body):
        self.asked.append(body)
        policy = self.policy if body["model"] == self.name else self.adapters[body["model"]]
        media = []
        for part in body.get("content_parts", ()):
            content = base64.b64decode(part["url"].partition(",")[2])
            file = self.scratch / f"{hashlib.sha256(content).hexdigest()[:16]}.png"
            file.write_bytes(content)
            media.append(Image(file, PILImage.open(file).size))
        ids, left = [], list(media)
        for token in body["token_ids"]:
            own = token == policy.image_token_id
            count = policy.tokenizer(policy.image(left.pop(0)).text).input_ids.count(token) if own else 1
            ids += [token] * (2 * count - 1 if own and "doubles" in self.faults else count)
        asked = body["sampling_params"]
        params = SamplingParams(
            asked["temperature"], asked["top_p"], asked["top_k"], asked["max_tokens"], asked["min_tokens"]
        )
        if "doubles" in self.faults:
            return {"prompt_token_ids": ids, "choices": []}
        prompt = Prompt((Message("user", tuple(media)),), tuple(ids))
        (said,) = SharedPromptSampler(policy).generate(
            [prompt], asked["n"], params, SampleSeed.whole(1, asked["seed"])
        )
        choices = [
            {
                "token_ids": one.token_ids,
                "finish_reason": one.finish_reason,
                "logprobs": {"content": [{"logprob": p, "top_logprobs": []} for p in one.logprobs]},
                "weight_versions": [{"version": self.version, "start": 0, "end": len(one.token_ids)}],
            }
            for one in said
        ]
        return {"model": body["model"], "prompt_token_ids": ids, "choices": choices}
