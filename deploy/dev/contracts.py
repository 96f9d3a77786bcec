"""One kind of import contract that import-linter lacks: a list of what a package may import, rather than of what it may not."""

import sys

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output

IMPURE = frozenset(
    "asyncio concurrent ctypes ftplib getpass glob http imaplib importlib io logging mmap multiprocessing os pathlib pickle "
    "platform poplib random secrets select selectors shelve shutil signal smtplib socket socketserver sqlite3 ssl subprocess "
    "tempfile threading time urllib webbrowser".split()
)
"""Of the standard library: what reads or writes the world, waits, reads a clock, or answers differently twice."""


class PureContract(Contract):
    """`modules` import nothing but themselves, what is `allowed`, and those parts of the standard library that only compute.

    `datetime.now` is not an import, so it is not seen here: the linter bans that call.
    """

    type_name = "pure"

    modules = fields.ListField(subfield=fields.StringField())
    allowed = fields.ListField(subfield=fields.StringField(), required=False, default=[])

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:  # noqa: ARG002, FBT001 - import-linter's signature
        """Look at every direct import of every module."""
        packages = [str(name) for name in self.modules]  # type: ignore[attr-defined]
        may = [*packages, *(str(name) for name in self.allowed)]  # type: ignore[attr-defined]
        importers = sorted({module for name in packages for module in [name, *graph.find_descendants(name)]})
        wrong = [
            (importer, imported)
            for importer in importers
            for imported in sorted(graph.find_modules_directly_imported_by(importer))
            if not _may_import(imported, may)
        ]
        return ContractCheck(kept=not wrong, metadata={"wrong": wrong})

    def render_broken_contract(self, check: ContractCheck) -> None:
        """Name each import that should not be."""
        for importer, imported in check.metadata["wrong"]:
            output.print_error(f"{importer} imports {imported}", bold=False)
        output.new_line()


def _may_import(imported: str, allowed: list[str]) -> bool:
    if any(imported == name or imported.startswith(f"{name}.") for name in allowed):
        return True
    top_level = imported.partition(".")[0]
    return top_level in sys.stdlib_module_names and top_level not in IMPURE
