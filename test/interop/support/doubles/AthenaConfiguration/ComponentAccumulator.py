"""A double: private tools travel through it, nothing else."""


class ComponentAccumulator:
    def __init__(self):
        self._tool = None

    def setPrivateTools(self, tool):
        self._tool = tool

    def popPrivateTools(self):
        tool, self._tool = self._tool, None
        return tool

    def popToolsAndMerge(self, other):
        return other.popPrivateTools()
