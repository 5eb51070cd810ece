"""A double of AthTriton: what its configuration asks over HTTP, then what the tool asks over gRPC when it begins."""

import os
import types
import urllib.request

import tritonclient.grpc as triton
from AthenaConfiguration.ComponentAccumulator import ComponentAccumulator

#: The real one takes 8000; in a test the HTTP port is another one.
HTTP_PORT = os.environ.get("BEAMGATE_HTTP_PORT", "8000")


def TritonToolCfg(flags, model_name, url, port=8001, model_version="", timeout=0.0, ssl=False):
    version = f"/versions/{model_version}" if model_version else ""
    for path in ("/v2/health/live", f"/v2/models/{model_name}{version}/ready"):
        with urllib.request.urlopen(f"http://{url}:{HTTP_PORT}{path}", timeout=10) as answer:
            if answer.status != 200:
                raise RuntimeError(f"{path}: {answer.status}")
    client = triton.InferenceServerClient(f"{url}:{port}", ssl=ssl)
    if not (client.is_server_live() and client.is_server_ready()):
        raise RuntimeError("the server is not ready")
    if not client.is_model_ready(model_name, model_version):
        raise RuntimeError(f"the model {model_name} is not ready")
    acc = ComponentAccumulator()
    acc.setPrivateTools(
        types.SimpleNamespace(
            ModelName=model_name, URL=url, Port=port, ModelVersion=model_version, UseSSL=ssl
        )
    )
    return acc
