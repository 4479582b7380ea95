#!/usr/bin/env python3
"""Shows that each mistake of mutants.toml is caught, and writes the table in README.md.

All mistakes are built into one copy of the sources, each behind a switch that NCSN_MUTANT selects. With each in turn
`ncsn validate` is run, and where it passes, the tests of both crates. Only the numbers given as arguments, if any.

usage: run.py [--jobs J] [NUMBER...]
"""

import argparse
import concurrent.futures
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time
import tomllib

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
COPY = ROOT / "target" / "mutants"
# Mistakes may loop for ever: a run may take this many times what it takes without one, and some seconds.
PATIENCE, SECONDS = 6, 20

SWITCH = '''

#[doc(hidden)]
pub fn mutant(number: usize) -> bool {
    static CHOSEN: std::sync::LazyLock<usize> =
        std::sync::LazyLock::new(|| std::env::var("NCSN_MUTANT").ok().and_then(|n| n.parse().ok()).unwrap_or(0));
    *CHOSEN == number
}
'''


def mutated(text, mutants):
    """The text with every mutant of its file behind its switch."""
    places = []
    for number, mutant in mutants:
        within = mutant.get("within", mutant["old"])
        if text.count(within) != 1 or within.count(mutant["old"]) != 1:
            sys.exit(f"mutant {number} ({mutant['name']}): {mutant['old']!r} does not occur once in {mutant['file']}")
        start = text.index(within) + within.index(mutant["old"])
        places.append((start, start + len(mutant["old"]), number, mutant))
    places.sort()
    pieces, end = [], 0
    for start, stop, number, mutant in places:
        if start < end:
            sys.exit(f"mutant {number} ({mutant['name']}) overlaps another")
        choice = f"(if crate::mutant({number}) {{ {mutant['new']} }} else {{ {mutant['old']} }})"
        pieces += [text[end:start], choice]
        end = stop
    return "".join(pieces) + text[end:]


