"""A certificate authority for one test, by the `openssl` command, in a folder of the test's."""

import pathlib
import subprocess

KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]


class Authority:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.issued = 0
        self.path = self.folder / "ca.crt"
        self.openssl("req", "-x509", *KEY, *self.out("ca"), "-subj", "/CN=ca", "-days", "2")

    def server(self):
        """(certificate, key) for this machine's loopback."""
        return self.issue("/CN=localhost", "subjectAltName=DNS:localhost,IP:127.0.0.1")

    def issue(self, subject, extensions="extendedKeyUsage=clientAuth"):
        """(certificate, key) of `subject`, which is as openssl takes it: `/DC=ch/CN=alice`."""
        self.issued += 1
        name = f"issued-{self.issued}"
        certificate, key = self.folder / f"{name}.crt", self.folder / f"{name}.key"
        (self.folder / f"{name}.ext").write_text(extensions + "\n")
        self.openssl("req", *KEY, "-keyout", key, "-out", f"{name}.csr", "-subj", subject)
        by = ["-CA", "ca.crt", "-CAkey", "ca.key", "-set_serial", str(1000 + self.issued)]
        days = ["-days", "1", "-extfile", f"{name}.ext"]
        self.openssl("x509", "-req", "-in", f"{name}.csr", *by, *days, "-out", certificate)
        return certificate, key

    def out(self, name):
        return ["-keyout", f"{name}.key", "-out", f"{name}.crt"]

    def openssl(self, *words):
        command = ["openssl", *map(str, words)]
        subprocess.run(command, check=True, capture_output=True, cwd=self.folder)
