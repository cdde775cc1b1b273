#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ask the built library what each function answers on each model, and write the table of docs/nvml-functions.md.

The calls are made of the official nvml.h: one for each function, with arguments that a real board would accept.

    answers.py --header nvml.h [--build DIR] [--profiles DIR] [--doc FILE] [--check]
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from gen_unsupported import Function, Parameter, parse_functions, parse_versions, strip_comments

NVML = Path(__file__).resolve().parent.parent
REPO = NVML.parent.parent
PROGRAM = NVML / "tools" / "answers.c"

# How the table names what is not plain success.
MARKS = {
    "SUCCESS": "yes",
    "NOT_SUPPORTED": "-",
    "INVALID_ARGUMENT": "argument",
    "NO_PERMISSION": "permission",
    "NOT_FOUND": "none",
    "INSUFFICIENT_SIZE": "size",
    "ARGUMENT_VERSION_MISMATCH": "version",
    "IN_USE": "in use",
}
# What answers by the machine and not by the model: whether it has the CPUs that a profile names.
HOST_DEPENDENT = {"nvmlDeviceSetCpuAffinity"}
# What a function wants that its prototype does not tell.
ARGUMENTS: dict[tuple[str, str], str] = {
    ("nvmlDeviceGetAPIRestriction", "apiType"): "NVML_RESTRICTED_API_SET_APPLICATION_CLOCKS",
    ("nvmlDeviceSetAPIRestriction", "apiType"): "NVML_RESTRICTED_API_SET_APPLICATION_CLOCKS",
    ("nvmlDeviceGetMemoryErrorCounter", "locationType"): "NVML_MEMORY_LOCATION_DEVICE_MEMORY",
    ("nvmlDeviceGetSupportedGraphicsClocks", "memoryClockMHz"): "memory_clock()",
    ("nvmlDeviceGetPciInfoExt", "pci"): "buffer(1, nvmlPciInfoExt_v1)",
    ("nvmlSystemGetConfComputeSettings", "settings"): "buffer(0, nvmlSystemConfComputeSettings_v1)",
    ("nvmlDeviceGetHandleByUUIDV", "uuid"): "uuid_request()",
    ("nvmlDeviceSetApplicationsClocks", "memClockMHz"): "memory_clock()",
    ("nvmlDeviceSetApplicationsClocks", "graphicsClockMHz"): "graphics_clock()",
    ("nvmlDeviceSetGpuLockedClocks", "minGpuClockMHz"): "graphics_clock()",
    ("nvmlDeviceSetGpuLockedClocks", "maxGpuClockMHz"): "graphics_clock()",
    ("nvmlDeviceSetMemoryLockedClocks", "minMemClockMHz"): "memory_clock()",
    ("nvmlDeviceSetMemoryLockedClocks", "maxMemClockMHz"): "memory_clock()",
    ("nvmlDeviceSetPowerManagementLimit", "limit"): "power_limit()",
    ("nvmlDeviceGetGpuInstanceProfileInfo", "profile"): "NVML_GPU_INSTANCE_PROFILE_1_SLICE",
    ("nvmlDeviceGetGpuInstanceProfileInfoV", "profile"): "NVML_GPU_INSTANCE_PROFILE_1_SLICE",
    ("nvmlDeviceGetGpuInstanceProfileInfoByIdV", "profileId"): "gpu_instance_profile()",
    ("nvmlDeviceGetGpuInstancePossiblePlacements", "profileId"): "gpu_instance_profile()",
    ("nvmlDeviceGetGpuInstancePossiblePlacements_v2", "profileId"): "gpu_instance_profile()",
    ("nvmlDeviceGetGpuInstanceRemainingCapacity", "profileId"): "gpu_instance_profile()",
    ("nvmlDeviceCreateGpuInstance", "profileId"): "gpu_instance_profile()",
    ("nvmlDeviceGetCpuAffinityWithinScope", "scope"): "NVML_AFFINITY_SCOPE_NODE",
    ("nvmlDeviceGetMemoryAffinity", "scope"): "NVML_AFFINITY_SCOPE_NODE",
    ("nvmlDeviceRegisterEvents", "eventTypes"): "nvmlEventTypeXidCriticalError",
    ("nvmlDeviceGetViolationStatus", "perfPolicyType"): "NVML_PERF_POLICY_POWER",
    ("nvmlDeviceGetFieldValues", "valuesCount"): "1",
    ("nvmlDeviceClearFieldValues", "valuesCount"): "1",
    ("nvmlDeviceSetPersistenceMode", "mode"): "NVML_FEATURE_ENABLED",
}
# A pointer that is read, not only written.
POINTERS: dict[tuple[str, str], str] = {
    ("nvmlDeviceGetFieldValues", "values"): "field(NVML_FI_DEV_MEMORY_TEMP)",
    ("nvmlDeviceClearFieldValues", "values"): "field(NVML_FI_DEV_NVLINK_COUNT_XMIT_PACKETS)",
    ("nvmlDeviceSetPowerManagementLimit_v2", "powerValue"): "power_value()",
    ("nvmlDeviceSetNvLinkDeviceLowPowerThreshold", "info"): "buffer(1, NVML_NVLINK_LOW_POWER_THRESHOLD_MIN)",
}


