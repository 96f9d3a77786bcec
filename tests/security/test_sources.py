"""What the code does not do, seen in all of it at once: no program started, no code made of text, no weak hash, no redirect followed."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("adapters", "broker", "schemas")
KEY_SERVICE = "broker/storage/key_sources.py"
"""Runs the command that the operator's settings name for a key management service; nothing of a message reaches it."""
SECRETS = ("broker/web/", "broker/storage/codec", "broker/gateway/", "adapters/channels/")
"""Where secrets are compared."""
BENCHES = "broker/cli/bench_servers.py"
"""Starts our own processes on an operator's word; no process that serves imports it."""


@cache
def sources() -> dict[str, ast.Module]:
    """Path from the root → parsed file."""
    files = (file for package in PACKAGES for file in sorted((ROOT / package).rglob("*.py")))
    return {str(file.relative_to(ROOT)): ast.parse(file.read_bytes()) for file in files}


@cache
def nodes() -> list[tuple[str, ast.AST]]:
    """(file, node) of everything."""
    return [(path, node) for path, tree in sources().items() for node in ast.walk(tree)]


@cache
def calls() -> list[tuple[str, str, ast.Call]]:
    """(file and line, what is called as written, the call)."""
    found = ((path, node) for path, node in nodes() if isinstance(node, ast.Call))
    return [(f"{path}:{call.lineno}", ast.unparse(call.func), call) for path, call in found]


@cache
def words() -> list[tuple[str, str, str]]:
    """(file and line, name of an argument, its value as written)."""
    return [(where, word.arg or "", ast.unparse(word.value)) for where, _, call in calls() for word in call.keywords]


