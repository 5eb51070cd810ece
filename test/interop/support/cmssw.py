"""The client of CMSSW's SonicTriton: the calls that a job makes, in its order, with its assumptions."""

import grpc
import tritonclient.grpc as triton
from support.cases import equal
from tritonclient.grpc import service_pb2, service_pb2_grpc
from tritonclient.utils import InferenceServerException

COMPRESSIONS = {
    None: grpc.Compression.NoCompression,
    "gzip": grpc.Compression.Gzip,
    "deflate": grpc.Compression.Deflate,
}
TIMEOUT_S = 120
#: Jobs are processes: none shares a connection with another.
APART = [("grpc.use_local_subchannel_pool", 1)]


class Access:
    """How a job comes to its servers: in plain text, or with the certificate of its experiment."""

    def __init__(self, authority=None, user=None):
        """`authority`: path of what the server must be signed by; `user`: (certificate, key)."""
        self.secure = authority is not None
        self.files = {
            "root_certificates": authority and str(authority),
            "certificate_chain": user and str(user[0]),
            "private_key": user and str(user[1]),
        }

    def client(self, address):
        return triton.InferenceServerClient(
            address, ssl=self.secure, channel_args=APART, **self.files
        )

    def stub(self, address):
        if not self.secure:
            channel = grpc.insecure_channel(address, APART)
        else:
            read = {
                name: path and open(path, "rb").read()  # noqa: SIM115
                for name, path in self.files.items()
            }
            channel = grpc.secure_channel(address, grpc.ssl_channel_credentials(**read), APART)
        return service_pb2_grpc.GRPCInferenceServiceStub(channel)


PLAIN = Access()


class Service:
    """TritonService: which server has which model, asked once at the start of a job."""

    def __init__(self, addresses, access=PLAIN):
        self.servers, self.refusals = {}, {}
        for address in addresses:
            client = access.client(address)
            try:
                index = client.get_model_repository_index()
            except InferenceServerException as error:
                self.refusals[address] = f"{error.status()}: {error.message()}"
                continue  # "nonresponsive or saturated": the job goes on without it
            self.servers[address] = {model.name for model in index.models}

    def serving(self, model):
        return [address for address, models in self.servers.items() if model in models]


class Client:
    """TritonClient: one module's view of one model on one server."""

    def __init__(self, address, model, version="", access=PLAIN):
        self.model, self.version, self.access = model, version, access
        self.use(address)
        self.config = self.client.get_model_config(model, version).config
        metadata = self.client.get_model_metadata(model, version)
        if not metadata.inputs or not metadata.outputs:
            raise RuntimeError("no inputs or no outputs")
        skipped = 1 if self.config.max_batch_size > 0 else 0
        self.inputs = {i.name: (i.datatype, list(i.shape)[skipped:]) for i in metadata.inputs}
        self.outputs = [o.name for o in metadata.outputs]

    def use(self, address):
        """updateServer: a channel of its own to this server."""
        self.address = address
        self.client = self.access.client(address)
        self.stub = self.access.stub(address)

    def statistics(self):
        stats = self.client.get_inference_statistics(self.model, self.version)
        return stats.model_stats[0]  # CMSSW takes the first one without a look

    def request(self, values):
        """As the C++ client writes it: no id, raw inputs, outputs by name, its one parameter."""
        made = service_pb2.ModelInferRequest(model_name=self.model, model_version=self.version)
        for name, array in values.items():
            datatype, _ = self.inputs[name]
            made.inputs.add(name=name, datatype=datatype, shape=array.shape)
            made.raw_input_contents.append(array.tobytes())
        for name in self.outputs:
            made.outputs.add(name=name)
        # The python client takes this key for reserved; the C++ client sends it every time.
        made.parameters["triton_enable_empty_final_response"].bool_param = False
        return made

    def rectangular(self, values, compression=None):
        """One ModelInfer for the whole event; an event without entries makes no call."""
        if next(iter(values.values())).shape[0] == 0:
            return None
        request = self.request(values)
        kind = COMPRESSIONS[compression]
        response = self.stub.ModelInfer(request, timeout=TIMEOUT_S, compression=kind)
        return {name: self.checked(response, name) for name in self.outputs}

    def ragged(self, entries):
        """AsyncInferMulti: N requests of one row at once, one answer when all are there."""
        responses = [call.result() for call in self.sent(entries)]
        return [{name: self.checked(r, name) for name in self.outputs} for r in responses]

    def sent(self, entries):
        """Calls that are under way."""
        requests = [self.request(values) for values in entries]
        return [self.stub.ModelInfer.future(made, timeout=TIMEOUT_S) for made in requests]

    @staticmethod
    def checked(response, name):
        """RawData must have exactly the bytes of its shape."""
        position = [output.name for output in response.outputs].index(name)
        array = triton.InferResult(response).as_numpy(name)
        equal(len(response.raw_output_contents[position]), array.nbytes, "bytes")
        return array


def nothing_decreases(before, after, path="statistics"):
    """CMSSW subtracts unsigned numbers."""
    for field in ("inference_count", "execution_count", "last_inference"):
        if getattr(after, field) < getattr(before, field):
            raise AssertionError(f"{path}.{field} went back")
    for stage in ("success", "fail", "queue", "compute_input", "compute_infer", "compute_output"):
        for field in ("count", "ns"):
            was = getattr(getattr(before.inference_stats, stage), field)
            now = getattr(getattr(after.inference_stats, stage), field)
            if now < was:
                raise AssertionError(f"{path}.{stage}.{field} went back from {was} to {now}")


def different_server(service, model, used):
    """TritonRetryActionDifferentServer: alive, ready, fewest failures, then the shortest queue."""
    best = None
    for address in service.serving(model):
        if address == used:
            continue
        client = triton.InferenceServerClient(address)
        try:
            if not client.is_server_live() or not client.is_server_ready():
                continue
            stats = client.get_inference_statistics(model).model_stats[0].inference_stats
        except InferenceServerException:
            continue
        waited = stats.queue.ns / stats.queue.count if stats.queue.count else 0
        rank = (stats.fail.count, waited)
        if best is None or rank < best[0]:
            best = (rank, address)
    return best and best[1]
