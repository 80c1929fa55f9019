"""`python -m parity doctor`: whether this installation computes rightly, as a block for a bug report."""

import argparse
import time
from typing import Any

from jaxconv_parity.cli.common import DIFFERENT, OK, device_named, require_torch

_DOCTOR = """\
Checks in under 20 seconds whether this installation of JAX computes correctly. Prints one block to paste into a bug
report: the device, versions, kernels and settings; the precision of float32 products, as measured; whether known wrong
results of past releases occur here; and a selection of the suite."""

_EPILOG = """\
examples:
  parity doctor
  parity doctor --device gpu

exit status: 0 every result is correct; 1 at least one is wrong; 2 the command could not run."""


def add_command(commands: Any) -> None:
    """`doctor`."""
    doctor = commands.add_parser(
        "doctor",
        help="check whether this installation of JAX computes correctly",
        description=_DOCTOR,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    doctor.add_argument(
        "--device", choices=("cpu", "gpu", "tpu"), help="check this device (default: JAX's default device)"
    )
    doctor.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    start = time.perf_counter()
    require_torch()
    import jax

    from parity._report.text import printable
    from parity.suite import doctor

    device = jax.devices()[0] if options.device is None else device_named(options.device)
    print("parity doctor")
    for name, value in doctor.machine(device).items():
        print(printable(f"  {name + ':':<12}{value}"))
    findings = []

    def say(finding: doctor.Finding) -> None:
        findings.append(finding)
        detail = f": {finding.detail}" if finding.detail else ""
        print(printable(f"  {'ok' if finding.ok else 'WRONG':<6}{finding.what}{detail}"), flush=True)
        if not finding.ok:
            print(printable(f"        means: {finding.means}"), flush=True)

    say(doctor.products(device))
    for finding in doctor.known(device):
        say(finding)
    for finding in doctor.cases(device, start):
        say(finding)
    wrong = sum(not finding.ok for finding in findings)
    said = f"{wrong} of {len(findings)} are WRONG" if wrong else f"all {len(findings)} are right"
    print(f"{said}; {time.perf_counter() - start:.0f} s")
    return DIFFERENT if wrong else OK
