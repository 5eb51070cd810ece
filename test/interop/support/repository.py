"""Model repositories in temporary folders."""

import pathlib
import shutil


def add_model(root, name, config="", artifact=None, version="1"):
    """`<root>/<name>/<version>/`, with a config.pbtxt unless it is empty, and model.onnx if given."""
    folder = pathlib.Path(root) / name
    (folder / version).mkdir(parents=True, exist_ok=True)
    if config:
        (folder / "config.pbtxt").write_text(config)
    if artifact is not None:
        shutil.copyfile(artifact, folder / version / "model.onnx")
    return folder


def echo_config(name, datatype, dims, max_batch_size=0, delay_ms=0, more=""):
    """An identity of one tensor, `INPUT0` -> `OUTPUT0`, in the echo backend."""
    dims = ", ".join(str(axis) for axis in dims)
    return f"""
name: "{name}"
backend: "echo"
max_batch_size: {max_batch_size}
input [ {{ name: "INPUT0" data_type: TYPE_{datatype} dims: [ {dims} ] }} ]
output [ {{ name: "OUTPUT0" data_type: TYPE_{datatype} dims: [ {dims} ] }} ]
parameters {{ key: "mode" value {{ string_value: "identity" }} }}
parameters {{ key: "delay_ms" value {{ string_value: "{delay_ms}" }} }}
{more}
"""


def add_sub_config(name, datatype="INT32", width=16, max_batch_size=8, more=""):
    """Triton's `simple`: sum and difference of two tensors, in the echo backend."""
    tensor = f"data_type: TYPE_{datatype} dims: [ {width} ]"
    return f"""
name: "{name}"
backend: "echo"
max_batch_size: {max_batch_size}
input [ {{ name: "INPUT0" {tensor} }}, {{ name: "INPUT1" {tensor} }} ]
output [ {{ name: "OUTPUT0" {tensor} }}, {{ name: "OUTPUT1" {tensor} }} ]
parameters {{ key: "mode" value {{ string_value: "addsub" }} }}
{more}
"""
