"""PyTorch's package from PyPI is linked to 3 GB of GPU libraries that nothing calls where it runs on the CPU. Here empty
ones with the names and versions of their symbols take their place: every function of theirs returns an error."""

import collections
import subprocess

GPU = ("libcu", "libnv", "libnccl")
SYMBOLS = ("cu", "nv", "NV", "nccl", "__cuda")


def lines(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()


def write(folder):
    """Writes the libraries of GPUs that those in the folder need and that are not there."""
    needed, symbols = set(), collections.defaultdict(set)
    for f in folder.glob("*.so*"):
        needed |= {s.split("[")[1].rstrip("]") for s in lines("readelf", "-d", f) if "(NEEDED)" in s}
        for s in lines("nm", "-D", "--undefined-only", f):
            name, _, version = s.split()[-1].partition("@")
            if name.startswith(SYMBOLS):
                symbols[version.lstrip("@")].add(name)
    for library in sorted(needed):
        if not library.startswith(GPU) or (folder / library).exists():
            continue
        # The version of a symbol is the name of its library, but for one. Those without one may be anywhere.
        version = "NVSHMEM" if library.startswith("libnvshmem_host") else library if library in symbols else ""
        code = "".join(f"int {name}(void) {{ return 999; }}\n" for name in sorted(symbols[version]))
        command = ["gcc", "-w", "-fno-builtin", "-shared", "-fPIC", "-o", folder / library, f"-Wl,-soname,{library}", "-x", "c", "-"]
        if version:
            script = folder / "version.map"
            script.write_text(f"{version} {{ *; }};\n")
            command.append(f"-Wl,--version-script={script}")
        subprocess.run(command, input=code, text=True, check=True, capture_output=True)
