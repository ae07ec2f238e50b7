"""Writes the bodies beside it; the same seed gives the same bytes: `python3 make.py`."""
import json
import random
from pathlib import Path

HERE = Path(__file__).parent
draw = random.Random(20261121)
WORDS = "amber birch cedar delta ember fjord grove haven iris jade kelp lotus mesa nova".split()


def record(number):
    """Members out of order, numbers written in ways that canonical form changes, some escapes."""
    return {
        "updated": f"2026-{draw.randrange(1, 13):02}-{draw.randrange(1, 29):02}T08:00:00Z",
        "id": f"r-{number:05}",
        "price": draw.choice([1.50, 20.0, 333.125, 1e21, 0.0000012]) * draw.randrange(1, 99),
        "count": draw.randrange(0, 10**6),
        "name": " ".join(draw.choice(WORDS) for _ in range(4)) + draw.choice(["", " é", ' "q"', "\u20ac"]),
        "ratio": draw.random(),
        "flags": [draw.random() < 0.5 for _ in range(4)],
        "at": {"y": draw.uniform(-90, 90), "x": draw.uniform(-180, 180), "z": None},
        "B": draw.choice(WORDS),
        "a": draw.choice(WORDS),
    }


def small_objects():
    """Short members in many small objects: what costs a collector the most to mark."""
    item = lambda number: {"id": f"i{number}", "tag": draw.choice(WORDS), "at": {"x": "1", "y": "2"}}
    return {"items": [item(number) for number in range(60)]}


def write(name, value):
    (HERE / name).write_text(json.dumps(value, indent=1) + "\n")


write("records.json", {"records": [record(number) for number in range(160)]})
(HERE / "small-objects.json").write_text(json.dumps(small_objects(), separators=(",", ":")) + "\n")