def build(mutants):
    """Copies the sources with all mutants and compiles them; returns the program and the tests."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.splitlines()
    sources = COPY / "sources"
    for old in sources.glob("**/*.rs"):
        old.unlink()
    by_file = {}
    for number, mutant in enumerate(mutants, 1):
        by_file.setdefault(mutant["file"], []).append((number, mutant))
    for name in listed:
        target = sources / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, target)
        if name in by_file:
            target.write_text(mutated(target.read_text(), by_file.pop(name)))
    if by_file:
        sys.exit(f"no such file: {', '.join(by_file)}")
    library = sources / "theory/src/lib.rs"
    library.write_text(library.read_text() + SWITCH)
    diameter = sources / "diameter/src/lib.rs"
    diameter.write_text(diameter.read_text() + "\n#[doc(hidden)]\npub use ncsn_theory::mutant;\n")
    env = os.environ | {"CARGO_TARGET_DIR": str(COPY / "target")}

    def run(*arguments):
        done = subprocess.run(["cargo", *arguments], cwd=sources, env=env, capture_output=True, text=True)
        # Of the warnings there are many: a switch in parentheses is not what a person would write.
        return done.stdout if done.returncode == 0 else sys.exit(done.stderr)

    run("build", "--release", "--bin", "ncsn")
    messages = run(
        *"test --release -p ncsn-theory -p ncsn-diameter --lib --tests --no-run --message-format=json-render-diagnostics".split()
    )
    tests = [json.loads(line).get("executable") for line in messages.splitlines()]
    return COPY / "target/release/ncsn", [test for test in tests if test]


class Run:
    """The outcome of a program with a mutant: its status (None: out of time), its output, its seconds."""

    def __init__(self, command, number, limit):
        env = os.environ | {"NCSN_MUTANT": str(number), "RAYON_NUM_THREADS": "1"}
        started = time.monotonic()
        try:
            done = subprocess.run(
                command, env=env, cwd=COPY / "sources/theory", capture_output=True, text=True, timeout=limit
            )
            self.status, self.output, self.errors = done.returncode, done.stdout, done.stderr
        except subprocess.TimeoutExpired:
            self.status, self.output, self.errors = None, "", ""
        self.seconds = time.monotonic() - started


def validate(program, number, limit=None):
    """What `ncsn validate` says of a mutant; nothing where all checks pass."""
    run = Run([program, "validate", "--format", "json"], number, limit)
    if run.status == 0:
        return None, run.seconds
    if run.status is None:
        return "`validate`: no end", run.seconds
    if run.status == 1:
        failed = [check for check in json.loads(run.output)["checks"] if check["holds"] is False]
        statements = list(dict.fromkeys(check["statement"].split(":")[0] for check in failed))
        return f"`validate`: {len(failed)} of its checks ({', '.join(statements)})", run.seconds
    first = (run.errors.strip().splitlines() or ["no message"])[0]
    return f"`validate`: status {run.status}, {first}", run.seconds


def tests(executables, number, limits=None):
    """The first test that fails; nothing where all pass."""
    seconds = []
    for index, test in enumerate(executables):
        run = Run([test, "--test-threads=1"], number, limits and limits[index])
        seconds.append(run.seconds)
        name = re.sub(r"-[0-9a-f]+$", "", pathlib.Path(test).name)
        if run.status is None:
            return f"`{name}`: no end", seconds
        if run.status != 0:
            failed = re.findall(r"^test (\S+) .*FAILED$", run.output, re.M)
            more = f" and {len(failed) - 1} more" if len(failed) > 1 else ""
            return f"`{name}`: `{(failed or ['?'])[0]}`{more}", seconds
    return None, seconds


def table(mutants, caught):
    cell = lambda text: text.replace("|", "\\|").replace("\n", " ")
    rows = [
        f"| {number} | {cell(mutant['name'])} | `{mutant['file']}` | {cell(caught[number])} |"
        for number, mutant in enumerate(mutants, 1)
    ]
    by_validate = sum(text.startswith("`validate`") for text in caught.values())
    return "\n".join([
        "# What the checks catch",
        "",
        f"{len(mutants)} one-line mistakes, listed with their text in `mutants.toml`, each tried alone: "
        f"`ncsn validate` catches {by_validate} of them, the tests of `ncsn-theory` and `ncsn-diameter` (`--lib --tests`, tried where "
        f"`validate` passes) {len(mutants) - by_validate}. Without a mistake both pass. *No end*: stopped after "
        f"{PATIENCE} times what the run takes without a mistake, and {SECONDS} s.",
        "",
        "`make mutants` makes this table anew; `cargo test --test mutants` shows that every mistake still applies to the "
        "sources and stands here.",
        "",
        "| | Mistake | File | Caught by |",
        "|---|---|---|---|",
        *rows,
        "",
    ])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("numbers", type=int, nargs="*")
    arguments = parser.parse_args()
    mutants = tomllib.loads((HERE / "mutants.toml").read_text())["mutant"]
    program, executables = build(mutants)
    verdict, seconds = validate(program, 0)
    failing, times = tests(executables, 0)
    if verdict or failing:
        sys.exit(f"without a mutant: {verdict or ''} {failing or ''}")
    print(f"without a mutant: validate {seconds:.0f} s, tests {sum(times):.0f} s", flush=True)
    limit, limits = PATIENCE * seconds + SECONDS, [PATIENCE * time + SECONDS for time in times]

    def judge(number):
        verdict = validate(program, number, limit)[0] or tests(executables, number, limits)[0] or "NOTHING"
        print(f"{number:3} {mutants[number - 1]['name']}: {verdict}", flush=True)
        return number, verdict

    chosen = arguments.numbers or range(1, len(mutants) + 1)
    with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        caught = dict(pool.map(judge, chosen))
    if not arguments.numbers:
        (HERE / "README.md").write_text(table(mutants, caught))
    survivors = [number for number, verdict in caught.items() if verdict == "NOTHING"]
    if survivors:
        sys.exit(f"caught by nothing: {', '.join(map(str, survivors))}")


if __name__ == "__main__":
    main()
