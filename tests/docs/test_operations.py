"""Every command of the text on operations does what the text says."""

from pathlib import Path

from eventstore_cassandra.operations import Check
from tests.docs.blocks import ROOT, blocks
from tests.docs.test_readme import Shell

TEXT = ROOT / "docs" / "operations.md"


def test_the_commands_run_one_after_the_other(
    tmp_path: Path, cassandra_env: dict[str, str]
) -> None:
    shell = Shell(tmp_path)
    shell.env |= cassandra_env
    found = blocks(TEXT)
    assert {block.language for block in found} == {"sh"}
    for block in found:
        shell.do(block.code)


def test_every_finding_is_explained() -> None:
    text = TEXT.read_text(encoding="utf-8")
    _, _, table = text.partition("| finding |")
    explained, _, _ = table.partition("\n\n")
    rows = explained.splitlines()[2:]
    assert len(rows) == len(Check) - 1, "two findings share a row"