def argument(function: Function, parameter: Parameter, position: int, versions: dict[str, list[str]]) -> str:
    """A C expression for a parameter; position numbers the scratch buffers."""
    key = (function.name, parameter.name)
    if key in ARGUMENTS or key in POINTERS:
        return ARGUMENTS.get(key) or POINTERS[key]
    if parameter.type == "nvmlDevice_t":
        return "other" if parameter.name.endswith("2") else "gpu"
    if parameter.type == "nvmlEventSet_t":
        return "event_set()"
    if parameter.type == "nvmlGpmSample_t":
        return "gpm_sample()"
    if parameter.type == "const char *":
        return f'text_of("{parameter.name}")'
    if parameter.type == "nvmlPciInfo_t *" and "nvmlDevice_t" not in {p.type for p in function.parameters}:
        return "pci_info()"
    if parameter.type == "nvmlGpmMetricsGet_t *":
        return f"gpm_request({position})"
    if parameter.type.startswith("nvmlSystem") and parameter.type.endswith("Request_t *"):
        return f"system_event_request({position}, {versions[parameter.pointee][-1]})"
    if parameter.type == "nvmlGpmSupport_t *":
        return f"buffer({position}, NVML_GPM_SUPPORT_VERSION)"
    if parameter.is_pointer:
        first = versions[parameter.pointee][-1] if parameter.pointee in versions else "0"
        if parameter in function.counts:
            first = "2048"
        return f"buffer({position}, {first})"
    if parameter.name == "pid":
        return "(unsigned int)getpid()"
    # Of a buffer; an enumeration may have such a name too.
    if parameter.type == "unsigned int" and re.search(r"length|size|count", parameter.name, re.I):
        return "96"
    return "0"


def render_call(function: Function, versions: dict[str, list[str]]) -> str:
    arguments = ", ".join(argument(function, p, n, versions) for n, p in enumerate(function.parameters))
    return f"static nvmlReturn_t call_{function.name}(void)\n{{\n\treturn CALL({function.name})({arguments});\n}}\n"


def render_calls(functions: Iterable[Function], versions: dict[str, list[str]]) -> str:
    functions = list(functions)
    table = "".join(f'\t{{ "{f.name}", call_{f.name} }},\n' for f in functions)
    return (
        "\n".join(render_call(f, versions) for f in functions)
        + f"\nstatic const struct call calls[] = {{\n{table}}};\n"
    )


def error_names(header: str) -> dict[int, str]:
    body = re.search(r"typedef\s+enum\s+nvmlReturn_enum\s*\{(.*?)\}", header, re.S)
    assert body, "nvml.h has no nvmlReturn_enum"
    return {int(n): re.sub("^ERROR_", "", name) for name, n in re.findall(r"NVML_(\w+)\s*=\s*(\d+)", body[1])}


def ask(program: Path, library_folder: Path, profile: Path) -> dict[str, int]:
    environment = {**os.environ, "MOCK_NVML_CONFIG": str(profile)}
    library = next(library_folder.glob("libnvidia-ml.so.*.*"))
    done = subprocess.run([program, library.resolve()], env=environment, capture_output=True, text=True, check=True)
    return {name: int(code) for name, code in (line.split() for line in done.stdout.splitlines())}


def build(header_file: Path, folder: Path) -> Path:
    """The program, in folder."""
    header = strip_comments(header_file.read_text())
    program = folder / "answers"
    (folder / "calls.inc").write_text(render_calls(parse_functions(header).values(), parse_versions(header)))
    include = [f"-I{header_file.parent}", f"-I{folder}"]
    subprocess.run([os.environ.get("CC", "gcc"), "-w", "-g", *include, PROGRAM, "-o", program, "-ldl"], check=True)
    return program


def answers(header_file: Path, library_folder: Path, profiles: Iterable[Path]) -> dict[str, dict[str, str]]:
    """Function -> model -> name of its nvmlReturn_t without NVML_ and ERROR_."""
    names = {**error_names(strip_comments(header_file.read_text())), 249: "UNKNOWN", 250: "missing", 251: "no start"}
    table: dict[str, dict[str, str]] = {}
    with tempfile.TemporaryDirectory() as folder:
        program = build(header_file, Path(folder))
        for profile in profiles:
            for function, code in ask(program, library_folder, profile).items():
                answer = "host" if function in HOST_DEPENDENT else names.get(code, f"signal {code - 1000}")
                table.setdefault(function, {})[profile.stem] = answer
    return table


def render_document(table: dict[str, dict[str, str]]) -> str:
    models = list(next(iter(table.values())))
    lines = ["| function | " + " | ".join(models) + " |", "|---|" + "---|" * len(models)]
    for function in sorted(table):
        cells = [MARKS.get(table[function][model], table[function][model].lower()) for model in models]
        lines.append(f"| `{function}` | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def replace_table(text: str, table: str) -> str:
    head, _, _ = text.partition("| function |")
    return head + table


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--header", type=Path, required=True, help="the official nvml.h")
    parser.add_argument("--build", type=Path, default=NVML / "build")
    parser.add_argument("--profiles", type=Path, default=REPO / "charts" / "gpu-mock" / "profiles")
    parser.add_argument("--doc", type=Path, default=REPO / "docs" / "nvml-functions.md")
    parser.add_argument("--check", action="store_true", help="only say whether the document is up to date")
    parser.add_argument(
        "--program", type=Path, metavar="DIR", help="only build the program that makes the calls, in DIR"
    )
    parser.add_argument("--json", action="store_true", help="print the answers instead")
    arguments = parser.parse_args()
    if arguments.program:
        build(arguments.header, arguments.program)
        return 0
    found = answers(arguments.header, arguments.build, sorted(arguments.profiles.glob("*.yaml")))
    if arguments.json:
        json.dump(found, sys.stdout, indent=1)
        return 0
    old = arguments.doc.read_text()
    new = replace_table(old, render_document(found))
    if arguments.check:
        if old != new:
            print(
                f"{arguments.doc} is not what the library answers: write it with {Path(__file__).name}", file=sys.stderr
            )
        return int(old != new)
    arguments.doc.write_text(new)
    return 0


if __name__ == "__main__":
    sys.exit(main())
