"""A double: flags that hold nothing."""


class Flags:
    def lock(self):
        pass


def initConfigFlags():
    return Flags()
