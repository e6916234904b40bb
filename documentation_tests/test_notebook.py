"""The notebook in examples/: it runs as it stands, has no outputs, and errors read well in it."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

ROOT = Path(__file__).parent.parent
NOTEBOOKS = sorted((ROOT / "examples").glob("**/*.ipynb"))


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.name)
def path(request: pytest.FixtureRequest) -> Path:
    found: Path = request.param
    return found


def run(notebook: Any, where: Path) -> list[Any]:
    """The outputs of each code cell."""
    client = NotebookClient(
        notebook, timeout=200, kernel_name="python3", resources={"metadata": {"path": str(where)}}
    )
    # The kernel uses the package that is tested.
    before = os.environ.get("PYTHONPATH", "")
    client.execute(env=os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{before}"})
    return [cell.outputs for cell in notebook.cells if cell.cell_type == "code"]


def texts(outputs: Any) -> str:
    """What the outputs of a cell say, without colours."""
    said = []
    for output in outputs:
        if output.output_type == "error":
            said.append("\n".join(output.traceback))
        elif output.output_type == "stream":
            said.append(output.text)
        else:
            said += [output.data["text/plain"], output.data.get("text/html", "")]
    return re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(said))


def test_there_is_one() -> None:
    assert [found.name for found in NOTEBOOKS] == ["first_steps.ipynb"]


def test_no_outputs_are_kept(path: Path) -> None:
    notebook = json.loads(path.read_text(encoding="utf-8"))
    nbformat.validate(notebook)
    assert set(notebook["metadata"]) == {"kernelspec", "language_info"}
    assert notebook["metadata"]["language_info"] == {"name": "python"}
    for cell in notebook["cells"]:
        assert set(cell["metadata"]) <= {"tags"}
        if cell["cell_type"] == "code":
            assert (cell["outputs"], cell["execution_count"]) == ([], None)


def test_the_first_steps_run() -> None:
    notebook = nbformat.read(ROOT / "examples" / "first_steps.ipynb", as_version=4)
    connected, loaded, asked, rows, cursor, changed, wrong, closed = map(
        texts, run(notebook, ROOT / "examples")
    )
    assert "<caption>Connection</caption>" in connected
    assert "51955" in loaded
    assert "mean_delay_minutes" in asked and "<table" in asked
    assert re.fullmatch(r"(?:[A-Z0-9]{2} \d+,\d{3}\n){3}", rows)
    assert "Cursor: 3 columns, 5 rows" in cursor
    assert "[('EV', 'ask again'), ('UA', 'on time')]" in changed
    assert wrong.startswith("ProgrammingError: Binder Error: ")
    assert "altertable_dbapi/" not in wrong and "conn.execute" in wrong
    assert len(wrong.splitlines()) < 20
    assert closed == ""


def test_an_error_has_its_message_first_and_every_frame_on_request() -> None:
    cells = [
        "import os, altertable_dbapi",
        "conn = altertable_dbapi.connect('local', autocommit=True)",
        "def ask(text):\n    return conn.execute(text).fetchall()",
        "ask('FROM nope')",
        "os.environ['ALTERTABLE_TRACEBACK'] = 'full'\nask('FROM nope')",
        "conn.close()",
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code) for code in cells])
    for cell in notebook.cells[3:5]:
        cell.metadata["tags"] = ["raises-exception"]
    *_, short, full, closed = map(texts, run(notebook, ROOT))
    assert short.startswith("ProgrammingError: Catalog Error: Table with name nope does not exist")
    assert "----> 2     return conn.execute(text).fetchall()" in short
    assert "altertable_dbapi/" not in short and len(short.splitlines()) < 25
    assert "altertable_dbapi/" in full and len(full.splitlines()) > 60
    assert closed == ""