def imports() -> Iterator[tuple[str, str]]:
    """(file, module that it imports)."""
    for path, node in nodes():
        if isinstance(node, ast.Import):
            yield from ((path, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield path, node.module or ""


def files_importing(*modules: str) -> set[str]:
    return {path for path, module in imports() if module.split(".")[0] in modules}


def test_every_package_is_looked_at():
    assert {path.split("/")[0] for path in sources()} == set(PACKAGES)
    assert len(sources()) > 300


def test_no_program_is_started():
    assert files_importing("subprocess", "multiprocessing", "pty", "popen2") <= {BENCHES, KEY_SERVICE}
    [[run]] = [[call for where, name, call in calls() if where.startswith(KEY_SERVICE) and name == "subprocess.run"]]
    assert "shell" not in {word.arg for word in run.keywords}
    started = [where for where, name, _ in calls() if re.fullmatch(r"os\.(system|popen|exec\w+|spawn\w+)", name)]
    assert started == []
    assert {path for path, module in imports() if module == "broker.cli.bench_servers"} <= {
        path for path in sources() if path.startswith("broker/cli/bench")
    }


def test_no_code_is_made_of_text():
    assert files_importing("pickle", "marshal", "shelve", "dill", "jsonpickle") == set()
    made = {"eval", "exec", "compile", "__import__", "yaml.unsafe_load", "yaml.full_load", "yaml.load_all"}
    found = [where for where, name, _ in calls() if name in made or name.endswith((".from_string", ".xpath"))]
    assert found == []


def test_yaml_is_read_by_a_safe_loader():
    safe = {"yaml.CSafeLoader", "yaml.SafeLoader", "Once", "Plain"}
    for path, node in nodes():
        if isinstance(node, ast.ClassDef) and node.name in safe:
            assert {ast.unparse(base) for base in node.bases} <= safe, path
    loaders = {ast.unparse(call.args[1]) for _, name, call in calls() if name == "yaml.load"}
    assert loaders <= safe


def test_every_expression_is_a_constant():
    """An expression that is made on the way holds only what another expression has let through."""
    made = set()
    for where, name, call in calls():
        if name.startswith("re.") and name != "re.escape":
            parts = (part for argument in call.args[:1] for part in ast.walk(argument))
            made |= {where.split(":")[0] for part in parts if isinstance(part, ast.FormattedValue)}
    constant = "broker/domain/places.py"  # the second half of a postcode: a digit and two letters
    escaped = {path for path in made if "re.escape(" in (ROOT / path).read_text()}
    assert made - escaped <= {constant}


def test_every_xml_parser_is_restricted():
    parsers = [(where, call) for where, name, call in calls() if name.endswith(("XMLParser", "iterparse"))]
    assert parsers
    for where, call in parsers:
        said = {word.arg: ast.unparse(word.value) for word in call.keywords}
        assert said.get("resolve_entities") == "False", where
        assert said.get("no_network", "True") == "True", where
        assert said.get("huge_tree", "False") == "False", where
    parsed = [
        (where, call)
        for where, name, call in calls()
        if name in ("etree.fromstring", "etree.parse", "etree.XML", "ElementTree.fromstring")
    ]
    for where, call in parsed:
        assert len(call.args) + len(call.keywords) >= 2, f"{where}: without a parser of ours"


def test_what_must_not_be_guessed_is_not_random_s():
    """`random` spreads tries and fills benches and stories; tokens, nonces and passwords come from `secrets`."""
    assert files_importing("random") <= {
        "broker/bus/rabbit/link.py",
        "broker/replay/area.py",
        "broker/replay/staff.py",
        "broker/storage/migrate.py",
        "broker/storage/store.py",
        "broker/storage/synthetic.py",
        "broker/worker/loop.py",
    }
    drawn = [(where, call) for where, name, call in calls() if name in ("secrets.token_urlsafe", "secrets.token_bytes")]
    assert drawn
    for where, call in drawn:
        size = call.args[0] if call.args else None
        assert not isinstance(size, ast.Constant) or int(size.value) >= 16, f"{where}: less than 128 bits"


def test_no_weak_hash_is_used():
    weak = re.compile(r"(hashlib\.)?(md5|sha1|md4|new)|.*\.(MD5|SHA1)")
    assert [where for where, name, _ in calls() if weak.fullmatch(name)] == []
    assert {where for where, name, _ in calls() if name == "hmac.new"} == set()


def test_no_weak_cipher_is_used():
    """AES-256-GCM is all that encrypts; whatever else the library has is not imported."""
    found = {module for _, module in imports() if module.startswith("cryptography.hazmat")}
    assert "cryptography.hazmat.primitives.ciphers.aead" in found
    assert not any(module.endswith((".modes", ".algorithms", ".padding", ".decrepit")) for module in found)
    ciphers = {
        alias.name
        for _, node in nodes()
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("cryptography.hazmat.primitives.ciphers")
        for alias in node.names
    }
    assert ciphers == {"AESGCM"}


def test_secrets_are_compared_in_constant_time():
    """Nothing that is called a secret, a tag, a signature or a token of a form is compared by `==`."""
    secret = re.compile(r"\b(csrf|tag|digest|signature|secret|password)\b")
    found = []
    for path, node in nodes():
        if path.startswith(SECRETS) and isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.Eq | ast.NotEq):
            sides = [ast.unparse(side) for side in (node.left, *node.comparators)]
            named = any(secret.search(side.rsplit(".", 1)[-1]) for side in sides)
            if named and not any("'" in side for side in sides):
                found.append((path, node.lineno, ast.unparse(node)))
    assert found == []


def test_no_redirect_is_followed():
    follows = ("follow_redirects", "allow_redirects")
    assert [where for where, name, value in words() if name in follows and value != "False"] == []


def test_certificates_are_always_checked():
    checks = ("verify", "ssl", "check_hostname")
    assert [where for where, name, value in words() if name in checks and value == "False"] == []
    names = {node.attr for _, node in nodes() if isinstance(node, ast.Attribute)}
    assert not {"CERT_NONE", "_create_unverified_context"} & names


def test_no_other_forwarded_header_is_read():
    """X-Forwarded-For is, in one place, from proxies that are named (tests/unit/web/test_limits.py)."""
    forwarded = re.compile(r"(?i)(x-forwarded-\w+|forwarded|x-real-ip|x-user-id)")
    found = set()
    for path, node in nodes():
        if isinstance(node, ast.Constant) and isinstance(node.value, str | bytes):
            text = node.value if isinstance(node.value, str) else node.value.decode("latin-1")
            if forwarded.fullmatch(text):
                found.add((path, text.lower()))
    assert len(found) <= 1
    assert {text for _, text in found} <= {"x-forwarded-for"}


def test_there_is_no_debug_mode():
    assert [where for where, name, value in words() if name in ("debug", "reload") and value != "False"] == []


def test_text_says_its_character_set():
    """Starlette adds it where a response's media type is text; what is written by hand says it itself."""
    for path, node in nodes():
        for key, value in zip(node.keys, node.values, strict=True) if isinstance(node, ast.Dict) else ():
            if isinstance(key, ast.Constant) and str(key.value).lower() == "content-type":
                written = str(value.value) if isinstance(value, ast.Constant) else ""
                assert "charset" in written or not written.startswith("text/"), path


def test_our_script_writes_no_html_and_keeps_nothing():
    script = (ROOT / "broker/web/pages/assets/baton.js").read_text()
    for word in ("innerHTML", "outerHTML", "insertAdjacent", "document.write", "eval(", "localStorage", "indexedDB"):
        assert word not in script
    for word in ("sessionStorage", "postMessage", "document.cookie", "__proto__"):
        assert word not in script


def test_the_image_holds_what_runs_and_no_history():
    copied = re.findall(r"^COPY (?!--from)(\S+)", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert copied
    assert not {".", "./", ".git", "tests", "docs", "var", "requirements"} & set(copied)
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    assert "*" in ignored
    assert not any(line.startswith("!") and line.strip("!") in (".git", "var", "tests") for line in ignored)
    assert re.search(r"^USER (?!0|root)", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
