"""The example of the README with emulated boards: the dashboard is there, and a board of each vendor answers."""

import json
import sys
import urllib.request

base = f"http://{sys.argv[1]}"
page = urllib.request.urlopen(f"{base}/", timeout=30)
if "text/html" not in page.headers["content-type"]:
    sys.exit(f"no dashboard at {base}/: {page.headers['content-type']}")
for vendor in ("xilinx", "intel"):
    question = {
        "parameters": {"beamgate_vendor": vendor},
        "inputs": [{"name": "input", "datatype": "FP32", "shape": [1, 16], "data": [0] * 16}],
    }
    request = urllib.request.Request(
        f"{base}/v2/models/jet_tagger/infer", json.dumps(question).encode()
    )
    parameters = json.load(urllib.request.urlopen(request, timeout=60))["parameters"]
    print(parameters["beamgate_device"], parameters["beamgate_variant"])
    if not parameters["beamgate_emulated"]:
        sys.exit(f"{parameters['beamgate_device']} says that it is silicon")
