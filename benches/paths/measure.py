#!/usr/bin/env python3
"""What the whole paths of the scenario gateway-hybrid cost to build and to ship.

    benches/paths/measure.py [PATH ...]      rust, rust-split, hybrid, go; all of them without one

Each path is built from nothing, in release, on all cores, with nothing else running: an empty target
folder for cargo, an empty cache for Go (so that its standard library is compiled too), no downloads. The
time is from the start of the first tool to the end of the last, one after the other. An image is what a
container made from scratch would hold: the stripped program and the shared libraries that it is linked to.

The figures of the paths named replace theirs in `paths.toml` beside this file; the others stay. A path takes
one to three minutes.
"""

import argparse
import datetime
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
OUT = HERE / "paths.toml"

# A program: its language, and for Rust its package and binary, for Go its folder.
PROGRAMS = {
    "gateway in Rust": ("rust", "gateway", "gateway"),
    "token service in Rust": ("rust", "gateway", "token-service"),
    "JSON API in Rust": ("rust", "fastjson-api", "fastjson-api"),
    "gateway in Go": ("go", "reference-services/gateway/go", "gateway"),
    "JSON API in Go": ("go", "reference-services/fastjson-api/go", "fastjson-api"),
}
PATHS = {
    "rust": ("All Rust", ["gateway in Rust", "JSON API in Rust"]),
    "rust-split": (
        "All Rust, with the token service apart",
        ["gateway in Rust", "token service in Rust", "JSON API in Rust"],
    ),
    "hybrid": (
        "Hybrid: Go gateway, Rust token service and API",
        ["gateway in Go", "token service in Rust", "JSON API in Rust"],
    ),
    "go": ("All Go", ["gateway in Go", "JSON API in Go"]),
}


def run(command, **options):
    """Runs a command; what it says is shown only if it fails."""
    done = subprocess.run(command, capture_output=True, text=True, **options)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


def built(programs, folder):
    """Builds the programs in an empty folder: their files, and the seconds that each tool took."""
    files, seconds = {}, {"cargo": 0.0, "go": 0.0}
    rust = {name: program for name, program in PROGRAMS.items() if name in programs and program[0] == "rust"}
    if rust:
        command = ["cargo", "build", "--release", "--locked", "--offline", "--quiet"]
        for package in sorted({package for _, package, _ in rust.values()}):
            command += ["--package", package]
        for binary in sorted({binary for _, _, binary in rust.values()}):
            command += ["--bin", binary]
        begun = time.monotonic()
        run(command, cwd=ROOT, env={**os.environ, "CARGO_TARGET_DIR": str(folder / "target")})
        seconds["cargo"] = time.monotonic() - begun
        for name, (_, _, binary) in rust.items():
            files[name] = folder / "target" / "release" / binary
    for name in programs:
        language, source, binary = PROGRAMS[name]
        if language == "go":
            files[name] = folder / "go" / binary
            command = ["go", "build", "-trimpath", "-ldflags=-s -w", "-o", files[name], "."]
            env = {**os.environ, "GOCACHE": str(folder / "cache"), "GOTOOLCHAIN": "local", "GOPROXY": "off"}
            begun = time.monotonic()
            run(command, cwd=ROOT / source, env=env)
            seconds["go"] += time.monotonic() - begun
    return files, seconds


def linked(program):
    """The bytes of the shared libraries that a program is linked to."""
    said = subprocess.run(["ldd", program], capture_output=True, text=True).stdout
    files = {os.path.realpath(path) for path in re.findall(r"(/\S+) \(0x", said)}
    return sum(os.path.getsize(path) for path in files)


def measured(path):
    title, programs = PATHS[path]
    # On the disk of the sources: a folder in memory would be quicker than what people have.
    (ROOT / "target").mkdir(exist_ok=True)
    folder = pathlib.Path(tempfile.mkdtemp(prefix="paths-", dir=ROOT / "target"))
    try:
        files, seconds = built(programs, folder)
        images = []
        for name in programs:
            size = files[name].stat().st_size
            images.append({"name": name, "program_mb": size / 1e6, "image_mb": (size + linked(files[name])) / 1e6})
    finally:
        # Go's cache is written once and read only.
        subprocess.run(["chmod", "-R", "u+w", folder], check=False)
        shutil.rmtree(folder)
    return {
        "id": path,
        "title": title,
        "measured": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d"),
        "clean_build_s": seconds["cargo"] + seconds["go"],
        "cargo_s": seconds["cargo"],
        "go_s": seconds["go"],
        "image": images,
    }


def machine():
    cpu = re.search(r"model name\s*:\s*(.*)", pathlib.Path("/proc/cpuinfo").read_text())
    return {
        "cpu": cpu.group(1) if cpu else "unknown",
        "cores": os.cpu_count(),
        "kernel": f"Linux {os.uname().release}",
        "rustc": run(["rustc", "--version"]).strip(),
        "go": run(["go", "version"]).strip(),
    }


def line(key, value):
    if isinstance(value, float):
        return f"{key} = {value:.3f}\n"
    return f"{key} = {value}\n" if isinstance(value, int) else f'{key} = "{value}"\n'


def written(paths):
    text = "# What the whole paths cost to build and to ship; written by benches/paths/measure.py, which says how.\n"
    text += "schema = 1\n\n[machine]\n"
    text += "".join(line(key, value) for key, value in machine().items())
    for path in paths:
        text += "\n[[path]]\n"
        text += "".join(line(key, value) for key, value in path.items() if key != "image")
        for image in path["image"]:
            text += "\n[[path.image]]\n" + "".join(line(key, value) for key, value in image.items())
    return text


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("path", nargs="*", help="which paths; all of them without one")
    wanted = parser.parse_args().path or list(PATHS)
    if unknown := [path for path in wanted if path not in PATHS]:
        parser.error(f"there is no path {unknown[0]}; there are {', '.join(PATHS)}")
    known = tomllib.loads(OUT.read_text()).get("path", []) if OUT.exists() else []
    known = {path["id"]: path for path in known}
    for path in wanted:
        known[path] = measured(path)
        print(f"{path}: {known[path]['clean_build_s']:.1f} s", file=sys.stderr)
        OUT.write_text(written([known[path] for path in PATHS if path in known]))


if __name__ == "__main__":
    main()
