"""A double of CMSSW's configuration language: as much of it as a job with SonicTriton needs.

Values keep their type and whether they are tracked, so that the double of cmsRun can insist on both.
"""


class Value:
    def __init__(self, kind, value, tracked=True):
        self.kind, self.value, self.tracked = kind, value, tracked


class PSet:
    def __init__(self, **values):
        self.__dict__.update(values)


class VPSet(list):
    pass


class Module(PSet):
    def __init__(self, type_, **values):
        super().__init__(**values)
        self.type_ = type_


def _of(kind, tracked):
    return lambda value: Value(kind, value, tracked)


_KINDS = ("bool", "int32", "uint32", "double", "string", "vstring", "FileInPath")


class untracked:
    PSet = PSet


for _kind in _KINDS:
    globals()[_kind] = _of(_kind, True)
    setattr(untracked, _kind, _of(_kind, False))

EDProducer = EDFilter = EDAnalyzer = Source = Module


class Path(list):
    def __init__(self, *modules):
        super().__init__(modules)


class Process:
    def __init__(self, name):
        self.name = name

    def load(self, module):
        if module != "HeterogeneousCore.SonicTriton.TritonService_cff":
            raise ImportError(f"this double has no {module}")
        self.TritonService = PSet(verbose=False, servers=VPSet())
