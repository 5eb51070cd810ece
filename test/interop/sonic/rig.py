"""Two gateways that ask for certificates and share a Redis; two experiments, known by their certificates."""

import contextlib
import json
import pathlib
import shutil
import tempfile

from support.certificates import Authority
from support.cmssw import Access
from support.gateway import ROOT, gateway
from support.redis import redis
from support.repository import add_model, echo_config

#: Of CMS by that of ATLAS, where both want a device.
WEIGHTS = {"cms": 3, "atlas": 1}
#: Of ATLAS, over all gateways.
ROWS_PER_SECOND = 2000
PATIENCE_S = 2
ONE_AT_A_TIME = "instance_group [ { count: 1 kind: KIND_CPU } ]"
TENANTS = {
    "tenants": {
        "cms": {"weight": WEIGHTS["cms"], "sonic": True, "models": ["cms_*", "shared"]},
        "atlas": {
            "weight": WEIGHTS["atlas"],
            "sonic": True,
            "models": ["atlas_*", "shared"],
            "quota": {"rowsPerSecond": ROWS_PER_SECOND},
        },
    },
    "identities": [
        {"certificate": f"/DC=ch/DC=cern/OU={name}/CN=*", "tenant": name, "roles": ["infer"]}
        for name in ("cms", "atlas")
    ],
}


class Rig:
    def __init__(self, gateways, redis_server, access, another):
        self.gateways = gateways
        self.addresses = [each.grpc for each in gateways]
        self.redis = redis_server
        #: Starts one more, as a context.
        self.another = another
        #: By experiment; `lhcb` has a certificate, but is nobody's tenant.
        self.access = access


def add_models(folder):
    add_model(folder, "cms_tagger", echo_config("cms_tagger", "FP32", [2], max_batch_size=256))
    add_model(folder, "atlas_tagger", echo_config("atlas_tagger", "FP32", [2], max_batch_size=256))
    for name in ("cms_slow", "shared"):
        config = echo_config(name, "FP32", [2], 1, delay_ms=50, more=ONE_AT_A_TIME)
        add_model(folder, name, config)
    # 10 and what came since; the gateway keeps the state of each sequence.
    shutil.copytree(ROOT / "models" / "running_sum", folder / "cms_sum")
    config = folder / "cms_sum" / "config.pbtxt"
    config.write_text(config.read_text().replace('"running_sum"', '"cms_sum"'))


@contextlib.contextmanager
def two_gateways(models=add_models):
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="beamgate-sonic-"))
        repository = pathlib.Path(folder) / "models"
        models(repository)
        authority = Authority(folder)
        certificate, key = authority.server()
        tls = {
            "useSsl": True,
            "certPath": str(certificate),
            "keyPath": str(key),
            "rootCertPath": str(authority.path),
        }
        (pathlib.Path(folder) / "tenants.yaml").write_text(json.dumps(TENANTS))
        server = stack.enter_context(redis())
        config = pathlib.Path(folder) / "beamgate.yaml"
        settings = {
            "grpc": {"tls": tls},
            "redis": {"url": server.url},
            "auth": {"tenantsFile": "tenants.yaml"},
            "tenancy": {"sonicPatienceMs": 1000 * PATIENCE_S},
        }
        config.write_text(json.dumps(settings))  # JSON is YAML
        flags = ["--config", str(config)]

        def another():
            return gateway(repository, flags=flags)

        gateways = [stack.enter_context(another()) for _ in range(2)]
        users = {
            name: authority.issue(f"/DC=ch/DC=cern/OU={name}/CN=production")
            for name in ("cms", "atlas", "lhcb")
        }
        access = {name: Access(authority.path, user) for name, user in users.items()}
        access["nobody"] = Access(authority.path)
        yield Rig(gateways, server, access, another)
