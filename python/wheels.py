"""Builds the wheel: the package with the program in paspo/bin. It needs nothing but Python,
so that `pip wheel` fetches nothing. auditwheel then adds the program's libraries."""

import base64
import hashlib
import os
import re
import sysconfig
import zipfile
from pathlib import Path

HERE = Path(__file__).parent


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    project = (HERE / "pyproject.toml").read_text()

    def setting(name):
        return re.search(rf'^{name} = "(.*)"$', project, re.M)[1]

    program = Path(os.environ.get("PASPO_BINARY") or HERE.parent / "bin" / "train")
    if not program.is_file():
        raise SystemExit(f"there is no program {program}: make build makes it, or PASPO_BINARY names one")
    version = setting("version")
    platform = re.sub(r"[-.]", "_", sysconfig.get_platform())
    info = f"paspo-{version}.dist-info"
    files = {f"paspo/{f.name}": (f.read_bytes(), 0o644) for f in sorted((HERE / "paspo").glob("*.py"))}
    files["paspo/bin/train"] = (program.read_bytes(), 0o755)
    needed = re.search(r"^dependencies = \[(.*)\]$", project, re.M)[1]
    metadata = [
        "Metadata-Version: 2.1", "Name: paspo", f"Version: {version}", f"Summary: {setting('description')}",
        f"Requires-Python: {setting('requires-python')}", *(f"Requires-Dist: {d}" for d in re.findall(r'"(.*?)"', needed)),
    ]
    for name, lines in (
        ("METADATA", metadata),
        ("WHEEL", ["Wheel-Version: 1.0", "Generator: paspo", "Root-Is-Purelib: false", f"Tag: py3-none-{platform}"]),
        ("entry_points.txt", ["[console_scripts]", f"paspo = {setting('paspo')}"]),
    ):
        files[f"{info}/{name}"] = ("\n".join(lines + [""]).encode(), 0o644)
    record = []
    for name, (data, _) in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        record.append(f"{name},sha256={digest},{len(data)}\n")
    files[f"{info}/RECORD"] = ("".join(record + [f"{info}/RECORD,,\n"]).encode(), 0o644)
    wheel = f"paspo-{version}-py3-none-{platform}.whl"
    with zipfile.ZipFile(Path(wheel_directory, wheel), "w", zipfile.ZIP_DEFLATED) as z:
        for name, (data, mode) in files.items():
            entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            entry.external_attr = (0o100000 | mode) << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            z.writestr(entry, data)
    return wheel
