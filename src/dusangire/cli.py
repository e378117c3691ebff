"""The command line: each command calls one service or one function of the kernel."""

import argparse
import asyncio
import sys
from collections.abc import Sequence
from importlib import import_module

from dusangire.kernel.settings import SettingsError, settings


def main(arguments: Sequence[str] | None = None) -> None:
    """Run `dusangire <command>`. Exit code 2 for wrong settings, with the mend in words."""
    parser = argparse.ArgumentParser(prog="dusangire", description="Hospital meals that fit the patient.")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, (function, words) in COMMANDS.items():
        command = commands.add_parser(name, help=words)
        command.set_defaults(run=function)
        if name == "demo-lunch":
            command.add_argument("--address", default=None, help="where the server runs (default: the PUBLIC_URL)")
            command.add_argument("--patients", type=int, default=100)
            command.add_argument("--minutes", type=float, default=3.0, help="how long the lunch hour takes")
    said = parser.parse_args(arguments)
    try:
        sys.exit(said.run(said) or 0)
    except SettingsError as error:
        print(error, file=sys.stderr)
        sys.exit(2)


def _serve(_: argparse.Namespace) -> int:
    from dusangire.kernel.embedded import NoDatabase
    from dusangire.kernel.supervise import supervise

    commands = {
        "web": [sys.executable, "-m", "dusangire.web"],
        "worker": [sys.executable, "-m", "dusangire.cli", "worker"],
    }
    if settings().simulates:
        commands["providers"] = [sys.executable, "-m", "dusangire.cli", "simulate-providers"]
    try:
        return supervise(settings(), lambda: _prepare(None), commands, _announce)
    except NoDatabase as error:
        print(error, file=sys.stderr)
        return 1


def _prepare(_: argparse.Namespace | None) -> None:
    """Migrate, complete the hospitals there are, and outside production make sure that the demo ones are there."""
    from dusangire import upgrade
    from dusangire.kernel.schema import prepare

    asyncio.run(prepare(settings().owner_url, settings()))
    asyncio.run(upgrade.complete())
    if not settings().is_production:
        _seed(None)


def _seed(_: argparse.Namespace | None) -> None:
    from dusangire import demo

    asyncio.run(demo.seed())


def _announce() -> None:
    from dusangire import demo
    from dusangire.kernel.supervise import answers

    if answers(settings()):
        print(demo.welcome(), flush=True)


def _worker(_: argparse.Namespace) -> None:
    from dusangire import worker

    asyncio.run(worker.run())


def _simulate_providers(_: argparse.Namespace) -> int:
    from dusangire.simulators import app

    if settings().is_production:
        print("The simulated providers move no money; they are not for production.", file=sys.stderr)
        return 2
    app.serve()
    return 0


def _register_fiscal_device(_: argparse.Namespace) -> int:
    """Print the key that the revenue authority gives this device, once; it goes into EBM_KEY."""
    from dusangire.payments.gateways import fiscal
    from dusangire.payments.rules.fiscal import NotNow

    async def register() -> str | NotNow:
        device = fiscal()
        return await device.register() if device else NotNow("EBM_BASE_URL is not set.")

    said = asyncio.run(register())
    if isinstance(said, NotNow):
        print(said.said, file=sys.stderr)
        return 1
    print(said)
    return 0


def _judge(_: argparse.Namespace) -> None:
    """Read one case per line from standard input, print one answer per line."""
    service = import_module("dusangire.diets.service")
    for answer in service.judge_lines(sys.stdin):
        print(answer)


def _check(_: argparse.Namespace) -> int:
    from dusangire.kernel.doctor import check

    return asyncio.run(check(settings()))


def _demo_lunch(said: argparse.Namespace) -> int:
    from dusangire import demo_lunch

    return asyncio.run(demo_lunch.play(said.address or settings().public_url, said.patients, said.minutes * 60))


COMMANDS = {
    "serve": (_serve, "start everything: database (unless DATABASE_URL is set), web and worker"),
    "prepare": (_prepare, "migrate the database, complete its hospitals, and outside production seed the demo ones"),
    "seed": (_seed, "load menu, diets, wards and the demo hospitals; twice is once"),
    "worker": (_worker, "run the worker alone"),
    "simulate-providers": (_simulate_providers, "run local servers that play MTN, Airtel and the revenue authority"),
    "register-fiscal-device": (_register_fiscal_device, "register at the revenue authority and print the EBM_KEY"),
    "judge": (_judge, "answer dietary verdict cases, one JSON object per line"),
    "check": (_check, "look at settings, database, policies, clock and disk, and say what to mend"),
    "demo-lunch": (_demo_lunch, "play a lunch hour against the running server"),
}


if __name__ == "__main__":
    main()
