"""Checks that the proof calls every public function of the core, each by its path.

    python3 calls.py

By its path, as in `Decoder::end(&decoder)`, because a method's bare name may be another type's as
well. Functions of the core's traits count where the core itself implements them. Ends with 1 and the
names of those that are not called.
"""

import re
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
CORE = HERE.parents[1] / "core" / "src"

# Feature `json`, which README.md says is outside the proof.
OUTSIDE = {Path("serve/json.rs")}

GENERICS = r"(?:<(?:[^<>]|<(?:[^<>]|<[^<>]*>)*>)*>)"
IMPL = re.compile(
    rf"impl{GENERICS}? (?:(?P<trait>\w+){GENERICS}? for )?&?(?:mut )?(?P<type>\w+)"
)
TRAIT = re.compile(r"^pub trait (\w+)", re.M)
FUNCTION = re.compile(r"^ *(?P<public>pub )?(?:const |async )*fn (?P<name>\w+)")


def sources(folder):
    """The text of each file, without its tests."""
    for file in sorted(folder.rglob("*.rs")):
        if file.name != "tests.rs" and file.relative_to(folder) not in OUTSIDE:
            yield file.read_text().split("\n#[cfg(test)]\nmod ")[0]


def public(texts):
    """Each function that a user can call: its type or trait, if any, and its name."""
    traits = {name for text in texts for name in TRAIT.findall(text)}
    for text in texts:
        owner, of_trait = None, False
        for line in text.splitlines():
            if line.startswith("impl"):
                block = IMPL.match(line)
                if not block:
                    sys.exit(f"proof: calls.py cannot read `{line}`")
                of_trait = block["trait"] in traits
                owner = block["trait"] if of_trait else block["type"]
            elif line.startswith("}"):
                owner, of_trait = None, False
            elif (function := FUNCTION.match(line)) and (function["public"] or of_trait):
                yield owner, function["name"]


def is_called(owner, name, text):
    """Whether the text has the path of a function before a bracket, or as a value."""
    generics = rf"(?:::{GENERICS})?"
    before = rf"\b{owner}{generics}::" if owner else r"\w::"
    return re.search(rf"{before}{name}{generics}\s*[(,)]", text)


def main():
    functions = set(public(list(sources(CORE))))
    proof = re.sub(r"//.*", "", "\n".join(sources(HERE / "src")))
    missing = [it for it in functions if not is_called(*it, proof)]
    for owner, name in sorted(missing, key=str):
        print(f"proof: src does not call {owner + '::' if owner else ''}{name}")
    print(f"{len(functions)} public functions, {len(missing)} not called")
    sys.exit(1 if missing or not functions else 0)


main()
