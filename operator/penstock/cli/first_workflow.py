"""The Workflow that `penstock init` writes."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from penstock.errors import AlreadyExists, InvalidInput

FILE_NAME: Final = "hello.yaml"

TEXT: Final = """\
# A first Workflow. Run it:  penstock run hello.yaml --set name=Ada
apiVersion: penstock.dev/v1alpha1
kind: Workflow
metadata:
  name: hello
spec:
  description: Greet somebody, then say how long the greeting is.
  inputs:
    type: object
    required: [name]
    properties:
      name: {type: string, description: Whom to greet}
  steps:
    - name: greet
      script:
        runtime: python
        source: |
          greeting = "Hello, " + {{context_name}} + "!"
          print(greeting)
          output({"greeting": greeting})
    - name: measure
      needs: [greet]
      script:
        runtime: python
        source: |
          greeting = steps["greet"]["output"]["greeting"]
          output({"greeting": greeting, "length": len(greeting)})
"""


def write_first_workflow(directory: Path) -> Path:
    """The file that was written into the directory, which is made when missing.

    Raises AlreadyExists when the file is there, InvalidInput when it cannot be written.
    """
    path = directory / FILE_NAME
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(TEXT)
    except FileExistsError as error:
        raise AlreadyExists(f"{path} exists already", hint="Name another directory: penstock init DIR") from error
    except OSError as error:
        raise InvalidInput(f"cannot write {path}: {error.strerror}") from error
    return path
