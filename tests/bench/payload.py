# SPDX-License-Identifier: GPL-3.0-or-later
"""Write modules as the programs that Ansible sends to a host: `payload.py REQUESTS`, a file of JSON.

REQUESTS is a list of objects with name (of the module), path (of its source), arguments and file (to write).
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from ansible.executor.module_common import modify_module
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar
from ansible.utils.collection_loader._collection_finder import _AnsibleCollectionFinder

REPO = Path(__file__).resolve().parent.parent.parent


def main() -> None:
    _AnsibleCollectionFinder(paths=[str(REPO / ".collections")])._install()
    templar = Templar(loader=DataLoader())
    for request in json.loads(Path(sys.argv[1]).read_text()):
        built = modify_module(
            module_name=request["name"],
            module_path=request["path"],
            module_args=request["arguments"],
            templar=templar,
            task_vars={"ansible_playbook_python": sys.executable},
            remote_is_local=True,
        )
        Path(request["file"]).write_bytes(built.b_module_data)


if __name__ == "__main__":
    main()
